"""`receive` and the reader of its output: at once when there is little, in bulk when there is much."""
from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from program import Process, Program
from receive_support import (
    ROUNDS,
    await_consumer,
    bodies_left_in,
    declare_with,
    fill,
    left_in,
    lines,
    numbered,
    witness,
)
from send_support import PrivateBroker, await_messages, feed, message_count, private_broker
from tracing import calls_in, trace
from witness import publish

MESSAGES = int(os.environ.get("HELLO_RABBIT_MESSAGES", "300000"))
MIB = 1024
LINES = ("--format", "lines", "--quiet")
ACKS = pytest.mark.parametrize("ack", ["auto", "written"])


@contextmanager
def reading_from(receive: Program, *args: str, url: str | None = None) -> Iterator[tuple[Process, int]]:
    """The program, and the end of a pipe that holds its output."""
    reading, writing = os.pipe()
    try:
        process = receive.start(*args, url=url, stdout=writing)
        os.close(writing)
        yield process, reading
    finally:
        os.close(reading)


def read_all(pipe: int) -> bytes:
    parts = []
    while part := os.read(pipe, 1 << 20):
        parts.append(part)
    return b"".join(parts)


# Little.


@ACKS
def test_a_message_arrives_within_a_second(
    receive: Program, queue: str, channel: BlockingChannel, ack: str
) -> None:
    channel.queue_declare(queue)
    process = receive.start("--queue", queue, *LINES, "--ack", ack)
    await_consumer(channel, queue)
    expected = b""
    for number in range(5):
        publish(channel, queue, b"%d" % number)
        expected += b"%d\n" % number
        process.expect_stdout(expected, timeout=1)


@pytest.mark.parametrize("size", [1, 499, 501, 1500])
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_the_last_of_many_arrives_within_a_second(
    receive: Program, send: Program, queue: str, channel: BlockingChannel, size: int, round_: int
) -> None:
    """Whatever the batches of acks are."""
    channel.queue_declare(queue)
    process = receive.start("--queue", queue, *LINES, "--ack", "written")
    await_consumer(channel, queue)
    fill(send, queue, numbered(range(size)), "--no-declare")
    process.expect_stdout(lines(numbered(range(size))), timeout=1)


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_all_there_is_arrives_without_another_message(
    receive: Program, send: Program, queue: str, channel: BlockingChannel, kind: str
) -> None:
    """Deliveries cross acks."""
    fill(send, queue, numbered(range(20_000)), "--queue-type", kind)
    process = receive.start("--queue", queue, *LINES, "--ack", "written")
    process.expect_flow(lines(numbered(range(20_000))), pause=1)


@ACKS
def test_what_came_while_the_reader_paused_follows_at_once(
    receive: Program, queue: str, channel: BlockingChannel, ack: str
) -> None:
    declare_with(channel, queue, b"x" * 200_000)  # more than a pipe holds
    with reading_from(receive, "--queue", queue, *LINES, "--ack", ack) as (process, pipe):
        got = os.read(pipe, 1)
        channel.confirm_delivery()
        publish(channel, queue, b"next")
        while not got.endswith(b"next\n"):
            assert select.select([pipe], [], [], 1.0)[0], f"only {len(got)} bytes, and no more within a second"
            got += os.read(pipe, 1 << 16)
        assert got == b"x" * 200_000 + b"\nnext\n"
        assert process.running


def test_much_is_written_in_bulk(receive: Program, send: Program, queue: str, tmp_path: Path) -> None:
    fill(send, queue, numbered(range(50_000)))
    trace(receive, report := tmp_path / "calls", "write", "writev")
    assert receive("--queue", queue, *LINES, "--drain").returncode == 0
    assert 0 < calls_in(report, "write", "writev") < 50_000 // 10


@ACKS
def test_what_comes_little_by_little_is_read_in_bulk(
    receive: Program, send: Program, queue: str, tmp_path: Path, ack: str
) -> None:
    """The broker sends some ten messages at a time, ten thousand times a second. While printed messages wait for others,
    it is read once in a millisecond."""
    fill(send, queue, numbered(range(100_000)))
    trace(receive, report := tmp_path / "calls", "recvfrom")
    begun = time.monotonic()
    assert receive("--queue", queue, *LINES, "--drain", "--ack", ack).returncode == 0
    assert 0 < calls_in(report, "recvfrom") < 200 + 3000 * (time.monotonic() - begun)


# A reader that is slow, or goes.


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    with private_broker(tmp_path_factory.mktemp("impatient"), "heartbeat = 2") as broker:
        yield broker


@ACKS
def test_a_reader_that_pauses_loses_nothing(
    receive: Program, send: Program, impatient: PrivateBroker, ack: str
) -> None:
    count = 100_000
    fill(send, ack, numbered(range(count)), url=impatient.url)
    args = ("--queue", ack, *LINES, "--ack", ack, "--idle", "3")  # which does not count the time of the pause
    with reading_from(receive, *args, url=impatient.url) as (process, pipe):
        assert os.read(pipe, 2) == b"0\n"
        process.expect_silence(7)  # several heartbeat intervals
        # The connection it has made: it makes no other without --retry-for.
        assert impatient.run("ctl", "list_connections", "name").count("->") == 1
        got = read_lines(pipe, count - 1)
        process.interrupt()
        assert process.finish().stderr == b""
    assert got == lines(numbered(range(1, count)))


def await_size(process: Process, path: Path, size: int) -> None:
    deadline = time.monotonic() + 60
    pause = threading.Event()
    while path.stat().st_size < size:
        assert process.running and time.monotonic() < deadline, f"{path.stat().st_size} of {size} bytes were written"
        pause.wait(0.02)


def read_lines(pipe: int, count: int) -> bytes:
    got = b""
    while got.count(b"\n") < count and (part := os.read(pipe, 1 << 20)):
        got += part
    return got


@pytest.mark.parametrize("args", [(), ("--ack", "written"), ("--count", "9")], ids=" ".join)
def test_the_reader_goes_while_nothing_comes(
    receive: Program, queue: str, channel: BlockingChannel, args: tuple[str, ...]
) -> None:
    channel.queue_declare(queue)
    with reading_from(receive, "--queue", queue, *LINES, *args) as (process, _pipe):
        await_consumer(channel, queue)
    result = process.finish(timeout=3)
    assert (result.status, result.stderr) == (141, b"")


def test_the_reader_goes_while_a_message_is_written(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    declare_with(channel, queue, b"x" * 300_000, b"next")
    with reading_from(receive, "--queue", queue, *LINES, "--ack", "written") as (process, pipe):
        assert os.read(pipe, 1) == b"x"
    result = process.finish(timeout=3)
    assert (result.status, result.stderr) == (141, b"")
    assert bodies_left_in(channel, queue) == [b"x" * 300_000, b"next"]


def test_a_timeout_while_the_reader_pauses(receive: Program, queue: str, channel: BlockingChannel) -> None:
    """What cannot be written in time does not keep the program."""
    declare_with(channel, queue, b"x" * 300_000)
    with reading_from(receive, "--queue", queue, *LINES, "--ack", "written", "--timeout", "1") as (process, pipe):
        assert os.read(pipe, 1) == b"x"
        process.finish(timeout=4)
    assert bodies_left_in(channel, queue) == [b"x" * 300_000]


def test_idle_does_not_end_a_reader_that_pauses(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    declare_with(channel, queue, b"x" * 300_000, b"next")
    with reading_from(receive, "--queue", queue, *LINES, "--ack", "written", "--idle", "1") as (process, pipe):
        assert os.read(pipe, 1) == b"x"
        process.expect_silence(2)
        assert read_all(pipe) == b"x" * 299_999 + b"\nnext\n"
        assert process.finish().returncode == 0
    assert left_in(channel, queue) == []


# Memory.


@pytest.fixture(scope="module")
def crowd(broker_url: str) -> Iterator[str]:
    """A queue for many messages; what one test leaves is there for the next."""
    name = f"hello-rabbit-crowd-{os.getpid()}"
    yield name
    with witness(broker_url) as channel:
        channel.queue_delete(name)


def refill(send: Program, channel: BlockingChannel, queue: str) -> None:
    """Up to MESSAGES of them."""
    channel.queue_declare(queue)
    missing = MESSAGES - message_count(channel, queue)
    result = feed(send, b"0123456789abcdef\n" * missing, "--queue", queue, "--lines", timeout=120)
    assert result.returncode == 0
    await_messages(channel, queue, MESSAGES)


@ACKS
def test_memory_is_flat_with_many_waiting(
    receive: Program, send: Program, crowd: str, channel: BlockingChannel, tmp_path: Path, ack: str
) -> None:
    refill(send, channel, crowd)
    with open(tmp_path / "output", "wb") as output:
        process = receive.start("--queue", crowd, *LINES, "--ack", ack, stdout=output)
    await_size(process, tmp_path / "output", 17 * MESSAGES)
    assert process.peak_kib() < 32 * MIB


@ACKS
def test_memory_is_flat_with_a_reader_that_pauses(
    receive: Program, send: Program, crowd: str, channel: BlockingChannel, ack: str
) -> None:
    refill(send, channel, crowd)
    with reading_from(receive, "--queue", crowd, *LINES, "--ack", ack) as (process, pipe):
        os.read(pipe, 1)
        process.expect_silence(2)
        assert process.peak_kib() < 32 * MIB
        process.popen.kill()


@ACKS
@pytest.mark.parametrize(
    ("form", "byte", "growth"),
    [("lines", b"x", 1), ("json", b"x", 1), ("json", b"\n", 2), ("json", b"\xff", 4 / 3), ("text", b"\n", 2),
     ("hello", b"\xff", 4)],
)  # fmt: skip
def test_memory_with_large_messages_is_that_of_two(
    receive: Program, queue: str, channel: BlockingChannel, tmp_path: Path, ack: str, form: str, byte: bytes,
    growth: float,
) -> None:  # fmt: skip
    """`growth`: the bytes that are printed for one of the body."""
    size = 12 * MIB
    declare_with(channel, queue, *[byte * (size * 1024)] * 6)
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = receive.start("-q", queue, "--format", form, "--quiet", "--ack", ack, stdout=file)
    await_size(process, output, int(6 * growth * size * 1024))
    assert process.peak_kib() < 10 * MIB + 2.5 * size
    output.unlink()


@pytest.mark.parametrize("ack", [(), ("--ack", "auto")], ids=["written", "auto"])
def test_memory_is_flat_while_a_command_runs(
    receive: Program, send: Program, crowd: str, channel: BlockingChannel, ack: tuple[str, ...]
) -> None:
    refill(send, channel, crowd)
    process = receive.start("--queue", crowd, *ack, "--", "/bin/sh", "-c", "echo; exec sleep 3 >&- 2>&-")
    process.expect_lines(2)
    assert process.peak_kib() < 32 * MIB
    process.popen.kill()
