"""receive --where: only what matches is printed, moved or given to COMMAND; the rest stays, in order, or is acked."""
from __future__ import annotations

from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from move_support import DRAIN, all_but_every, assert_left, declare, every, publish_numbered, target
from program import Program
from receive_support import (
    NOWHERE,
    READY,
    await_message,
    await_no_consumer,
    left_in,
    lines,
    numbered,
)
from send_support import feed

__all__ = ["target"]  # fixtures

KINDS = pytest.mark.parametrize("kind", ["classic", "quorum"])
LINES = ("--format", "lines")


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
    assert_left(channel, queue, left)
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
    assert_left(channel, target, every(3000, 7))
    assert_left(channel, queue, all_but_every(3000, 7))


@KINDS
def test_what_matches_is_given_to_command(receive: Program, channel: BlockingChannel, queue: str, kind: str) -> None:
    declare(channel, queue, kind)
    publish_numbered(channel, queue, 50, 7)
    command = ("--", "/bin/sh", "-c", "cat; echo")
    result = receive("-q", queue, "--no-declare", "--where", "type=a", *DRAIN, *command)
    assert (result.returncode, result.stdout) == (0, lines(every(50, 7)))
    assert_left(channel, queue, all_but_every(50, 7))


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
    assert_left(channel, target, moved)
    await_no_consumer(channel, queue)
    printed = every(3000, 7)[count : 2 * count]
    assert receive("-q", queue, "--no-declare", *where, *LINES).stdout == lines(printed)
    assert_left(
        channel, queue, [body for body in numbered(range(3000)) if body not in moved and body not in printed]
    )


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
    assert_left(channel, queue, numbered(range(0, 20, 2)))


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
    assert_left(channel, target, every(3000, 7))
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
        result = receive("-q", queue, "--offset", "first", "--where", "type=a", "--idle", "2", *LINES)
        assert (result.returncode, result.stdout) == (0, lines(every(3000, 7)))


def test_a_stream_and_a_count(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str
) -> None:
    records = b"".join(
        b'{"payload": "%d", "properties": {"type": "%s"}}\n' % (number, b"b" if number % 1100 else b"a")
        for number in range(5000)
    )
    assert feed(send, records, "--json", "--queue", queue, "--queue-type", "stream").returncode == 0
    options = ("--offset", "first", "--where", "type=a", "--count", "3", "--quiet")
    assert receive("-q", queue, *options, "--to-queue", target).returncode == 0
    assert_left(channel, target, every(3300, 1100))


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
