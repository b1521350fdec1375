"""`send` in a pipeline: memory, pauses in the input, heartbeats, the window, --rate and --repeat."""
from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, ignore
from program import Program
from send_support import feed, message_count, open_pipe, summary
from tracing import calls_in, trace
from witness import take_all

LINES = int(os.environ.get("HELLO_RABBIT_LINES", "1000000"))
KEEP_FEW = ("--queue-arg", "x-max-length=1000")  # the broker's memory is not what is tested
KEEP_ONE = ("--queue-arg", "x-max-length=1")
MIB = 1024  # KiB
PROGRAM = 10  # MiB that the program takes with small messages
WINDOW = 8  # MiB of bodies in flight, or one that is larger


def peak_of_stream(send: Program, queue: str, count: int, *args: str) -> int:
    block = b"".join(b"line %d of a log\n" % number for number in range(1000))
    with open_pipe() as pipe:
        process = send.start("--queue", queue, "--lines", *args, stdin=pipe.reading)
        for _ in range(count // 1000):
            pipe.write(block)
        pipe.await_read()
        peak = process.peak_kib()
        pipe.close()
        result = process.finish(timeout=60)
    assert (result.returncode, summary(result)["messages"]) == (0, count)
    return peak


# Memory.


def test_memory_does_not_grow_with_the_stream(send: Program, queue: str) -> None:
    short = peak_of_stream(send, queue, LINES // 10, *KEEP_FEW)
    long = peak_of_stream(send, queue, LINES, *KEEP_FEW)
    assert long < 32 * MIB
    assert long < short + 4 * MIB


@pytest.mark.parametrize("size", [1, 4, 12])
@pytest.mark.parametrize(("args", "wrap", "copies"), [(("--lines",), b"%s\n", 2), (("--json",), b'{"payload":"%s"}', 3)], ids=["lines", "json"])
def test_memory_with_large_messages_is_that_of_the_window_and_some_bodies(
    send: Program, queue: str, args: tuple[str, ...], wrap: bytes, copies: int, size: int
) -> None:
    """The message that waits for room and what is read meanwhile; with JSON what the text was parsed into, too."""
    record = wrap % (b"x" * (size * MIB * 1024 - 64))
    with open_pipe() as pipe:
        process = send.start("-q", queue, *args, *KEEP_ONE, stdin=pipe.reading)
        for _ in range(60 // size):
            pipe.write(record)
        pipe.await_read()
        peak = process.peak_kib()
        pipe.close()
        assert process.finish(timeout=60).returncode == 0
    assert peak < (PROGRAM + max(WINDOW, size) + (copies + 0.5) * size) * MIB


def test_memory_does_not_grow_while_confirms_are_late(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, ignore)
    with open_pipe() as pipe:
        process = send.start("--lines", "--window", "100", url=fake_broker.url, stdin=pipe.reading)
        pipe.write((b"x" * 99 + b"\n") * 500)
        fake_broker.await_methods(spec.Basic.Publish, 100)
        process.expect_silence(0.3)
        assert len(fake_broker.methods(spec.Basic.Publish)) == 100
        assert process.peak_kib() < 32 * MIB


def test_memory_does_not_grow_with_large_messages_in_flight(
    send: Program, queue: str, channel: BlockingChannel
) -> None:
    block = b"x" * 1_000_000 + b"\n"
    with open_pipe() as pipe:
        process = send.start("-q", queue, "--lines", "--queue-arg", "x-max-length=1", stdin=pipe.reading)
        for _ in range(300):
            pipe.write(block)
        pipe.await_read()
        assert process.peak_kib() < 32 * MIB
        pipe.close()
        assert process.finish(timeout=60).returncode == 0
    assert message_count(channel, queue) == 1


# A pause in the input.


def test_a_line_arrives_while_the_input_stays_open(send: Program, queue: str, channel: BlockingChannel) -> None:
    channel.queue_declare(queue)
    with open_pipe() as pipe:
        process = send.start("--queue", queue, "--lines", stdin=pipe.reading)
        for body in (b"first", b"second", b""):
            pipe.write(body + b"\n")
            pipe.await_read()  # from here on the clock runs
            method, _properties, arrived = next(channel.consume(queue, auto_ack=True, inactivity_timeout=1.0))
            assert method is not None, f"{body!r} did not arrive within a second"
            assert arrived == body
        channel.cancel()
        assert process.running


def test_half_a_line_waits_for_its_other_half(send: Program, queue: str, channel: BlockingChannel) -> None:
    channel.queue_declare(queue)
    with open_pipe() as pipe:
        process = send.start("--queue", queue, "--lines", stdin=pipe.reading)
        pipe.write(b"one\nha")
        _method, _properties, body = next(channel.consume(queue, auto_ack=True, inactivity_timeout=5.0))
        pipe.write(b"lf\n")
        _method, _properties, other = next(channel.consume(queue, auto_ack=True, inactivity_timeout=5.0))
        assert (body, other) == (b"one", b"half")
        channel.cancel()
        pipe.close()
        assert process.finish().returncode == 0


def test_a_sent_line_is_printed_while_the_rest_of_the_input_is_awaited(send: Program, queue: str) -> None:
    with open_pipe() as pipe:
        process = send.start("--queue", queue, "first", "-", stdin=pipe.reading)
        process.expect_stdout(b" [x] Sent 'first'\n")
        pipe.close()
        assert process.finish().stdout == b" [x] Sent 'first'\n [x] Sent ''\n"


def test_heartbeats_go_out_while_the_input_is_silent(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.heartbeat = 1
    with open_pipe() as pipe:
        process = send.start("--lines", url=fake_broker.url, stdin=pipe.reading)
        pipe.write(b"before\n")
        fake_broker.await_methods(spec.Basic.Publish)
        fake_broker.wait_for(lambda: fake_broker.sessions[0].heartbeats >= 4, "fourth heartbeat")
        pipe.write(b"after\n")
        pipe.close()
        assert process.finish().returncode == 0
    assert [r.body for r in fake_broker.methods(spec.Basic.Publish)] == [b"before", b"after"]
    assert len(fake_broker.sessions) == 1


def test_a_dead_broker_is_noticed_while_the_input_is_silent(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.heartbeat = 1
    fake_broker.answer_heartbeats = False
    with open_pipe() as pipe:
        process = send.start("--lines", url=fake_broker.url, stdin=pipe.reading)
        result = process.finish()
    assert result.returncode == 69
    assert b"no heartbeat" in result.stderr


# The window.


@pytest.mark.parametrize("window", [1, 3])
def test_no_more_in_flight_than_the_window(send: Program, fake_broker: FakeBroker, window: int) -> None:
    fake_broker.on(spec.Basic.Publish, ignore)
    with open_pipe() as pipe:
        process = send.start("--lines", "--window", str(window), url=fake_broker.url, stdin=pipe.reading)
        pipe.write(b"line\n" * (window + 2))
        pipe.close()
        for acked in range(2):
            fake_broker.await_methods(spec.Basic.Publish, window + acked)
            process.expect_silence(0.2)
            publishes = fake_broker.methods(spec.Basic.Publish)
            assert len(publishes) == window + acked
            publishes[acked].reply(spec.Basic.Ack(acked + 1))
        fake_broker.await_methods(spec.Basic.Publish, window + 2)[-1].reply(spec.Basic.Ack(0, multiple=True))
        assert process.finish().returncode == 0


def test_window_1_on_the_broker(send: Program, queue: str, channel: BlockingChannel) -> None:
    lines = [b"%d" % number for number in range(200)]
    assert feed(send, b"\n".join(lines), "--lines", "--window", "1", "--queue", queue).returncode == 0
    assert take_all(channel, queue) == lines


def test_confirms_are_read_in_bulk(send: Program, queue: str, tmp_path: Path) -> None:
    """While many messages are in flight, once in ten milliseconds; those of the last thousand as they come."""
    trace(send, report := tmp_path / "calls", "recvfrom")
    begun = time.monotonic()
    result = feed(send, b"Hello World!\n" * 100_000, "--queue", queue, "--lines", timeout=60)
    assert result.returncode == 0, result.stderr
    assert 0 < calls_in(report, "recvfrom") < 1100 + 250 * (time.monotonic() - begun)


# --rate and --repeat.


def test_the_rate_is_kept(send: Program, queue: str) -> None:
    result = feed(send, b"x\n" * 51, "--lines", "--rate", "50", "--queue", queue)
    assert result.returncode == 0
    assert 1.0 <= summary(result)["seconds"] < 1.5


def test_a_rate_below_one_a_second(send: Program, queue: str) -> None:
    result = feed(send, b"x\nx\n", "--lines", "--rate", "0.8", "--queue", queue)
    assert result.returncode == 0
    assert 1.25 <= summary(result)["seconds"] < 1.75


def test_a_high_rate_is_reached(send: Program, queue: str) -> None:
    result = feed(send, b"x\n" * 10_001, "--lines", "--rate", "10000", "--queue", queue)
    assert result.returncode == 0
    assert 1.0 <= summary(result)["seconds"] < 2.0


def test_the_rate_is_kept_after_a_pause_too(send: Program, fake_broker: FakeBroker) -> None:
    with open_pipe() as pipe:
        process = send.start("--lines", "--rate", "10", url=fake_broker.url, stdin=pipe.reading)
        pipe.write(b"x\n")
        fake_broker.await_methods(spec.Basic.Publish)
        process.expect_silence(1.0)
        begun = time.monotonic()
        pipe.write(b"x\n" * 11)  # ten intervals of 0.1 s at least
        pipe.close()
        assert process.finish().returncode == 0
    assert time.monotonic() - begun >= 0.99


def test_each_record_is_repeated_in_its_place(send: Program, queue: str, channel: BlockingChannel) -> None:
    result = feed(send, b"a\nb\n", "--lines", "--repeat", "3", "--queue", queue)
    assert (result.returncode, summary(result)["messages"]) == (0, 6)
    assert take_all(channel, queue) == [b"a", b"a", b"a", b"b", b"b", b"b"]


def test_an_argument_is_repeated(send: Program, queue: str, channel: BlockingChannel) -> None:
    assert send("--queue", queue, "--repeat", "2", "a").returncode == 0
    assert take_all(channel, queue) == [b"a", b"a"]


def test_the_rate_counts_repeated_messages(send: Program, queue: str) -> None:
    begun = time.monotonic()
    assert send("--queue", queue, "--repeat", "11", "--rate", "20").returncode == 0
    assert time.monotonic() - begun >= 0.5
