"""docs/guarantees.md names the tests that show what it promises: they exist, and no promise is without one."""
from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from conftest import REPOSITORY

_INTRODUCTION, *SECTIONS = re.split(r"^(?=## )", (REPOSITORY / "docs" / "guarantees.md").read_text(), flags=re.MULTILINE)
TESTS = REPOSITORY / "tests"

PYTHON_TEST = re.compile(r"test_\w+\.py::test_\w+")
CPP_TEST = re.compile(r"[A-Z]\w+\.[A-Z]\w+")
CPP_DEFINITION = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
NOT_PROMISED = "\n### Not promised"


def named_in(markdown: str) -> list[str]:
    """The tests, in the order of the document; other words in backticks are not tests."""
    found, file = [], ""
    for word in re.findall(r"`([^`]+)`", markdown):
        if PYTHON_TEST.fullmatch(word):
            file = word.partition("::")[0]
            found.append(word)
        elif word.startswith("::"):  # in the file that was named before
            found.append(file + word)
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
    return [entry for section in SECTIONS for entry in re.split(r"^- ", section.partition(NOT_PROMISED)[0], flags=re.MULTILINE)[1:]]


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


@pytest.mark.parametrize("kind", ["renamed.py", "commented out.py", "renamed.cpp", "commented out.cpp"])
def test_a_test_that_has_gone_is_missed(tmp_path: Path, kind: str) -> None:
    for folder in ("cli", "unit/rabbit", "broker"):
        (tmp_path / folder).mkdir(parents=True)
    python, cpp = tmp_path / "cli" / "test_move.py", tmp_path / "unit" / "rabbit" / "retry_test.cpp"
    python.write_text("def test_order() -> None:\n    pass\n")
    cpp.write_text("TEST_F(Retry, GivesUp) {\n}\n")
    assert existing(tmp_path) == {"test_move.py::test_order", "Retry.GivesUp"}
    how, _, language = kind.partition(".")
    path, name, comment = (python, "test_order", "# ") if language == "py" else (cpp, "GivesUp", "// ")
    text = path.read_text()
    path.write_text(text.replace(name, f"{name}2") if how == "renamed" else re.sub("^", comment, text, flags=re.MULTILINE))
    assert existing(tmp_path).isdisjoint({"test_move.py::test_order" if language == "py" else "Retry.GivesUp"})
