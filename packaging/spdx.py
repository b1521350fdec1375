#!/usr/bin/python3
"""Writes the SPDX 2.3 document of packages: their files, and the Debian packages that these link or were compiled with.

spdx.py TREE PACKAGE...    TREE is where the packages were built; SOURCE_DATE_EPOCH is the document's time
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import uuid
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

Json = dict[str, Any]

# Licences as Debian's copyright files name them, where SPDX has another name.
SPDX_NAMES = {"Expat": "MIT", "BSD-3-clause": "BSD-3-Clause", "Apache-2.0": "Apache-2.0", "Zlib": "Zlib", "MIT": "MIT"}
# Its headers declare and have no code to compile in.
DECLARATIONS = {"linux-libc-dev"}


def output(*command: str | Path) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def identifier(*parts: str) -> str:
    return "SPDXRef-" + "-".join(re.sub(r"[^A-Za-z0-9.]+", "-", part).strip("-") for part in parts)


def checksums(file: Path, *algorithms: str) -> list[Json]:
    data = file.read_bytes()
    return [{"algorithm": each, "checksumValue": hashlib.new(each, data).hexdigest()} for each in algorithms]


def unpack(package: Path, folder: Path) -> None:
    if package.suffix == ".deb":
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    elif package.suffix == ".rpm":
        with subprocess.Popen(["rpm2cpio", package], stdout=subprocess.PIPE) as cpio:
            subprocess.run(["cpio", "--quiet", "-idm"], stdin=cpio.stdout, cwd=folder, check=True)
    else:
        subprocess.run(["tar", "-xzf", package, "-C", folder, "--strip-components=1"], check=True)


@cache
def owner(file: Path) -> str:
    """The Debian package that has the file, which it may know by its name before /lib became a link to /usr/lib."""
    names = [str(file), str(file).removeprefix("/usr")]
    found = subprocess.run(["dpkg-query", "-S", *names], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return found.stdout.partition(":")[0]


def owners(files: set[Path]) -> set[str]:
    return {owner(file.resolve()) for file in files} - {""}


@cache
def installed_libraries() -> dict[str, Path]:
    lines = output("/sbin/ldconfig", "-p")
    # The machine's own kind comes before others.
    return {name: Path(file) for name, file in reversed(re.findall(r"^\s+(\S+) \(.*\) => (.*)$", lines, re.MULTILINE))}


def libraries(program: Path) -> set[Path]:
    """The shared libraries that it names, as they are installed here, and not those that these need in turn."""
    named = re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", program))
    return {installed_libraries()[name] for name in named}


def headers(tree: Path) -> set[Path]:
    lines = output("ninja", "-C", tree, "-t", "deps").splitlines()
    return {Path(line.strip()) for line in lines if line.startswith("    /usr/")}


def archives(tree: Path, program: str) -> set[Path]:
    """What the linker has read for a portable program."""
    inputs = (tree / "packaging" / f"{program}.d").read_text().replace("\\\n", " ").split()
    return {Path(each) for each in inputs if each.startswith("/") and each.endswith((".a", ".o"))}


def source(package: str) -> str:
    return output("dpkg-query", "-W", "-f", "${source:Package}", package)


def licences(package: str) -> tuple[str, str]:
    """What its machine-readable copyright file declares for the files in general, and a comment on the others."""
    text = Path(f"/usr/share/doc/{package}/copyright").read_text(encoding="utf-8", errors="replace")
    if not text.startswith("Format:"):
        return "NOASSERTION", "The copyright file is not machine-readable."
    general = re.search(r"^Files:\s*\*\s*\n(?:.*\S.*\n)*?License:\s*(.*\S)", text, re.MULTILINE)
    every = sorted(set(re.findall(r"^License:\s*(.*\S)", text, re.MULTILINE)))
    declared = SPDX_NAMES.get(general[1], "NOASSERTION") if general else "NOASSERTION"
    return declared, "The copyright file names: " + "; ".join(every)


def describe_dependency(package: str) -> Json:
    fields = "${Package}\n${Version}\n${Architecture}\n${Maintainer}"
    name, version, architecture, maintainer = output("dpkg-query", "-W", "-f", fields, package).split("\n")
    declared, comment = licences(package)
    purl = f"pkg:deb/debian/{name.replace('+', '%2B')}@{version.replace('+', '%2B')}?arch={architecture}"
    return {
        "SPDXID": identifier("Debian", name),
        "name": name,
        "versionInfo": version,
        "supplier": "Organization: " + re.sub(r" <(.*)>", r" (\1)", maintainer),
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": declared,
        "licenseComments": comment,
        "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}],
    }


class Document:
    """Collects the elements and how they are related."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.compiled = owners(headers(tree))
        self.packages: list[Json] = []
        self.files: list[Json] = []
        self.dependencies: set[str] = set()
        self.relationships: list[tuple[str, str, str]] = []

    def relate(self, element: str, relationship: str, dependencies: set[str]) -> None:
        self.dependencies |= dependencies
        for each in sorted(dependencies):
            self.relationships.append((element, relationship, identifier("Debian", each)))

    def add_program(self, element: str, file: Path, is_portable: bool) -> None:
        shared = owners(libraries(file))
        static = owners(archives(self.tree, file.name)) if is_portable else set()
        sources = {source(each) for each in shared | static}
        inside = {each for each in self.compiled - DECLARATIONS if source(each) not in sources}
        self.relate(element, "DYNAMIC_LINK", shared)
        self.relate(element, "STATIC_LINK", static | inside)

    def add_package(self, package: Path, root: Path, version: str) -> None:
        element = identifier("Package", package.name)
        self.relationships.append(("SPDXRef-DOCUMENT", "DESCRIBES", element))
        sums = []
        for path in sorted(each for each in root.rglob("*") if each.is_file()):
            name = path.relative_to(root)
            file = identifier("File", package.name, str(name))
            digests = checksums(path, "SHA1", "SHA256")
            sums.append(digests[0]["checksumValue"])
            is_binary = path.read_bytes().startswith(b"\x7fELF")
            is_ours = not path.name.startswith(("NOTICE", "lib"))
            self.files.append({
                "SPDXID": file,
                "fileName": f"./{name}",
                "fileTypes": ["BINARY" if is_binary else "DOCUMENTATION"],
                "checksums": digests,
                "licenseConcluded": "NOASSERTION",
                "licenseInfoInFiles": ["MIT" if is_ours else "NOASSERTION"],
                "copyrightText": "NOASSERTION",
            })
            self.relationships.append((element, "CONTAINS", file))
            if path.parent.name == "bin":
                self.add_program(file, path, package.suffix == ".gz")
            elif is_binary:
                self.relate(file, "COPY_OF", owners({installed_libraries()[path.name]}))
        # Headers that do no more than declare, and the C++ library's, whose code the programs share with all others.
        for each in sorted(self.compiled):
            self.dependencies.add(each)
            self.relationships.append((identifier("Debian", each), "BUILD_DEPENDENCY_OF", element))
        self.packages.append({
            "SPDXID": element,
            "name": "hello-rabbit",
            "versionInfo": version,
            "packageFileName": package.name,
            "supplier": "Organization: The hello-rabbit authors",
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": True,
            "packageVerificationCode": {
                "packageVerificationCodeValue": hashlib.sha1("".join(sorted(sums)).encode()).hexdigest()
            },
            "checksums": checksums(package, "SHA256"),
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "MIT",
            "licenseInfoFromFiles": ["MIT", "NOASSERTION"],
            "copyrightText": "The hello-rabbit authors",
            "primaryPackagePurpose": "APPLICATION",
        })

    def json(self, version: str) -> Json:
        created = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
        dependencies = [describe_dependency(each) for each in sorted(self.dependencies)]
        content = json.dumps([self.packages, dependencies, self.files])
        return {
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"hello-rabbit-{version}",
            "documentNamespace": uuid.uuid5(uuid.NAMESPACE_OID, content).urn,
            "creationInfo": {
                "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "creators": [f"Tool: hello-rabbit-spdx.py-{version}"],
            },
            "packages": self.packages + dependencies,
            "files": self.files,
            "relationships": [
                {"spdxElementId": element, "relationshipType": relationship, "relatedSpdxElement": other}
                for element, relationship, other in self.relationships
            ],
        }


def main(tree: Path, packages: list[Path]) -> None:
    version = re.search(r"^CMAKE_PROJECT_VERSION:.*=(.*)$", (tree / "CMakeCache.txt").read_text(), re.MULTILINE)[1]
    document = Document(tree)
    for package in packages:
        with tempfile.TemporaryDirectory() as folder:
            unpack(package.resolve(), Path(folder))
            document.add_package(package, Path(folder), version)
    json.dump(document.json(version), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]])
