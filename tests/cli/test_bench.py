"""scripts/bench, as far as it measures nothing: what it runs, what it checks, what it makes of results."""
from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY
from program import DEADLINE, Program

sys.path.append(str(REPOSITORY / "bench"))
import contestants
import formats
import runs
from runs import BenchError

SVG = "{http://www.w3.org/2000/svg}"
EACH = [(what, each) for what, table in contestants.CONTESTANTS.items() for each in table]
GIVEN = {"url": "amqp://localhost", "count": 7, "size": 12, "type": "", "properties": formats.Formats.properties}


def result(contestant: str, reference: str, size: int, tls: bool = False, **others: Any) -> dict[str, Any]:
    what = "receive" if "ack" in reference else "send"
    return {
        "what": what, "size": size, "queue_type": "classic", "tls": tls, "contestant": contestant, "reference": reference,
        "messages": 100, "rounds": 5, "rate": 1234.5, "least_rate": 1000, "most_rate": 1500, "rate_ratio": 0.971,
        "processor_time": 1.25, "processor_ratio": 1.1, "processor_ratio_with_copy": 1.05, "peak_kib": 9000, **others,
    }  # fmt: skip


RESULTS = [
    *(result(name, "floor", size, tls) for size in (12, 1024) for tls in (False, True) for name in ("floor", "send --lines")),
    result("amqp091-go", "floor", 12, rate_ratio=0.5, processor_time=12.0),
    *(result(name, "floor, auto-ack", 12) for name in ("floor, auto-ack", "receive --ack auto")),
    *(result(name, "floor, acked per 500", 12) for name in ("floor, acked per 500", "receive --ack written")),
]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    file = tmp_path / "results.json"
    file.write_text(json.dumps({"machine": "A machine.", "copy": {"12": 0.01}, "results": RESULTS}))
    return file


def bench(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REPOSITORY / "scripts/bench", *args], capture_output=True, text=True, timeout=DEADLINE, check=False
    )


def drawn(results: Path) -> ElementTree.Element:
    picture = results.with_suffix(".svg")
    done = bench("plot", results, picture)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return ElementTree.parse(picture).getroot()


def test_a_plot_has_two_marks_for_each_result_and_says_what_they_are(results: Path) -> None:
    root = drawn(results)
    marks = root.findall(f"{SVG}circle")
    assert len(marks) == 2 * len(RESULTS)
    said = [mark.findtext(f"{SVG}title") for mark in marks]
    assert "amqp091-go, 12 bytes: 0.500 of the floor’s rate" in said
    assert "amqp091-go, 12 bytes: 12.00 µs of processor time a message" in said


def test_a_plot_is_accessible_and_has_all_of_its_marks_inside(results: Path) -> None:
    root = drawn(results)
    assert (root.tag, root.get("role"), root.get("aria-labelledby")) == (f"{SVG}svg", "img", "title description")
    assert all(root.find(f"{SVG}{tag}[@id='{name}']") is not None for tag, name in (("title", "title"), ("desc", "description")))
    assert "prefers-color-scheme: dark" in (root.findtext(f"{SVG}style") or "")
    width, height = (float(root.get(name, "")) for name in ("width", "height"))
    for mark in root.iter(f"{SVG}circle"):
        assert 0 < float(mark.get("cx", "")) < width and 0 < float(mark.get("cy", "")) < height


def test_a_larger_ratio_is_drawn_higher_and_a_larger_body_further_right(results: Path) -> None:
    marks = {mark.findtext(f"{SVG}title"): mark for mark in drawn(results).iter(f"{SVG}circle")}
    ours, go = (marks[f"{name}, 12 bytes: {ratio} of the floor’s rate"] for name, ratio in
                (("send --lines", "0.971"), ("amqp091-go", "0.500")))  # fmt: skip
    assert float(ours.get("cy", "")) < float(go.get("cy", ""))
    of_time, of_more_time = (marks[f"{name}, 12 bytes: {time} µs of processor time a message"] for name, time in
                             (("send --lines", "1.25"), ("amqp091-go", "12.00")))  # fmt: skip
    assert float(of_more_time.get("cy", "")) < float(of_time.get("cy", ""))
    larger = marks["send --lines, 1 KiB: 0.971 of the floor’s rate"]
    assert float(larger.get("cx", "")) > float(ours.get("cx", ""))


def test_the_legend_names_only_who_was_measured(results: Path) -> None:
    texts = [each.text for each in drawn(results).iter(f"{SVG}text")]
    assert {"send, receive", "floor", "amqp091-go"} <= set(texts) and "Pika" not in texts


def test_tables_have_a_row_for_each_place(results: Path) -> None:
    done = bench("tables", results)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if line.startswith("|")]
    assert ["12", "classic", "plain", "5", "1,234", "1,234", "0.971", "1.25 us", "1.100", "1.050", "0.500"] in rows
    assert ["1,024", "classic", "TLS", "5", "1,234", "1,234", "0.971", "1.25 us", "1.100", "1.050", ""] in rows
    assert len(rows) == (2 + 4) + (2 + 1) + (2 + 1)
    assert done.stdout.splitlines()[-1].endswith("A machine.")


@pytest.mark.parametrize("content", ["", "[]", '{"results": [{}]}'])
def test_a_file_that_holds_no_results_is_named(results: Path, content: str) -> None:
    results.write_text(content)
    for command in (("tables", results), ("plot", results, results.with_suffix(".svg"))):
        done = bench(*command)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"bench: {results} holds no results") and done.stderr.count("\n") == 1
    assert not results.with_suffix(".svg").exists()


@pytest.mark.parametrize(("what", "contestant"), EACH, ids=lambda each: getattr(each, "name", each))
def test_a_contestant_runs_something_that_is_there(
    what: str, contestant: contestants.Contestant, send: Program, receive: Program
) -> None:
    program, *arguments = shlex.split(contestant.command.format(**GIVEN))
    folder = REPOSITORY / "bench"
    if program in ours(send, receive):
        known = subprocess.check_output([ours(send, receive)[program], "--help"], text=True, timeout=DEADLINE)
        options = {word.split("=")[0] for word in arguments if word.startswith("--")}
        assert options <= set(re.findall(r"--[a-z-]+", known))
    elif Path(program).parent == contestants.PORTABLE:
        assert f" {Path(program).name}:" in (REPOSITORY / "packaging/CMakeLists.txt").read_text()
    elif Path(program).parent == contestants.BUILD / "bench":
        assert (folder / Path(program).name).with_suffix(".cpp").exists()
    elif program == str(contestants.GO_PEER):
        assert (folder / "peers/go/main.go").exists()
    elif Path(program).name in ("python3", "node"):
        assert Path(arguments[0]).parent == folder / "peers" and Path(arguments[0]).exists()
    else:
        assert program in ("amqp-publish", "amqp-consume")


def ours(send: Program, receive: Program) -> dict[str, str]:
    return {f"{contestants.BUILD}/{each}": str(program.command[0]) for each, program in (("send", send), ("receive", receive))}


def test_contestants_are_held_against_some_of_their_own_table() -> None:
    for what, table in contestants.CONTESTANTS.items():
        names = {each.name for each in table}
        assert len(names) == len(table) and {each.reference for each in table} <= names
        for target in (*contestants.TARGETS[what], *contestants.MOST_PROCESSOR_TIME.get(what, [])):
            references = (target.reference,) if isinstance(target.reference, str) else target.reference
            assert {target.name, *references} <= names


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7])
def test_each_contestant_runs_after_all_others_equally_often_and_each_begins(count: int) -> None:
    orders = [runs.order(number, count) for number in range(2 * count)]
    assert all(sorted(order) == list(range(count)) for order in orders)
    assert Counter(order[0] for order in orders) == dict.fromkeys(range(count), 2)
    neighbours = Counter(pair for order in orders for pair in pairwise(order))
    assert neighbours == dict.fromkeys(permutations(range(count), 2), 2)


@pytest.mark.parametrize(
    ("bodies", "changed"),
    [
        (["one", "two"], {}), (["one"], {"payload": "two"}), ([], {}), (["one"], {"redelivered": True}),
        (["one"], {"properties": {**formats.PROPERTIES, "headers": {**formats.HEADERS, "attempt": "3"}}}),
    ],
    ids=["too few", "another body", "too many", "redelivered", "another header"],
)  # fmt: skip
def test_formats_accepts_only_what_was_sent(tmp_path: Path, bodies: list[str], changed: dict[str, Any]) -> None:
    contestant = contestants.CONTESTANTS["formats"][1]
    record = {"payload": "one", "payload_encoding": "string", "exchange": "", "routing_key": contestants.QUEUE,
              "redelivered": False, "properties": formats.PROPERTIES}  # fmt: skip
    printed = tmp_path / "printed"
    printed.write_text(json.dumps(record) + "\n")
    formats.check_records(contestant, printed, ["one"])
    printed.write_text(json.dumps({**record, **changed}) + "\n")
    with pytest.raises(BenchError, match="is not what was sent"):
        formats.check_records(contestant, printed, bodies)


def test_formats_numbers_the_message_ids(tmp_path: Path) -> None:
    contestant = contestants.CONTESTANTS["formats"][1]
    records = [{"payload": body, "payload_encoding": "string", "exchange": "", "routing_key": contestants.QUEUE,
                "redelivered": False, "properties": {**formats.PROPERTIES, "message_id": f"order-{number}"}}
               for number, body in enumerate(["two", "three"], 2)]  # fmt: skip
    printed = tmp_path / "printed"
    printed.write_text("".join(json.dumps(record) + "\n" for record in records))
    formats.check_records(contestant, printed, ["two", "three"], first=2, own_ids=True)
    with pytest.raises(BenchError, match="message 1 is not what was sent"):
        formats.check_records(contestant, printed, ["two", "three"], own_ids=True)
