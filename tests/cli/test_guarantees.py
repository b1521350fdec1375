"""docs/guarantees.md names the tests that show what it promises: they exist, and no promise is without one."""
from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from conftest import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "guarantees.md"
_INTRODUCTION, *SECTIONS = re.split(r"^(?=## )", DOCUMENT.read_text(), flags=re.MULTILINE)
TESTS = REPOSITORY / "tests"

CPP_TEST = re.compile(r"[A-Z]\w+\.[A-Z]\w+")
CPP_DEFINITION = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
NOT_PROMISED = "\n### Not promised"


def named_in(markdown: str) -> list[str]:
    """The tests, in the order of the document; other words in backticks are not tests."""
    found, file = [], ""
    for word in re.findall(r"`([^`]+)`", markdown):
        if "::" in word:
            path, _, name = word.partition("::")
            file = path or file  # without a path it is in the file named before
            found.append(f"{file}::{name}")
        elif CPP_TEST.fullmatch(word):
            found.append(word)
    return found


def existing(tests: Path) -> set[str]:
    python = {
        f"{path.name}::{node.name}"
        for path in (tests / "cli").glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    cpp = {
        f"{suite}.{name}"
        for folder in ("unit", "broker")
        for path in (tests / folder).rglob("*_test.cpp")
        for suite, name in CPP_DEFINITION.findall(path.read_text())
    }
    return python | cpp


def promises() -> list[str]:
    """The entries of each section's first list."""
    promised = (section.partition(NOT_PROMISED)[0] for section in SECTIONS)
    return [entry for text in promised for entry in re.split(r"^- ", text, flags=re.MULTILINE)[1:]]


def test_each_test_that_is_named_exists() -> None:
    named = [name for section in SECTIONS for name in named_in(section)]
    assert len(named) > 50
    assert sorted(set(named) - existing(TESTS)) == []


def test_each_promise_names_a_test() -> None:
    assert len(promises()) > 20
    assert [promise for promise in promises() if not named_in(promise)] == []


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.splitlines()[0].removeprefix("## "))
def test_each_section_says_what_is_not_promised(section: str) -> None:
    assert section.partition(NOT_PROMISED)[2].startswith("\n\n- ")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("`test_a.py::test_b`, `::test_c`, `Ab.Cd`", ["test_a.py::test_b", "test_a.py::test_c", "Ab.Cd"]),
        ("`--ack written`, `basic.nack`, `test_a.py`, `AMQP_URL`, test_a.py::test_b, `README.md`", []),
        ("`::test_c` of no file", ["::test_c"]),  # and so of none that exists
    ],
)
def test_tests_are_told_from_other_words(text: str, named: list[str]) -> None:
    assert named_in(text) == named


@pytest.mark.parametrize(
    ("file", "text", "test"),
    [
        ("cli/test_move.py", "def test_order() -> None:\n    pass\n", "test_move.py::test_order"),
        ("unit/rabbit/retry_test.cpp", "TEST_F(Retry, GivesUp) {\n}\n", "Retry.GivesUp"),
    ],
)
def test_a_test_that_has_gone_is_missed(tmp_path: Path, file: str, text: str, test: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert existing(tmp_path) == {test}
    path.write_text(text.replace("order", "disorder").replace("GivesUp", "GoesOn"))
    assert test not in existing(tmp_path)
    path.write_text(re.sub("^", "# " if path.suffix == ".py" else "// ", text, flags=re.MULTILINE))
    assert existing(tmp_path) == set()
