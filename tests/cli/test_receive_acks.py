"""Every message is in the output or in the queue, counted, whatever ends `receive`."""
from __future__ import annotations

import fcntl
import os
import random
import signal
import struct
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from program import DEADLINE, Process, Program
from receive_support import (
    ROUNDS,
    await_no_consumer,
    bodies_left_in,
    declare_with,
    fill,
    left_in,
    lines,
    numbered,
    seeded,
    witness,
)
from send_support import PrivateBroker, await_messages, private_broker

MANY = 100_000
LINES = ("--format", "lines")
WRITTEN = (*LINES, "--ack", "written")


def interrupt_somewhere(process: Process, rng: random.Random, number: signal.Signals) -> None:
    """Once it has printed so many; what waits for a round of its own stays in the queue."""
    process.expect_lines(rng.randrange(1, MANY // (3 * ROUNDS)))
    process.popen.send_signal(number)


# --count.


@pytest.mark.parametrize("options", [(), ("--prefetch", "1"), ("--prefetch", "7"), ("--prefetch", "5000")], ids=" ".join)
@pytest.mark.parametrize("count", [1, 2, 999, 1000, 1001, 2500, 3000])
def test_count_takes_exactly_that_many(
    receive: Program, send: Program, queue: str, channel: BlockingChannel, count: int, options: tuple[str, ...]
) -> None:
    fill(send, queue, numbered(range(3000)))
    result = receive("--queue", queue, *LINES, "--count", str(count), *options)
    assert (result.returncode, result.stdout) == (0, lines(numbered(range(count))))
    assert left_in(channel, queue) == [(body, False) for body in numbered(range(count, 3000))]


def test_count_in_turn_takes_them_all_in_order(
    receive: Program, send: Program, queue: str, channel: BlockingChannel
) -> None:
    rng = seeded("count")
    fill(send, queue, numbered(range(2000)))
    at = 0
    for _ in range(3 * ROUNDS):
        count = rng.randrange(1, 2000 // (3 * ROUNDS))
        result = receive("--queue", queue, *LINES, "--count", str(count))
        assert result.stdout == lines(numbered(range(at, at + count)))
        at += count
    assert left_in(channel, queue) == [(body, False) for body in numbered(range(at, 2000))]


def test_a_message_is_acked_once_it_is_written(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, b"0", b"1")
    process = receive.start("--queue", queue, *WRITTEN)
    process.expect_stdout(b"0\n1\n")
    process.interrupt()
    assert process.finish().returncode == 0
    assert left_in(channel, queue) == []


def test_acks_do_not_wait_for_more_messages(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, b"0")
    process = receive.start("--queue", queue, *WRITTEN, "--prefetch", "1")
    process.expect_stdout(b"0\n")
    channel.basic_publish("", queue, b"1")
    process.expect_stdout(b"0\n1\n")  # it would not come if the first were not acked
    process.popen.kill()


# Ctrl-C, SIGTERM and kill -9 in the middle of many.


@pytest.mark.parametrize(
    ("number", "options", "code"),
    [
        (signal.SIGINT, WRITTEN, 0),
        (signal.SIGTERM, WRITTEN, 0),
        (signal.SIGINT, LINES, 0),
        (signal.SIGTERM, LINES, 0),
    ],
    ids=["Ctrl-C, written", "SIGTERM, written", "Ctrl-C, auto", "SIGTERM, auto"],
)
def test_a_signal_loses_and_repeats_nothing(
    receive: Program,
    send: Program,
    queue: str,
    channel: BlockingChannel,
    number: signal.Signals,
    options: tuple[str, ...],
    code: int,
) -> None:
    rng = seeded("signal")
    each = MANY // ROUNDS
    printed: list[bytes] = []
    for round_ in range(ROUNDS):  # an interrupted one without acks may have taken all there was
        fill(send, queue, numbered(range(round_ * each, (round_ + 1) * each)))
        process = receive.start("--queue", queue, *options)
        interrupt_somewhere(process, rng, number)
        result = process.finish()
        assert result.returncode == code
        assert result.stdout.endswith(b"\n")
        printed += result.stdout.splitlines()
        await_no_consumer(channel, queue)
    assert len(printed) < each * ROUNDS or options is LINES
    assert printed + bodies_left_in(channel, queue) == numbered(range(each * ROUNDS))


def test_kill_9_loses_nothing(receive: Program, send: Program, queue: str, channel: BlockingChannel) -> None:
    rng = seeded("kill -9")
    fill(send, queue, numbered(range(MANY)))
    printed: set[bytes] = set()
    for _ in range(ROUNDS):
        process = receive.start("--queue", queue, *WRITTEN)
        interrupt_somewhere(process, rng, signal.SIGKILL)
        printed |= {line for line in process.finish().stdout.splitlines(keepends=True) if line.endswith(b"\n")}
        await_no_consumer(channel, queue)
    left = lines(bodies_left_in(channel, queue)).splitlines(keepends=True)
    assert left
    assert printed | set(left) == set(lines(numbered(range(MANY))).splitlines(keepends=True))


# The output.


def test_a_full_disk_loses_nothing(receive: Program, send: Program, queue: str, channel: BlockingChannel) -> None:
    fill(send, queue, numbered(range(10_000)))
    with open("/dev/full", "wb") as full:
        result = receive("--queue", queue, *WRITTEN, "--quiet", stdout=full)
    assert result.returncode == 74
    assert result.stderr == b"receive: cannot write to standard output: No space left on device\n"
    assert bodies_left_in(channel, queue) == numbered(range(10_000))


def test_a_full_disk_under_auto_says_what_is_lost(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    declare_with(channel, queue, b"0")
    with open("/dev/full", "wb") as full:
        result = receive("--queue", queue, *LINES, "--quiet", stdout=full)
    assert result.returncode == 74
    assert b"No space left" in result.stderr and b"lost" in result.stderr and result.stderr.count(b"\n") == 1


@pytest.mark.parametrize("read", [1, 5000])
def test_a_disk_that_fills_up_loses_nothing(
    receive: Program, send: Program, queue: str, channel: BlockingChannel, tmp_path: Path, read: int
) -> None:
    """A file size limit stands for the disk."""
    fill(send, queue, numbered(range(20_000)))
    receive.command = ["/bin/sh", "-c", f'trap "" XFSZ; ulimit -f {read * 4 // 512 + 1}; exec "$0" "$@"', *receive.command]
    with open(tmp_path / "output", "wb") as output:
        result = receive("--queue", queue, *WRITTEN, "--quiet", stdout=output)
    assert (result.returncode, result.stderr) == (74, b"receive: cannot write to standard output: File too large\n")
    printed = (tmp_path / "output").read_bytes()
    whole = printed[: printed.rfind(b"\n") + 1].splitlines()
    left = bodies_left_in(channel, queue)
    assert left == numbered(range(20_000 - len(left), 20_000))
    assert whole == numbered(range(len(whole))) and len(whole) + len(left) >= 20_000


def waiting_in(pipe: int) -> int:
    (size,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))
    return int(size)


def await_full(pipe: int) -> int:
    """Waits until the writer of a pipe writes no more, for want of room; the bytes in it."""
    deadline = time.monotonic() + DEADLINE
    pause = threading.Event()
    before = -1
    while (size := waiting_in(pipe)) < 32_768 or size != before:
        assert time.monotonic() < deadline, f"{size} bytes are in the pipe"
        before = size
        pause.wait(0.2)
    return size


@pytest.mark.parametrize("options", [WRITTEN, (*LINES, "--count", "19999")], ids=["written", "count"])
def test_a_reader_that_leaves_after_one_line(
    receive: Program, send: Program, queue: str, channel: BlockingChannel, options: tuple[str, ...]
) -> None:
    fill(send, queue, numbered(range(20_000)))
    reading, writing = os.pipe()
    process = receive.start("--queue", queue, *options, "--quiet", stdout=writing)
    os.close(writing)
    assert os.read(reading, 2) == b"0\n"
    written = 2 + await_full(reading)
    os.close(reading)
    result = process.finish()
    assert (result.status, result.stderr) == (141, b"")
    left = bodies_left_in(channel, queue)
    assert left == numbered(range(20_000 - len(left), 20_000))
    whole_lines = lines(numbered(range(20_000)))[:written].count(b"\n")
    assert 20_000 - len(left) <= whole_lines  # what is off the queue is in the pipe


# The broker.


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    with private_broker(tmp_path_factory.mktemp("mortal")) as broker:
        yield broker


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_broker_that_dies_takes_nothing_with_it(
    receive: Program, send: Program, mortal: PrivateBroker, how: str
) -> None:
    rng = seeded(how)
    count = 8000
    fill(send, how, numbered(range(count)), "--durable", "--persistent", url=mortal.url)
    mortal.write_declarations()
    process = receive.start("--queue", how, *WRITTEN, "--quiet", url=mortal.url)
    process.expect_lines(rng.randrange(1, count // 4))
    mortal.run("node", how)
    result = process.finish()
    mortal.run("node", "start")
    assert result.returncode == 69
    assert result.stderr.startswith(b"receive: ") and result.stderr.count(b"\n") == 1
    printed = result.stdout.splitlines()
    assert printed == numbered(range(len(printed)))
    with witness(mortal.url) as channel:
        await_messages(channel, how, count - len(printed))
        left = bodies_left_in(channel, how)
    assert set(printed) | set(left) == set(numbered(range(count)))
