"""How `receive` ends: --count, --timeout, --idle, --drain, signals, and their exit codes."""
from __future__ import annotations

import signal

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, say_nothing
from program import Program, Result
from receive_support import (
    READY,
    WAITING,
    await_consumer,
    await_ready,
    bodies_left_in,
    declare_with,
    fill,
    left_in,
    lines,
    measured,
    numbered,
    publishing,
)
from witness import publish

LINES = ("--format", "lines")
ENDINGS = [("--count", "9"), ("--timeout", "60"), ("--idle", "60"), ("--timeout", "60", "--idle", "60")]


def outcome(result: Result) -> tuple[int, bytes]:
    return result.returncode, result.stdout


# One alone.


def test_count_ends_after_so_many(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, *numbered(range(5)))
    assert outcome(receive("--queue", queue, *LINES, "--count", "3")) == (0, b"0\n1\n2\n")
    assert left_in(channel, queue) == [(b"3", False), (b"4", False)]


def test_count_waits_for_them(receive: Program, queue: str, channel: BlockingChannel) -> None:
    process = receive.start("--queue", queue, *LINES, "--count", "2")
    await_ready(process)
    publish(channel, queue, b"0")
    process.expect_stdout(b"0\n")
    assert process.running
    publish(channel, queue, b"1")
    assert outcome(process.finish()) == (0, b"0\n1\n")


def test_timeout_ends_an_idle_watch_in_time(receive: Program, queue: str) -> None:
    process = receive.start("--queue", queue, "--timeout", "1")
    assert 0.9 < measured(process.finish) < 2
    assert outcome(process.finish()) == (0, WAITING)


def test_timeout_ends_a_busy_watch_in_time(receive: Program, queue: str, broker_url: str) -> None:
    process = receive.start("--queue", queue, *LINES, "--timeout", "1.5")
    await_ready(process)
    with publishing(broker_url, queue, every=0.05):
        assert measured(process.finish) < 2.5
    result = process.finish()
    assert result.returncode == 0 and result.stdout.startswith(b"0\n1\n")


def test_idle_ends_when_nothing_comes(receive: Program, queue: str) -> None:
    process = receive.start("--queue", queue, "--idle", "0.8")
    assert 0.8 < measured(process.finish) < 2
    assert outcome(process.finish()) == (0, WAITING)


def test_idle_begins_anew_with_every_message(receive: Program, queue: str, broker_url: str) -> None:
    process = receive.start("--queue", queue, *LINES, "--idle", "1")
    await_ready(process)
    with publishing(broker_url, queue, every=0.4, count=5):
        elapsed = measured(process.finish)
    assert outcome(process.finish()) == (0, b"0\n1\n2\n3\n4\n")
    assert 5 * 0.4 + 0.9 < elapsed < 5 * 0.4 + 3


def test_drain_of_an_empty_queue_ends_at_once(receive: Program, queue: str) -> None:
    process = receive.start("--queue", queue, "--drain")
    assert measured(process.finish) < 1.5
    assert outcome(process.finish()) == (0, WAITING)


def test_drain_takes_all_there_is(receive: Program, send: Program, queue: str, channel: BlockingChannel) -> None:
    fill(send, queue, numbered(range(20_000)))
    assert outcome(receive("--queue", queue, *LINES, "--drain")) == (0, lines(numbered(range(20_000))))
    assert left_in(channel, queue) == []


@pytest.mark.parametrize("options", [("--prefetch", "1"), ("--ack", "auto")], ids=" ".join)
def test_drain_takes_all_with(
    receive: Program, queue: str, channel: BlockingChannel, options: tuple[str, ...]
) -> None:
    declare_with(channel, queue, *numbered(range(300)))
    assert outcome(receive("--queue", queue, *LINES, "--drain", *options)) == (0, lines(numbered(range(300))))
    assert left_in(channel, queue) == []


# Several, and --count with what ends it early.


@pytest.mark.parametrize("early", [("--timeout", "0.6"), ("--idle", "0.6"), ("--drain",)], ids=" ".join)
@pytest.mark.parametrize(("there", "code"), [(0, 2), (1, 3), (2, 3), (3, 0), (4, 0)])
def test_count_and_an_earlier_end(
    receive: Program, queue: str, channel: BlockingChannel, there: int, code: int, early: tuple[str, ...]
) -> None:
    declare_with(channel, queue, *numbered(range(there)))
    result = receive("--queue", queue, *LINES, "--count", "3", *early)
    assert outcome(result) == (code, lines(numbered(range(min(there, 3)))))
    assert (f"receive: {there} of 3 messages came".encode() in result.stderr) == (there < 3)
    assert left_in(channel, queue) == [(b"3", False)] * (there - 3)


@pytest.mark.parametrize(
    "options", [("--timeout", "0.6", "--idle", "30"), ("--timeout", "30", "--idle", "0.6")], ids=" ".join
)
def test_the_first_of_two_ends(receive: Program, queue: str, options: tuple[str, ...]) -> None:
    process = receive.start("--queue", queue, *options)
    assert 0.5 < measured(process.finish) < 2
    assert process.finish().returncode == 0


def test_drain_before_a_timeout(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, b"0")
    process = receive.start("--queue", queue, *LINES, "--drain", "--timeout", "30", "--idle", "30")
    assert measured(process.finish) < 2
    assert outcome(process.finish()) == (0, b"0\n")


def test_a_timeout_loses_no_message(
    receive: Program, send: Program, queue: str, channel: BlockingChannel
) -> None:
    """With --ack auto what is on its way is off the queue: it must be printed."""
    fill(send, queue, numbered(range(100_000)))
    result = receive("--queue", queue, *LINES, "--timeout", "0.3")
    assert result.returncode == 0, result
    printed = result.stdout.splitlines()
    assert printed + bodies_left_in(channel, queue) == numbered(range(100_000))


def test_a_timeout_gives_back_what_is_not_printed(
    receive: Program, send: Program, queue: str, channel: BlockingChannel
) -> None:
    fill(send, queue, numbered(range(100_000)))
    result = receive("--queue", queue, *LINES, "--timeout", "0.5", "--ack", "written")
    assert result.returncode == 0
    assert result.stdout.splitlines() + bodies_left_in(channel, queue) == numbered(range(100_000))


def test_the_timeout_covers_connecting(receive: Program, fake_broker: FakeBroker) -> None:
    fake_broker.greet = say_nothing
    process = receive.start("--timeout", "1", url=fake_broker.url)
    assert 0.9 < measured(process.finish) < 4


# Signals.


@pytest.mark.parametrize("options", ENDINGS, ids=" ".join)
def test_ctrl_c_before_the_end_asked_for(receive: Program, queue: str, options: tuple[str, ...]) -> None:
    process = receive.start("--queue", queue, *options)
    process.expect_stdout(WAITING)
    process.interrupt()
    assert outcome(process.finish()) == (130, WAITING + b"Interrupted\n")


@pytest.mark.parametrize("options", [(), *ENDINGS], ids=" ".join)
def test_sigterm(receive: Program, queue: str, options: tuple[str, ...]) -> None:
    process = receive.start("--queue", queue, *options)
    line = WAITING if options else READY
    process.expect_stdout(line)
    process.terminate()
    assert outcome(process.finish()) == (143 if options else 0, line)


@pytest.mark.parametrize("options", [(), ("--ack", "written"), ("--quiet",), LINES], ids=" ".join)
def test_ctrl_c_is_how_a_watch_ends(
    receive: Program, queue: str, channel: BlockingChannel, options: tuple[str, ...]
) -> None:
    channel.queue_declare(queue)
    process = receive.start("--queue", queue, *options)
    await_consumer(channel, queue)
    process.interrupt()
    assert process.finish().returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_after_some_of_count(
    receive: Program, queue: str, channel: BlockingChannel, number: signal.Signals, code: int
) -> None:
    declare_with(channel, queue, b"0", b"1")
    process = receive.start("--queue", queue, *LINES, "--count", "3")
    process.expect_stdout(b"0\n1\n")
    process.popen.send_signal(number)
    assert outcome(process.finish()) == (code, b"0\n1\n")
    assert left_in(channel, queue) == []  # they were printed
