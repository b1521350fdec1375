"""receive --where: only what matches is printed, moved or given to COMMAND; the rest stays, in order, or is acked."""
from __future__ import annotations

from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from move_support import DRAIN, declare, exchange, target
from program import Program
from receive_support import (
    NOWHERE,
    READY,
    await_message,
    await_no_consumer,
    bodies_left_in,
    fill,
    left_in,
    lines,
    numbered,
)
from send_support import await_messages, feed
from test_receive_json import consume, encoded, on_the_wire
from witness import publish

__all__ = ["exchange", "on_the_wire", "target"]  # fixtures

KINDS = pytest.mark.parametrize("kind", ["classic", "quorum"])
LINES = ("--format", "lines")


def every(count: int, step: int) -> list[bytes]:
    return numbered(range(0, count, step))


def all_but_every(count: int, step: int) -> list[bytes]:
    return numbered(number for number in range(count) if number % step)


def publish_numbered(channel: BlockingChannel, queue: str, count: int, step: int) -> None:
    """One in `step` has the type a, the others b."""
    for number in range(count):
        properties = pika.BasicProperties(type="b" if number % step else "a")
        channel.basic_publish("", queue, b"%d" % number, properties)
    await_messages(channel, queue, count)


# What matches.


PROPERTIES: list[tuple[str, dict[str, Any]]] = [
    ("amq.direct", {"type": "order.new", "priority": 5, "headers": {"x": "1", "region": "eu-west"}}),
    ("amq.direct", {"type": "order.old", "priority": 15, "headers": {"x": 1}}),
    ("amq.topic", {"type": "invoice", "correlation_id": "ä*b", "headers": {"x": True, "n": {"m": 1}}}),
    ("amq.topic", {"content_type": "text/plain", "delivery_mode": 2, "timestamp": 1700000000, "headers": {}}),
    ("amq.topic", {"message_id": "", "app_id": "a", "headers": {"": "empty", "a=b": "c"}}),
    ("", {}),
]


@KINDS
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (["type=order.*"], "01"),
        (["type=order.new"], "0"),
        (["type=*"], "012"),
        (["type=?rder.[a-n]*"], "0"),
        (["type=order.[!n]*"], "1"),
        (["type=ORDER.new"], ""),
        (["type=order"], ""),
        (["priority=5"], "0"),
        (["priority=*5"], "01"),
        (["correlation_id=?\\*b"], "2"),
        (["content_type=text/*"], "3"),
        (["delivery_mode=2"], "3"),
        (["message_id="], "4"),
        (["message_id=?*"], ""),
        (["exchange=amq.direct"], "01"),
        (["exchange="], "5"),
        (["exchange=*"], "012345"),
        (["routing_key=*-2"], "2"),
        (["headers.region=eu-*"], "0"),
        (["headers.x=1"], "01"),
        (["headers.x=true"], "2"),
        (["headers.nothing=*"], ""),
        (["headers.a=b=c"], ""),
        (["type=order.*", "headers.region=*"], "0"),
        (["type=order.*", "exchange=amq.topic"], ""),
        (["type=order.*", "type=*.old"], "1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_what_matches(
    receive: Program, channel: BlockingChannel, queue: str, kind: str, where: list[str], expected: str
) -> None:
    declare(channel, queue, kind)
    for number, (exchange_name, properties) in enumerate(PROPERTIES):
        key = f"{queue}-{number}" if exchange_name else queue
        if exchange_name:
            channel.queue_bind(queue, exchange_name, key)
        channel.basic_publish(exchange_name, key, b"%d" % number, pika.BasicProperties(**properties))
    options = [word for each in where for word in ("--where", each)]
    result = receive("-q", queue, "--no-declare", *options, "--drain", *LINES)
    assert (result.returncode, result.stdout.split()) == (0, [each.encode() for each in expected])
    left = [str(number).encode() for number in range(len(PROPERTIES)) if str(number) not in expected]
    assert bodies_left_in(channel, queue) == left
    assert (b"receive: %d messages did not match and stay\n" % len(left) in result.stderr) == bool(left)


# What is done with it.


@KINDS
def test_what_matches_is_moved(
    receive: Program, channel: BlockingChannel, queue: str, target: str, kind: str
) -> None:
    declare(channel, queue, kind)
    publish_numbered(channel, queue, 3000, 7)
    result = receive("-q", queue, "--no-declare", "--where", "type=a", "--to-queue", target, "--drain")
    assert (result.returncode, result.stdout) == (0, b"")
    assert f"receive: 429 messages moved to queue '{target}'\n".encode() in result.stderr
    assert b"receive: 2571 messages did not match and stay\n" in result.stderr
    assert bodies_left_in(channel, target) == every(3000, 7)
    assert bodies_left_in(channel, queue) == all_but_every(3000, 7)


@KINDS
def test_what_matches_is_given_to_command(receive: Program, channel: BlockingChannel, queue: str, kind: str) -> None:
    declare(channel, queue, kind)
    publish_numbered(channel, queue, 50, 7)
    command = ("--", "/bin/sh", "-c", "cat; echo")
    result = receive("-q", queue, "--no-declare", "--where", "type=a", *DRAIN, *command)
    assert (result.returncode, result.stdout) == (0, lines(every(50, 7)))
    assert bodies_left_in(channel, queue) == all_but_every(50, 7)


@KINDS
@pytest.mark.parametrize("count", [1, 10, 200])
def test_count_counts_what_matches(
    receive: Program, channel: BlockingChannel, queue: str, target: str, kind: str, count: int
) -> None:
    declare(channel, queue, kind)
    publish_numbered(channel, queue, 3000, 7)
    where = ("--where", "type=a", "--count", str(count), "--quiet")
    moved = every(3000, 7)[:count]
    assert receive("-q", queue, "--no-declare", *where, "--to-queue", target).returncode == 0
    assert bodies_left_in(channel, target) == moved
    await_no_consumer(channel, queue)
    printed = every(3000, 7)[count : 2 * count]
    assert receive("-q", queue, "--no-declare", *where, *LINES).stdout == lines(printed)
    assert bodies_left_in(channel, queue) == [
        body for body in numbered(range(3000)) if body not in moved and body not in printed
    ]


@KINDS
def test_a_watch(receive: Program, channel: BlockingChannel, queue: str, target: str, kind: str) -> None:
    """What stays does not come again."""
    declare(channel, queue, kind)
    process = receive.start("-q", queue, "--no-declare", "--where", "type=a", "--to-queue", target)
    process.wait_for(lambda: READY in process.stderr, "ready line")
    for number in range(20):
        channel.basic_publish("", queue, b"%d" % number, pika.BasicProperties(type="ba"[number % 2]))
        if number % 2:
            assert await_message(channel, target) == b"%d" % number
    process.interrupt()
    result = process.finish()
    assert (result.returncode, result.stdout) == (0, b"")
    assert b"receive: 10 messages did not match and stay\n" in result.stderr
    assert bodies_left_in(channel, queue) == numbered(range(0, 20, 2))


@KINDS
def test_unmatched_ones_are_taken(
    receive: Program, channel: BlockingChannel, queue: str, target: str, kind: str
) -> None:
    declare(channel, queue, kind)
    publish_numbered(channel, queue, 3000, 7)
    options = ("--where", "type=a", "--unmatched", "take", "--to-queue", target, "--drain")
    result = receive("-q", queue, "--no-declare", *options)
    assert (result.returncode, result.stdout) == (0, b"")
    assert b"receive: 2571 messages did not match\n" in result.stderr
    assert bodies_left_in(channel, target) == every(3000, 7)
    assert left_in(channel, queue) == []


@pytest.mark.parametrize("ack", [(), ("--ack", "auto"), ("--ack", "written")], ids=" ".join)
def test_unmatched_ones_are_taken_and_the_others_printed(
    receive: Program, channel: BlockingChannel, queue: str, ack: tuple[str, ...]
) -> None:
    channel.queue_declare(queue)
    publish_numbered(channel, queue, 3000, 7)
    options = ("--where", "type=a", "--unmatched", "take", "--idle", "0.5", *ack, *LINES)
    assert receive("-q", queue, *options).stdout == lines(every(3000, 7))
    assert left_in(channel, queue) == []


def test_a_stream(receive: Program, send: Program, queue: str) -> None:
    """Its messages stay anyway."""
    records = b"".join(
        b'{"payload": "%d", "properties": {"type": "%s"}}\n' % (number, b"b" if number % 7 else b"a")
        for number in range(3000)
    )
    options = ("--queue", queue, "--queue-type", "stream")
    assert feed(send, records, "--json", *options).returncode == 0
    for _ in range(2):
        result = receive("-q", queue, "--offset", "first", "--where", "type=a", "--idle", "0.7", *LINES)
        assert (result.returncode, result.stdout) == (0, lines(every(3000, 7)))


def test_a_stream_and_a_count(receive: Program, send: Program, queue: str, target: str, channel: BlockingChannel) -> None:
    records = b"".join(
        b'{"payload": "%d", "properties": {"type": "%s"}}\n' % (number, b"b" if number % 1100 else b"a")
        for number in range(5000)
    )
    assert feed(send, records, "--json", "--queue", queue, "--queue-type", "stream").returncode == 0
    options = ("--offset", "first", "--where", "type=a", "--count", "3", "--quiet")
    assert receive("-q", queue, *options, "--to-queue", target).returncode == 0
    assert bodies_left_in(channel, target) == every(3300, 1100)


# Nothing matches.


@KINDS
@pytest.mark.parametrize("ending", [("--drain",), ("--idle", "0.5"), ("--count", "1", "--idle", "0.5")], ids=" ".join)
@pytest.mark.usefixtures("on_the_wire")
def test_nothing_matches(
    receive: Program, channel: BlockingChannel, queue: str, kind: str, ending: tuple[str, ...]
) -> None:
    """Messages and order are as they were; a quorum queue alone adds its count of deliveries."""
    declare(channel, queue, kind)
    messages = []
    for number in range(3000):
        body = b"%d" % number * (number % 50)
        properties = pika.BasicProperties(
            type=f"{number % 7}", message_id=f"{number}", headers={"k": [number, {"n": None}]} if number % 3 else None
        )
        messages.append((body, properties))
        channel.basic_publish("", queue, body, properties)
    await_messages(channel, queue, 3000)
    result = receive("-q", queue, "--no-declare", "--where", "type=x", *ending, *LINES)
    assert (result.returncode, result.stdout) == (2 if "--count" in ending else 0, b"")
    assert b"receive: 3000 messages did not match and stay\n" in result.stderr
    assert await_no_consumer(channel, queue) == 3000
    found = consume(channel, queue, 3000)
    if kind == "classic":
        assert found == [(body, encoded(properties)) for body, properties in messages]
    else:
        assert [body for body, _properties in found] == [body for body, _properties in messages]


def test_nothing_matches_in_a_quorum_queue(receive: Program, channel: BlockingChannel, queue: str) -> None:
    """Properties and headers, but for the count of deliveries."""
    declare(channel, queue, "quorum")
    given = [{"k": "v", "n": number} for number in range(3000)]
    for headers in given:
        channel.basic_publish("", queue, b"", pika.BasicProperties(type="a", headers=headers))
    await_messages(channel, queue, 3000)
    assert receive("-q", queue, "--no-declare", "--where", "type=b", *DRAIN, *LINES).returncode == 0
    assert await_no_consumer(channel, queue) == 3000
    for headers in given:
        properties = channel.basic_get(queue, auto_ack=True)[1]
        assert properties.type == "a"
        assert {name: value for name, value in properties.headers.items() if name != "x-delivery-count"} == headers


def test_what_staying_costs_is_said(
    receive: Program, channel: BlockingChannel, queue: str, broker_version: tuple[int, ...]
) -> None:
    declare(channel, queue, "quorum")
    publish(channel, queue, b"1")
    await_messages(channel, queue)
    result = receive("-q", queue, "--no-declare", "--where", "type=b", "--drain", *LINES)
    warned = b"counts a failed delivery of each message that does not match" in result.stderr
    assert warned == (broker_version < (4, 3))
    assert bodies_left_in(channel, queue) == [b"1"]


# More than a consumer may be sent unacknowledged: 65,535.


@KINDS
def test_more_than_fit_at_once(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str, kind: str
) -> None:
    """A few match at the end."""
    count = 70_000
    fill(send, queue, numbered(range(count)), "--queue-type", kind, "--durable", "--type", "b")
    fill(send, queue, numbered(range(count, count + 3)), "--no-declare", "--type", "a")
    options = ("--where", "type=a", "--to-queue", target, "--drain", "--quiet")
    assert receive.start("-q", queue, "--no-declare", *options).finish(120).returncode == 0
    assert bodies_left_in(channel, target) == numbered(range(count, count + 3))
    await_messages(channel, queue, count)
    assert bodies_left_in(channel, queue) == numbered(range(count))


@KINDS
@pytest.mark.parametrize("prefetch", ["1", "7", "500"])
def test_a_small_prefetch(
    receive: Program, channel: BlockingChannel, queue: str, target: str, kind: str, prefetch: str
) -> None:
    """Many times filled by what stays, with some that match in between."""
    declare(channel, queue, kind)
    publish_numbered(channel, queue, 300, 13)
    options = ("--where", "type=a", "--to-queue", target, "--prefetch", prefetch, *DRAIN)
    assert receive.start("-q", queue, "--no-declare", *options).finish(60).returncode == 0
    assert bodies_left_in(channel, target) == every(300, 13)
    await_messages(channel, queue, 300 - len(every(300, 13)))
    assert bodies_left_in(channel, queue) == all_but_every(300, 13)


# A reader that goes, a signal.


@KINDS
def test_a_signal_leaves_what_stays_in_order(
    receive: Program, channel: BlockingChannel, queue: str, target: str, kind: str
) -> None:
    declare(channel, queue, kind)
    publish_numbered(channel, queue, 3000, 7)
    process = receive.start("-q", queue, "--no-declare", "--where", "type=a", "--to-queue", target)
    await_messages(channel, target, 429)
    process.terminate()
    assert process.finish().returncode == 0
    await_messages(channel, queue, 2571)
    assert bodies_left_in(channel, queue) == all_but_every(3000, 7)


def test_kill_leaves_what_stays_in_order(
    receive: Program, channel: BlockingChannel, queue: str, target: str
) -> None:
    channel.queue_declare(queue)
    publish_numbered(channel, queue, 3000, 7)
    process = receive.start("-q", queue, "--where", "type=a", "--to-queue", target)
    await_messages(channel, target, 429)
    process.kill()
    left = bodies_left_in(channel, queue)
    assert set(all_but_every(3000, 7)) <= set(left)
    assert left == sorted(left, key=int)


def test_jobs_of_what_matches(receive: Program, channel: BlockingChannel, queue: str) -> None:
    channel.queue_declare(queue)
    publish_numbered(channel, queue, 200, 5)
    options = ("--where", "type=a", "--jobs", "4", *DRAIN)
    result = receive("-q", queue, *options, "--", "/bin/sh", "-c", "exec printf '%s\\n' $(cat)")
    assert result.returncode == 0
    assert sorted(result.stdout.split(), key=int) == every(200, 5)
    assert bodies_left_in(channel, queue) == all_but_every(200, 5)


def test_a_command_that_fails(receive: Program, channel: BlockingChannel, queue: str) -> None:
    """It goes back to its place among those that do not match."""
    channel.queue_declare(queue)
    publish_numbered(channel, queue, 50, 7)
    script = 'read -r n; test "$n" != 21'
    result = receive("-q", queue, "--where", "type=a", *DRAIN, "--", "/bin/sh", "-c", script)
    assert result.returncode == 1
    assert bodies_left_in(channel, queue) == [body for body in numbered(range(50)) if body not in (b"0", b"7", b"14")]


# Refused before connecting.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--where", "type"], "expected NAME=GLOB"),
        (["--where", ""], "--where"),
        (["--where", "=x"], "--where"),
        (["--where", "nosuch=x"], "there is no field 'nosuch'"),
        (["--where", "body=x"], "there is no field 'body'"),
        (["--where", "headers=x"], "headers.X"),
        (["--where", "headers.=x"], "headers.X"),
        (["--where", "type=[a"], "--where"),
        (["--where", "type=[]"], "--where"),
        (["--where", "type=[z-a]"], "--where"),
        (["--where", "type=a\\"], "--where"),
        (["--where", "type=a", "--where", "type=[a"], "--where"),
        (["--where"], "--where"),
        (["--where", "type=a", "--ack", "auto"], "--ack auto"),
        (["--where", "type=a", "--peek"], "--peek"),
        (["--where", "type=a", "--unmatched", "drop"], "--unmatched"),
        (["--unmatched", "take"], "--where"),
        (["--where", "type=a", "--unmatched", "take", "--offset", "first"], "stream"),
        (["--where", "type=a", "--unmatched", "take", "--queue-type", "stream"], "stream"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_uses(receive: Program, options: list[str], words: str) -> None:
    result = receive(*options, url=NOWHERE)
    assert (result.returncode, result.stdout) == (64, b"")
    assert words.encode() in result.stderr and result.stderr.count(b"\n") == 1
