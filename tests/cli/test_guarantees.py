"""docs/guarantees.md names the tests that show what it promises: they exist, and no promise is without one."""
from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from conftest import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "guarantees.md"
TESTS = REPOSITORY / "tests"

PYTHON_TEST = re.compile(r"test_\w+\.py::test_\w+")
CPP_TEST = re.compile(r"[A-Z]\w+\.[A-Z]\w+")
CPP_DEFINITION = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
PROMISED, NOT_PROMISED = "### Promised", "### Not promised"


def named_in(markdown: str) -> list[str]:
    """The tests, in the order of the document; other words in backticks are not tests."""
    words = re.findall(r"`([^`\n]+)`", markdown)
    return [word for word in words if PYTHON_TEST.fullmatch(word) or CPP_TEST.fullmatch(word)]


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


def promises(markdown: str) -> list[str]:
    """The entries of all lists under PROMISED."""
    found = []
    for part in re.split(r"^(?=##)", markdown, flags=re.MULTILINE):
        if part.startswith(f"{PROMISED}\n"):
            found += re.split(r"^- ", part, flags=re.MULTILINE)[1:]
    return found


def test_each_test_that_is_named_exists() -> None:
    named = named_in(DOCUMENT.read_text())
    assert len(named) > 100
    assert sorted(set(named) - existing(TESTS)) == []


def test_each_promise_names_a_test() -> None:
    found = promises(DOCUMENT.read_text())
    assert len(found) > 20
    assert [promise for promise in found if not named_in(promise)] == []


def test_each_promise_has_its_limits_beside_it() -> None:
    """What is not promised is said in the section of what is."""
    for section in re.split(r"^## ", DOCUMENT.read_text(), flags=re.MULTILINE)[1:]:
        assert (f"\n{PROMISED}\n" in section) == (f"\n{NOT_PROMISED}\n" in section), section.splitlines()[0]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("`test_move.py::test_order`, `Redact.BlotsOutThePassword`", 2),
        ("`--ack written`, `basic.nack`, `test_move.py`, `AMQP_URL`, `docs/acks.md`", 0),
    ],
)
def test_tests_are_told_from_other_words(text: str, named: int) -> None:
    assert len(named_in(text)) == named


@pytest.mark.parametrize("kind", ["renamed.py", "commented out.py", "renamed.cpp", "commented out.cpp"])
def test_a_test_that_has_gone_is_missed(tmp_path: Path, kind: str) -> None:
    for folder in ("cli", "unit/rabbit", "broker"):
        (tmp_path / folder).mkdir(parents=True)
    python, cpp = tmp_path / "cli" / "test_move.py", tmp_path / "unit" / "rabbit" / "retry_test.cpp"
    python.write_text("def test_order() -> None:\n    pass\n")
    cpp.write_text("TEST_F(Retry, GivesUp) {\n}\n")
    assert existing(tmp_path) == {"test_move.py::test_order", "Retry.GivesUp"}
    how, _, language = kind.partition(".")
    path, name = (python, "test_order") if language == "py" else (cpp, "GivesUp")
    text = path.read_text()
    path.write_text(text.replace(name, f"{name}2") if how == "renamed" else re.sub("^", "# " if language == "py" else "// ", text))
    assert existing(tmp_path).isdisjoint({"test_move.py::test_order" if language == "py" else "Retry.GivesUp"})
