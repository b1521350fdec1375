"""`send` on a broker whose configuration or death is part of the test."""
from __future__ import annotations

import random
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from program import Program
from send_support import (
    Feeder,
    PrivateBroker,
    await_messages,
    feed,
    open_pipe,
    private_broker,
    resume_point,
    summary,
    take,
)

LARGEST = 16 * 1024 * 1024  # the default of RabbitMQ 4


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    """Takes 16 MiB at most, and wants a heartbeat every 2 s."""
    folder = tmp_path_factory.mktemp("strict")
    with private_broker(folder, f"max_message_size = {LARGEST}", "heartbeat = 2") as broker:
        yield broker


@pytest.fixture
def queue() -> str:
    """The name of a queue nobody else uses; it goes with its broker."""
    return f"hello-rabbit-{uuid.uuid4()}"


def in_queue(broker: PrivateBroker, queue: str, at_least: int = 0) -> list[bytes]:
    """Once so many are there: a quorum queue that was started again needs its time."""
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        await_messages(channel, queue, at_least)
        return take(channel, queue)


# Size.


def test_the_largest_message_goes_through(
    send: Program, strict: PrivateBroker, queue: str, tmp_path: Path
) -> None:
    body = random.Random(16).randbytes(LARGEST)
    (tmp_path / "body").write_bytes(body)
    assert send("--queue", queue, "--file", str(tmp_path / "body"), url=strict.url).returncode == 0
    assert in_queue(strict, queue) == [body]


@pytest.mark.parametrize("before", [0, 1, 3, 3000])
def test_one_that_is_too_large_is_named_and_all_before_it_is_sent(
    send: Program, strict: PrivateBroker, queue: str, before: int
) -> None:
    lines = [b"%d" % number for number in range(1, before + 1)]
    data = b"".join(line + b"\n" for line in [*lines, b"x" * (LARGEST + 1), b"after"])
    result = feed(send, data, "--lines", "--queue", queue, url=strict.url)
    assert (result.returncode, result.stdout) == (1, b"")
    first = result.stderr.splitlines()[0]
    assert f"record {before + 1}:".encode() in first and b"406" in first and b"16777217" in first
    assert resume_point(result) == before + 1
    assert summary(result)["confirmed"] == before
    assert in_queue(strict, queue) == lines


def test_a_large_one_right_before_does_not_count_as_lost(
    send: Program, strict: PrivateBroker, queue: str
) -> None:
    data = b"x" * LARGEST + b"\n" + b"y" * (LARGEST + 1) + b"\n"
    result = feed(send, data, "--lines", "--queue", queue, url=strict.url)
    assert (result.returncode, resume_point(result)) == (1, 2)
    assert in_queue(strict, queue) == [b"x" * LARGEST]


# Heartbeats.


def connections(broker: PrivateBroker) -> list[str]:
    return broker.run("ctl", "list_connections", "name").splitlines()


def test_the_connection_outlives_a_silent_input(send: Program, strict: PrivateBroker, queue: str) -> None:
    with open_pipe() as pipe:
        process = send.start("--lines", "--queue", queue, url=strict.url, stdin=pipe.reading)
        pipe.write(b"before\n")
        process.expect_silence(4)
        at_first = connections(strict)
        process.expect_silence(4)
        assert connections(strict) == at_first
        pipe.write(b"after\n")
        pipe.close()
        result = process.finish()
    assert (result.returncode, summary(result)["confirmed"]) == (0, 2)
    assert in_queue(strict, queue) == [b"before", b"after"]


# The broker is short of memory, and takes no messages.


@pytest.fixture
def alarmed(strict: PrivateBroker) -> Iterator[PrivateBroker]:
    strict.run("ctl", "set_vm_memory_high_watermark", "absolute", "1MB")
    yield strict
    strict.run("ctl", "set_vm_memory_high_watermark", "0.4")


def test_a_memory_alarm_counts_towards_the_confirm_timeout(
    send: Program, alarmed: PrivateBroker, queue: str
) -> None:
    result = send("--queue", queue, "--confirm-timeout", "2", "a", "b", url=alarmed.url, stdin=subprocess.DEVNULL)
    assert (result.returncode, result.stdout, resume_point(result)) == (124, b"", 1)
    assert b"the broker takes no messages for now: low on memory" in result.stderr


@pytest.mark.parametrize("signal", ["interrupt", "terminate"])
def test_a_signal_during_a_memory_alarm_ends_it(
    send: Program, alarmed: PrivateBroker, queue: str, signal: str
) -> None:
    feeder = Feeder(lambda stdin: send.start("--lines", "--queue", queue, url=alarmed.url, stdin=stdin))
    feeder.process.wait_for(lambda: b"low on memory" in feeder.process.stderr, "word of the alarm")
    getattr(feeder.process, signal)()
    signalled = time.monotonic()
    result = feeder.finish()
    assert result.returncode == (130 if signal == "interrupt" else 143)
    assert time.monotonic() - signalled < 4
    assert resume_point(result) == summary(result)["confirmed"] + 1


# The broker dies.


# No quorum queue is killed: RabbitMQ 3.10 itself forgets one that is but seconds old.
@pytest.mark.parametrize(("kind", "how"), [("classic", "kill"), ("quorum", "stop")])
def test_what_is_before_the_resume_point_survives_the_broker(
    send: Program, strict: PrivateBroker, queue: str, kind: str, how: str
) -> None:
    declaring = ("--queue", queue, "--queue-type", kind, "--durable")
    assert feed(send, b"", "--lines", *declaring, url=strict.url).returncode == 0
    strict.write_declarations()
    args = ("--lines", *declaring, "--persistent")
    feeder = Feeder(lambda stdin: send.start(*args, stdin=stdin, url=strict.url))
    feeder.wait_for(random.Random(how + kind).randrange(12_000, 25_000))  # more than the window: some are confirmed
    strict.run("node", how)
    result = feeder.finish()
    strict.run("node", "start")
    assert (result.returncode, result.stdout) == (69, b"")
    resume = resume_point(result)
    assert resume > 1
    arrived = in_queue(strict, queue, at_least=resume - 1)
    assert arrived[: resume - 1] == [feeder.line(number) for number in range(1, resume)]


def test_connections_closed_by_an_operator(send: Program, strict: PrivateBroker, queue: str) -> None:
    feeder = Feeder(lambda stdin: send.start("--lines", "--queue", queue, stdin=stdin, url=strict.url))
    feeder.wait_for(1000)
    strict.run("ctl", "close_all_connections", "out for maintenance")
    result = feeder.finish()
    assert result.returncode == 69
    assert b"320" in result.stderr and b"out for maintenance" in result.stderr
    arrived = in_queue(strict, queue)
    resume = resume_point(result)
    assert arrived[: resume - 1] == [feeder.line(number) for number in range(1, resume)]
