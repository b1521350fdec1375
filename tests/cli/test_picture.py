"""docs/terminal.svg, the picture in the README."""
from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

import picture
from conftest import REPOSITORY, delete_queue
from program import Program

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def no_queue(broker_url: str) -> Iterator[None]:
    """The picture's queue is not there at the start, and gone at the end."""
    delete_queue(broker_url, picture.QUEUE)
    yield
    delete_queue(broker_url, picture.QUEUE)


def test_it_shows_what_the_programs_print(no_queue: None, broker_url: str, send: Program, receive: Program) -> None:
    drawn_now = picture.draw(broker_url, send.command[0], receive.command[0])
    assert picture.difference(drawn_now) == "", "scripts/picture draws it anew"


def test_it_is_an_accessible_picture_of_moderate_size() -> None:
    root = ElementTree.parse(picture.FILE).getroot()
    assert (root.tag, root.get("role")) == (f"{SVG}svg", "img")
    title = root.find(f"{SVG}title")
    assert title is not None and title.text and title.get("id") == root.get("aria-labelledby")
    assert picture.FILE.stat().st_size < 20_000


def test_all_of_its_lines_are_inside() -> None:
    root = ElementTree.parse(picture.FILE).getroot()
    lines = list(root.iter(f"{SVG}text"))
    assert 10 < len(lines) <= 30
    for line in lines:
        right = int(line.get("x", "")) + len("".join(line.itertext())) * picture.ADVANCE
        assert right < int(root.get("width", ""))
        assert picture.BAR < int(line.get("y", "")) < int(root.get("height", ""))


def test_it_has_no_control_characters() -> None:
    text = picture.FILE.read_bytes().decode()
    assert text.endswith("\n") and text.replace("\n", "").isprintable()


def test_the_readme_shows_it_and_says_in_words_what_it_is() -> None:
    images = re.findall(r"^!\[([^\]]+)\]\(docs/terminal\.svg\)$", (REPOSITORY / "README.md").read_text(), re.MULTILINE)
    assert len(images) == 1 and len(images[0]) > 40


def test_colours_become_classes_and_markup_is_escaped() -> None:
    rows = list(picture.rows_of_output("\x1b[1ma<b\x1b[0m &\x1b[1;36mc\nd\x1b[m\n"))
    assert [picture.drawn(row) for row in rows] == [
        '<tspan class="bold">a&lt;b</tspan> &amp;<tspan class="bold cyan">c</tspan>',
        '<tspan class="bold cyan">d</tspan>',
    ]


@pytest.mark.parametrize("printed", ["\x1b[31mred", "\x1b[K", "a\tb", "bell\a", "\r", "x" * (picture.COLUMNS + 1)])
def test_what_cannot_be_drawn_is_refused(printed: str) -> None:
    with pytest.raises(picture.Unfit):
        picture.svg(list(picture.rows_of_output(printed)))


def test_a_picture_that_differs_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "FILE", tmp_path / "terminal.svg")
    assert "+new\n" in picture.difference("new\n")
    picture.FILE.write_text("old\n")
    assert "-old\n+new\n" in picture.difference("new\n")
    assert picture.difference("old\n") == ""
