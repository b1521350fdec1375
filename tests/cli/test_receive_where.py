"""Where `receive` takes messages from: bindings, exclusive consumers, quorum queues, streams."""
from __future__ import annotations

import re
import subprocess
import time
import uuid
from pathlib import Path

import pika
import pika.exceptions
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from program import Program
from receive_support import (
    NOWHERE,
    await_ready,
    bodies_left_in,
    fill,
    left_in,
    lines,
    numbered,
)
from send_support import await_messages
from witness import publish

LINES = ("--format", "lines")


def publish_all(channel: BlockingChannel, exchange: str) -> None:
    """One a routing key and value of the header x, and its name for a body."""
    for key in ("disk.full", "disk.slow.very", "cpu.hot", ""):
        for x in ("1", "2"):
            properties = pika.BasicProperties(headers={"x": x, "y": "1"})
            channel.basic_publish(exchange, key, f"{key} {x}".encode(), properties)


EVERYTHING = {f"{key} {x}" for key in ("disk.full", "disk.slow.very", "cpu.hot", "") for x in "12"}
BINDINGS = [
    ("direct", [":disk.full"], [], {"disk.full 1", "disk.full 2"}),
    ("direct", [":disk.full", ":cpu.hot"], [], {"disk.full 1", "disk.full 2", "cpu.hot 1", "cpu.hot 2"}),
    ("direct", [":"], [], {" 1", " 2"}),
    ("direct", [""], [], {" 1", " 2"}),
    ("topic", [":disk.*"], [], {"disk.full 1", "disk.full 2"}),
    ("topic", [":disk.#"], [], {"disk.full 1", "disk.full 2", "disk.slow.very 1", "disk.slow.very 2"}),
    ("topic", [":#"], [], EVERYTHING),
    ("fanout", [""], [], EVERYTHING),
    ("headers", [""], ["x=1"], {each for each in EVERYTHING if each.endswith("1")}),
    ("headers", [""], ["x=2", "y=1", "x-match=all"], {each for each in EVERYTHING if each.endswith("2")}),
    ("headers", [""], ["x=2", "y=1", "x-match=any"], EVERYTHING),
    ("headers", [""], ["x:int=1"], set()),
]


@pytest.mark.parametrize("named", [False, True], ids=["the broker's queue", "--queue"])
@pytest.mark.parametrize(("kind", "keys", "arguments", "expected"), BINDINGS)
def test_bind(
    receive: Program,
    queue: str,
    channel: BlockingChannel,
    kind: str,
    keys: list[str],
    arguments: list[str],
    expected: set[str],
    named: bool,
) -> None:
    name = f"hello-rabbit-{uuid.uuid4()}"
    channel.exchange_declare(name, kind, auto_delete=True)
    options = [word for key in keys for word in ("--bind", name + key)]
    options += [word for argument in arguments for word in ("--bind-arg", argument)]
    process = receive.start(*options, *(("--queue", queue) if named else ()), *LINES, "--idle", "0.6")
    await_ready(process)
    publish_all(channel, name)
    result = process.finish()
    assert result.returncode == 0
    found = result.stdout.decode().splitlines()
    assert set(found) == expected and len(found) == len(expected)
    if named:
        assert left_in(channel, queue) == []  # it is there, and stays


def test_the_brokers_queue_goes_with_receive(
    receive: Program, queue: str, channel: BlockingChannel, broker_url: str
) -> None:
    process = receive.start("--bind", "amq.direct:" + queue, "--ack", "written", *LINES)
    await_ready(process)
    channel.confirm_delivery()
    channel.basic_publish("amq.direct", queue, b"0", mandatory=True)
    process.expect_stdout(b"0\n")
    process.interrupt()
    assert process.finish().returncode == 0
    with pytest.raises(pika.exceptions.UnroutableError):
        channel.basic_publish("amq.direct", queue, b"1", mandatory=True)


def test_bind_to_an_exchange_that_is_not_there(receive: Program, queue: str) -> None:
    result = receive("--bind", queue)
    assert (result.returncode, result.stdout) == (1, b"")
    assert re.fullmatch(rb"receive: [^\n]*404 NOT_FOUND[^\n]*\n", result.stderr) and queue.encode() in result.stderr


@pytest.mark.parametrize(
    "options", [("--bind", ":key"), ("--bind", ""), ("--bind-arg", "x=1"), ("--bind", "e", "--no-declare")], ids=" ".join
)
def test_a_binding_that_cannot_be(receive: Program, options: tuple[str, ...]) -> None:
    result = receive(*options, url=NOWHERE)
    assert (result.returncode, result.stdout) == (64, b"")


# The consumer.


def test_exclusive_keeps_others_out(receive: Program, queue: str, channel: BlockingChannel) -> None:
    process = receive.start("--queue", queue, "--exclusive", *LINES)
    await_ready(process)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="403"):
        channel.basic_consume(queue, lambda *_: None)
    assert process.running


@pytest.mark.parametrize("options", [(), ("--exclusive",)], ids=["second", "second exclusive"])
def test_a_second_consumer_of_an_exclusive_one(
    receive: Program, queue: str, options: tuple[str, ...]
) -> None:
    await_ready(receive.start("--queue", queue, "--exclusive", *LINES))
    result = receive("--queue", queue, *options)
    assert (result.returncode, result.stdout) == (77, b"")
    assert re.fullmatch(rb"receive: [^\n]*403 ACCESS_REFUSED[^\n]*exclusive[^\n]*\n", result.stderr)


def test_exclusive_where_somebody_consumes_already(receive: Program, queue: str, channel: BlockingChannel) -> None:
    channel.queue_declare(queue)
    channel.basic_consume(queue, lambda *_: None)
    result = receive("--queue", queue, "--exclusive")
    assert (result.returncode, result.stdout) == (77, b"")


def test_consumer_tag(receive: Program, queue: str, channel: BlockingChannel, broker_ctl: Path) -> None:
    await_ready(receive.start("--queue", queue, "--consumer-tag", f"tag {queue}", *LINES))
    command = [str(broker_ctl), "list_consumers", "queue_name", "consumer_tag", "--no-table-headers"]
    listed = subprocess.run(command, check=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL).stdout
    assert f"{queue}\ttag {queue}" in listed.decode().splitlines()


# Quorum queues and streams.


@pytest.mark.parametrize("options", [("--ack", "auto"), ("--ack", "written"), ("--count", "3000")], ids=" ".join)
def test_a_quorum_queue(
    receive: Program, send: Program, queue: str, channel: BlockingChannel, options: tuple[str, ...]
) -> None:
    fill(send, queue, numbered(range(3000)), "--queue-type", "quorum")
    result = receive("--queue", queue, "--queue-type", "quorum", *LINES, *options, "--idle", "1")
    assert (result.returncode, result.stdout) == (0, lines(numbered(range(3000))))
    assert left_in(channel, queue) == []


def test_count_of_a_quorum_queue_is_exact(
    receive: Program, send: Program, queue: str, channel: BlockingChannel
) -> None:
    fill(send, queue, numbered(range(3000)), "--queue-type", "quorum")
    result = receive("--queue", queue, *LINES, "--count", "1234")  # adopted as it is
    assert result.stdout == lines(numbered(range(1234)))
    assert left_in(channel, queue) == [(body, False) for body in numbered(range(1234, 3000))]


def test_a_stopped_command_leaves_a_quorum_queue_in_order(
    receive: Program, send: Program, queue: str, channel: BlockingChannel
) -> None:
    fill(send, queue, numbered(range(20)), "--queue-type", "quorum")
    script = 'read -r n; test "$n" != 5'
    assert receive("-q", queue, "--prefetch", "1", "--", "/bin/sh", "-c", script).returncode == 1
    await_messages(channel, queue, 15)  # a quorum queue takes its time
    assert bodies_left_in(channel, queue) == numbered(range(5, 20))


@pytest.fixture
def stream(send: Program, queue: str) -> str:
    """0 to 2999."""
    fill(send, queue, numbered(range(3000)), "--queue-type", "stream")
    return queue


@pytest.mark.parametrize(
    ("offset", "first"),
    [("first", 0), ("0", 0), ("1234", 1234), ("@0", 0), ("1970-01-01T00:00:00Z", 0)],
)
def test_offset_of_a_stream(receive: Program, stream: str, offset: str, first: int) -> None:
    result = receive("-q", stream, "--offset", offset, *LINES, "--count", str(3000 - first))
    assert (result.returncode, result.stdout) == (0, lines(numbered(range(first, 3000))))


def test_a_stream_can_be_read_again(receive: Program, stream: str) -> None:
    for _ in range(2):
        result = receive("-q", stream, "--offset", "first", *LINES, "--idle", "0.7")
        assert (result.returncode, result.stdout) == (0, lines(numbered(range(3000))))


def test_the_last_of_a_stream(receive: Program, stream: str) -> None:
    """It is the last chunk: at least the last message, in order."""
    result = receive("-q", stream, "--offset", "last", *LINES, "--idle", "0.7")
    bodies = result.stdout.splitlines()
    assert result.returncode == 0 and bodies
    assert bodies == numbered(range(3000 - len(bodies), 3000))


@pytest.mark.parametrize("offset", ["next", "@FUTURE"])
def test_only_what_comes_to_a_stream_from_now_on(
    receive: Program, stream: str, channel: BlockingChannel, offset: str
) -> None:
    at = offset.replace("FUTURE", str(int(time.time()) + 3600))
    process = receive.start("-q", stream, "--offset", at, *LINES, "--count", "1")
    await_ready(process)
    publish(channel, stream, b"new")
    result = process.finish()
    assert (result.returncode, result.stdout) == (0, b"new\n")


@pytest.mark.parametrize(
    "options", [("--offset", "first", "--ack", "auto"), ("--queue-type", "stream", "--ack", "auto")], ids=" ".join
)
def test_a_stream_without_acks_is_refused(receive: Program, options: tuple[str, ...]) -> None:
    result = receive("-q", "s", *options, url=NOWHERE)
    assert (result.returncode, result.stdout) == (64, b"")
    assert b"stream" in result.stderr and b"--ack" in result.stderr


def test_a_stream_that_turns_out_to_be_one(receive: Program, stream: str) -> None:
    for options in ((), ("--ack", "written"), ("--count", "1"), ("--", "/bin/cat")):
        result = receive("-q", stream, *options)
        assert (result.returncode, result.stdout) == (64, b"")
        assert re.fullmatch(rb"receive: queue '[^']+' is a stream: add --offset next, or another place to begin\n", result.stderr)


@pytest.mark.parametrize("offset", ["", "x", "-1", "@", "@x", "2026-01-31", "1.5"])
def test_a_bad_offset(receive: Program, offset: str) -> None:
    result = receive("-q", "s", "--offset", offset, url=NOWHERE)
    assert (result.returncode, result.stdout) == (64, b"")
    assert b"--offset" in result.stderr


def test_drain_of_what_turns_out_to_be_a_stream(receive: Program, stream: str) -> None:
    result = receive("-q", stream, "--drain", *LINES)
    assert (result.returncode, result.stdout) == (64, b"")
    assert b"--idle" in result.stderr and b"--offset next" in result.stderr
