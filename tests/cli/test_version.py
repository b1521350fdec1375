"""The version stands in CMakeLists.txt; whatever else names it agrees."""
from __future__ import annotations

import re

from conftest import REPOSITORY
from program import Program


def found(pattern: str, file: str) -> str:
    """What the pattern's group matches first in a file of the repository."""
    match = re.search(pattern, (REPOSITORY / file).read_text(), re.MULTILINE)
    assert match, f"{file} has no {pattern}"
    return match[1]


def cmake_version() -> str:
    return found(r"^project\(hello-rabbit VERSION (\S+)", "CMakeLists.txt")


def test_the_programs_say_it(either: Program) -> None:
    result = either("--version", url="")
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.decode() == f"{either.name} {cmake_version()}\n"


def test_the_changelog_begins_with_it() -> None:
    assert found(r"^## (.*)", "CHANGELOG.md").partition(" (")[0] == cmake_version()


def test_the_security_policy_supports_it() -> None:
    assert cmake_version().startswith(found(r"^\| (\d+\.\d+) \| yes \|$", "SECURITY.md") + ".")
