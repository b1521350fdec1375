"""What scripts/package has made, in the folder that PACKAGES names, on the machine where it was made."""

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

Json = dict[str, Any]

PACKAGES = Path(os.environ["PACKAGES"])
PROGRAMS = ("send", "receive")
GLIBC = tuple(int(part) for part in os.confstr("CS_GNU_LIBC_VERSION").split()[1].split("."))


def output(*command: str | Path) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def only(pattern: str) -> Path:
    [file] = PACKAGES.glob(pattern)
    return file


@pytest.fixture(name="deb", scope="module")
def unpacked_deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("deb")
    subprocess.run(["dpkg-deb", "-x", only("*.deb"), root], check=True)
    return root


@pytest.fixture(name="rpm", scope="module")
def unpacked_rpm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rpm")
    with subprocess.Popen(["rpm2cpio", only("*.rpm")], stdout=subprocess.PIPE) as cpio:
        subprocess.run(["cpio", "--quiet", "-idm"], stdin=cpio.stdout, cwd=root, check=True)
    return root


@pytest.fixture(name="portable", scope="module")
def unpacked_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("portable")
    subprocess.run(["tar", "-xzf", only("*.tar.gz"), "-C", root], check=True)
    [top] = root.iterdir()
    return top


def needed(program: Path) -> set[str]:
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", program)))


def glibc(program: Path) -> tuple[int, ...]:
    """The version of glibc that a program or a library asks for."""
    versions = re.findall(r"GLIBC_([0-9.]+)", output("objdump", "-T", program))
    return max(tuple(int(part) for part in each.split(".")) for each in versions)


def files(root: Path) -> set[str]:
    return {str(each.relative_to(root)) for each in root.rglob("*") if each.is_file()}


def test_lintian_has_nothing_to_say() -> None:
    every = ["--display-info", "--pedantic", "--fail-on", "error,warning,info,pedantic"]
    subprocess.run(["lintian", *every, only("*.deb")], check=True)


def test_deb_depends_on_the_packages_of_its_libraries_and_no_other(deb: Path) -> None:
    listed = re.findall(r"^\s+(\S+) \(.*\) => (.*)$", output("/sbin/ldconfig", "-p"), re.MULTILINE)
    places = dict(reversed(listed))  # the machine's own kind comes before others
    owners = set()
    for name in set.union(*(needed(deb / "usr/bin" / each) for each in PROGRAMS)):
        path = str(Path(places[name]).resolve())
        found = subprocess.run(["dpkg-query", "-S", path, path.removeprefix("/usr")], capture_output=True, text=True,
                               check=False)
        owners.add(found.stdout.partition(":")[0])
    depends = output("dpkg-deb", "-f", only("*.deb"), "Depends")
    assert {each.split()[0] for each in depends.split(", ")} == owners


def test_deb_conflicts_with_those_that_have_files_of_the_same_names() -> None:
    assert output("dpkg-deb", "-f", only("*.deb"), "Conflicts").strip() == "sendfile, mmh"


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["deb", "rpm", "portable"])
def test_programs_are_hardened_and_stripped(kind: str, program: str, request: pytest.FixtureRequest) -> None:
    root: Path = request.getfixturevalue(kind)
    file = root / ("" if kind == "portable" else "usr") / "bin" / program
    # It asks for more than these, and ends with a status that says so.
    checked = subprocess.run(["hardening-check", file], stdout=subprocess.PIPE, check=False, text=True).stdout
    for protection in ("Position Independent Executable", "Stack protected", "Fortify Source functions",
                       "Read-only relocations", "Immediate binding"):
        assert f" {protection}: yes" in checked
    assert not re.search(r"\.symtab|\.debug_", output("readelf", "-SW", file))


def test_rpm_is_whole_and_holds_what_the_deb_holds(deb: Path, rpm: Path) -> None:
    assert "digests OK" in output("rpm", "--checksig", only("*.rpm"))
    of_debian = re.compile("usr/share/(lintian|doc/hello-rabbit)/")
    names = {each for each in files(deb) if not of_debian.match(each)}
    assert {each for each in files(rpm) if not of_debian.match(each)} == names
    assert set(output("rpm", "-qpl", only("*.rpm")).split()) >= {f"/{each}" for each in files(rpm)}
    for name in names:
        assert (rpm / name).read_bytes() == (deb / name).read_bytes(), name


def test_rpm_requires_the_libraries_of_the_programs(rpm: Path) -> None:
    required = output("rpm", "-qp", "--requires", only("*.rpm")).split("\n")
    libraries = {each.partition("(")[0] for each in required if ".so" in each}
    named = set.union(*(needed(rpm / "usr/bin" / each) for each in PROGRAMS))
    assert libraries - {"ld-linux-x86-64.so.2"} == named - {"ld-linux-x86-64.so.2"}
    for program in PROGRAMS:
        assert output(rpm / "usr/bin" / program, "--version").startswith(program)


@pytest.mark.parametrize("program", PROGRAMS)
def test_portable_program_needs_nothing_but_glibc_and_what_goes_along(portable: Path, program: str) -> None:
    file = portable / "bin" / program
    along = {each.name: each for each in (portable / "lib").iterdir()}
    everything = [file, *along.values()]
    others = {each for each in set.union(*map(needed, everything)) if not re.match(r"lib(c|m)\.so\.6|ld-linux", each)}
    assert others == set(along)
    assert max(map(glibc, everything)) <= GLIBC
    found = dict(re.findall(r"(\S+) => (\S+)", output("ldd", file)))
    for name, library in along.items():
        assert Path(found[name]).resolve() == library
    assert output(file, "--version").startswith(program)


def test_checksums_are_those_of_the_files() -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=PACKAGES, check=True)
    listed = {line.split()[1] for line in (PACKAGES / "SHA256SUMS").read_text().splitlines()}
    assert listed == {each.name for each in PACKAGES.iterdir()} - {"SHA256SUMS"}


@pytest.fixture(name="spdx", scope="module")
def spdx_document() -> Json:
    document: Json = json.loads(only("*.spdx.json").read_text())
    return document


def related(spdx: Json, element: str, relationship: str) -> set[str]:
    return {each["relatedSpdxElement"] for each in spdx["relationships"]
            if each["spdxElementId"] == element and each["relationshipType"] == relationship}


def test_spdx_has_the_shape_of_version_2_3(spdx: Json) -> None:
    assert spdx["spdxVersion"] == "SPDX-2.3" and spdx["dataLicense"] == "CC0-1.0"
    assert spdx["SPDXID"] == "SPDXRef-DOCUMENT" and spdx["documentNamespace"].startswith("urn:uuid:")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", spdx["creationInfo"]["created"])
    elements = [each["SPDXID"] for each in spdx["packages"] + spdx["files"]]
    assert len(elements) == len(set(elements))
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", each) for each in elements)
    for each in spdx["packages"]:
        assert each.keys() >= {"name", "versionInfo", "downloadLocation", "licenseDeclared", "copyrightText"}
        assert re.match(r"(Organization|Person): ", each["supplier"])
    for relationship in spdx["relationships"]:
        assert {relationship["spdxElementId"], relationship["relatedSpdxElement"]} <= {"SPDXRef-DOCUMENT", *elements}


@pytest.mark.parametrize("kind", ["deb", "rpm", "portable"])
def test_spdx_lists_the_files_of_a_package(spdx: Json, kind: str, request: pytest.FixtureRequest) -> None:
    root: Path = request.getfixturevalue(kind)
    file = only("*.tar.gz" if kind == "portable" else f"*.{kind}")
    [package] = [each for each in spdx["packages"] if each.get("packageFileName") == file.name]
    assert package["SPDXID"] in related(spdx, "SPDXRef-DOCUMENT", "DESCRIBES")
    assert package["checksums"][0]["checksumValue"] == hashlib.sha256(file.read_bytes()).hexdigest()
    inside = related(spdx, package["SPDXID"], "CONTAINS")
    listed = {each["fileName"]: {sum["algorithm"]: sum["checksumValue"] for sum in each["checksums"]}
              for each in spdx["files"] if each["SPDXID"] in inside}
    assert listed == {
        f"./{name}": {each: hashlib.new(each, (root / name).read_bytes()).hexdigest() for each in ("SHA1", "SHA256")}
        for name in files(root)
    }


@pytest.mark.parametrize("kind", ["deb", "rpm", "tar.gz"])
def test_spdx_says_what_a_program_links(spdx: Json, kind: str) -> None:
    def names(relationship: str) -> set[str]:
        package = f"SPDXRef-Package-{only('*.' + kind).name}".replace("_", "-")
        [file] = [each for each in related(spdx, package, "CONTAINS") if each.endswith("-bin-send")]
        ids = related(spdx, file, relationship)
        return {each["name"] for each in spdx["packages"] if each["SPDXID"] in ids}

    headers = {"libcli11-dev", "libfmt-dev", "nlohmann-json3-dev"}
    if kind == "tar.gz":
        dynamic = names("DYNAMIC_LINK")
        assert {each for each in dynamic if not each.startswith("libsimdjson")} == {"libc6", "libgcc-s1", "libstdc++6", "liburiparser1"}
        assert len(dynamic) == 5
        assert names("STATIC_LINK") > headers | {"librabbitmq-dev", "libssl-dev", "libzstd-dev", "zlib1g-dev"}
    else:
        depends = output("dpkg-deb", "-f", only("*.deb"), "Depends")
        assert names("DYNAMIC_LINK") == {each.split()[0] for each in depends.split(", ")}
        assert names("STATIC_LINK") == headers
