"""Ctrl-C and SIGTERM in a stream: what is in flight is waited for, and the resume point is exact."""
from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import time

import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, Received, ignore
from program import DEADLINE, Program, Result
from send_support import Feeder, await_messages, open_pipe, resume_point, summary, take


def end(feeder: Feeder, signal: str = "interrupt", timeout: float = DEADLINE) -> tuple[Result, bool]:
    """Signals `send`; its result, and whether the broker confirmed what was in flight in the 2 s that `send` waits."""
    signalled = time.monotonic()
    getattr(feeder.process, signal)()
    result = feeder.finish(timeout)
    return result, time.monotonic() - signalled < 1.9


def assert_exact(feeder: Feeder, resume: int, arrived: list[bytes], in_time: bool) -> None:
    """Records 1 to resume - 1 are in the queue, in order. No other is, unless it was confirmed too late."""
    assert len(arrived) == resume - 1 or (not in_time and len(arrived) >= resume)
    assert arrived == [feeder.line(number) for number in range(1, len(arrived) + 1)]


@pytest.mark.parametrize("seed", range(6))
def test_ctrl_c_in_the_middle(send: Program, queue: str, channel: BlockingChannel, seed: int) -> None:
    feeder = Feeder(lambda stdin: send.start("--lines", "--queue", queue, stdin=stdin))
    feeder.wait_for(random.Random(seed).randrange(1, 15_000))
    result, in_time = end(feeder)
    assert (result.returncode, result.stdout) == (130, b"")
    resume = resume_point(result)
    assert resume > 1
    assert_exact(feeder, resume, take(channel, queue), in_time)
    assert summary(result)["confirmed"] == resume - 1


@pytest.mark.parametrize("seed", range(2))
def test_sigterm_in_the_middle(send: Program, queue: str, channel: BlockingChannel, seed: int) -> None:
    feeder = Feeder(lambda stdin: send.start("--lines", "--queue", queue, stdin=stdin))
    feeder.wait_for(random.Random(100 + seed).randrange(1, 15_000))
    result, in_time = end(feeder, "terminate")
    assert result.returncode == 143
    assert_exact(feeder, resume_point(result), take(channel, queue), in_time)


def test_ctrl_c_with_large_records(send: Program, queue: str, channel: BlockingChannel) -> None:
    feeder = Feeder(lambda stdin: send.start("--lines", "--queue", queue, stdin=stdin), width=200_000)
    feeder.wait_for(200)
    result, in_time = end(feeder)
    assert result.returncode == 130
    assert_exact(feeder, resume_point(result), take(channel, queue), in_time)


@pytest.mark.parametrize("args", [("--rate", "20"), ("--window", "1"), ("--quiet",)], ids=" ".join)
def test_ctrl_c_whatever_it_waits_for(
    send: Program, queue: str, channel: BlockingChannel, args: tuple[str, ...]
) -> None:
    channel.queue_declare(queue)
    feeder = Feeder(lambda stdin: send.start("--lines", "--queue", queue, *args, stdin=stdin))
    await_messages(channel, queue)
    result, in_time = end(feeder, timeout=5)
    assert result.returncode == 130
    assert_exact(feeder, resume_point(result), take(channel, queue), in_time)


def test_ctrl_c_in_a_repeated_message(send: Program, queue: str, channel: BlockingChannel) -> None:
    process = send.start("--queue", queue, "--repeat", "1000000000", "--queue-arg", "x-max-length=10")
    channel.queue_declare(queue, arguments={"x-max-length": 10})
    await_messages(channel, queue)
    process.interrupt()
    result = process.finish()
    assert (result.returncode, resume_point(result)) == (130, 1)
    match = re.search(rb"\((\d+) of its 1000000000 copies are sent; --repeat (\d+) sends the rest\)\n", result.stderr)
    assert match, result.stderr
    assert int(match[1]) == summary(result)["confirmed"]
    assert int(match[1]) + int(match[2]) == 1_000_000_000


def test_ctrl_c_while_the_input_is_silent(send: Program, queue: str, channel: BlockingChannel) -> None:
    channel.queue_declare(queue)
    with open_pipe() as pipe:
        process = send.start("--lines", "--queue", queue, stdin=pipe.reading)
        pipe.write(b"1\n2\nhalf of 3")
        await_messages(channel, queue, 2)
        process.interrupt()
        result = process.finish(timeout=5)
    assert (result.returncode, resume_point(result)) == (130, 3)
    assert take(channel, queue) == [b"1", b"2"]


def test_ctrl_c_waits_for_the_confirms_of_what_is_in_flight(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, ignore)
    with open_pipe() as pipe:
        process = send.start("--lines", url=fake_broker.url, stdin=pipe.reading)
        pipe.write(b"1\n2\n3\n")
        last = fake_broker.await_methods(spec.Basic.Publish, 3)[-1]
        process.interrupt()
        process.expect_silence(0.3)
        last.reply(spec.Basic.Ack(3, multiple=True))
        result = process.finish()
    assert (result.returncode, resume_point(result)) == (130, 4)


def test_a_second_ctrl_c_does_not_wait(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, ignore)
    with open_pipe() as pipe:
        process = send.start("--lines", url=fake_broker.url, stdin=pipe.reading)
        pipe.write(b"1\n")
        fake_broker.await_methods(spec.Basic.Publish)
        process.interrupt()
        process.expect_silence(0.3)
        process.interrupt()
        assert process.finish(timeout=3).status == 130


def test_ctrl_c_waits_2_seconds_for_confirms_that_trickle_in(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, ignore)
    with open_pipe() as pipe:
        process = send.start("--lines", url=fake_broker.url, stdin=pipe.reading)
        pipe.write(b"x\n" * 1000)
        last = fake_broker.await_methods(spec.Basic.Publish, 1000)[-1]
        process.interrupt()
        interrupted = time.monotonic()
        tags = itertools.count(1)
        while process.running:
            assert time.monotonic() - interrupted < 10
            last.reply(spec.Basic.Ack(next(tags)))
            last.session.gone(0.1)
        result = process.finish()
    assert result.returncode == 130
    assert 1.5 < time.monotonic() - interrupted < 6
    assert 10 < resume_point(result) < 60


def test_ctrl_c_while_the_broker_is_blocked(send: Program, fake_broker: FakeBroker) -> None:
    def block(received: Received) -> None:
        received.reply(spec.Basic.Ack(received.delivery_tag))
        received.session.send(0, spec.Connection.Blocked("low on memory"))
        received.session.await_end()  # as RabbitMQ: it reads nothing more, connection.close neither

    fake_broker.on(spec.Basic.Publish, block)
    with open_pipe() as pipe:
        process = send.start("--lines", url=fake_broker.url, stdin=pipe.reading)
        pipe.write(b"1\n2\n3\n")
        process.wait_for(lambda: b"low on memory" in process.stderr, "word of the block")
        process.interrupt()
        interrupted = time.monotonic()
        result = process.finish()
    assert (result.returncode, resume_point(result)) == (130, 2)
    assert time.monotonic() - interrupted < 4


@pytest.mark.parametrize(("signal", "status"), [("interrupt", 130), ("terminate", 143)])
def test_a_signal_while_nobody_reads_the_output(
    send: Program, fake_broker: FakeBroker, signal: str, status: int
) -> None:
    fake_broker.heartbeat = 1
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writing, b"x" * 65536)
        os.set_blocking(writing, True)
        process = send.start("1", "2", url=fake_broker.url, stdout=writing)
        fake_broker.await_methods(spec.Basic.Publish, 2)
        fake_broker.wait_for(lambda: fake_broker.sessions[0].heartbeats >= 2, "second heartbeat")
        getattr(process, signal)()
        assert process.finish(timeout=6).returncode == status
    finally:
        os.close(reading)
        os.close(writing)


def test_the_connection_is_closed_in_order_after_ctrl_c(send: Program, fake_broker: FakeBroker) -> None:
    with open_pipe() as pipe:
        process = send.start("--lines", url=fake_broker.url, stdin=pipe.reading)
        pipe.write(b"1\n")
        fake_broker.await_methods(spec.Basic.Publish)
        process.interrupt()
        assert process.finish().returncode == 130
    assert len(fake_broker.methods(spec.Connection.Close)) == 1
