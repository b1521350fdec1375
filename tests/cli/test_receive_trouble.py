"""What goes wrong under `receive`, or with its command line: a clear line and the right code."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, close_channel, close_connection, hang_up
from program import Process, Program, Result
from receive_support import (
    NOWHERE,
    READY,
    WAITING,
    await_no_consumer,
    await_ready,
    bodies_left_in,
    declare_with,
    lines,
    numbered,
    witness,
)
from send_support import PrivateBroker, private_broker

LINES = ("--format", "lines")
ACKS = pytest.mark.parametrize("ack", [(), ("--ack", "written")], ids=["auto", "written"])


def assert_one_line(result: Result, status: int, *words: str) -> None:
    assert result.returncode == status, result
    line = result.stderr.removeprefix(READY).removeprefix(WAITING)
    assert re.fullmatch(rb"receive: [^\n]+\n", line), result.stderr
    for word in words:
        assert word in line.decode()


# The queue, the channel, the connection.


@ACKS
def test_the_queue_is_deleted(
    receive: Program, queue: str, channel: BlockingChannel, ack: tuple[str, ...]
) -> None:
    process = receive.start("--queue", queue, *LINES, *ack)
    await_ready(process)
    channel.basic_publish("", queue, b"0")
    process.expect_stdout(b"0\n")
    channel.queue_delete(queue)
    result = process.finish()
    assert_one_line(result, 1, queue, "deleted")
    assert result.stdout == b"0\n"


def test_the_queue_is_deleted_while_a_command_runs(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    declare_with(channel, queue, b"0")
    process = receive.start("--queue", queue, "--", "/bin/sh", "-c", "echo begun; sleep 1; echo ended")
    process.expect_stdout(b"begun\n")
    channel.queue_delete(queue)
    result = process.finish()
    assert_one_line(result, 1, queue)
    assert result.stdout == b"begun\nended\n"


@pytest.mark.parametrize("count", [(), ("--count", "5")], ids=["watch", "count"])
def test_a_code_of_count_does_not_hide_a_failure(
    receive: Program, queue: str, channel: BlockingChannel, count: tuple[str, ...]
) -> None:
    process = receive.start("--queue", queue, *LINES, *count)
    await_ready(process)
    channel.queue_delete(queue)
    assert_one_line(process.finish(), 1, queue)


def ready(receive: Program, broker: FakeBroker, *args: str) -> Process:
    process = receive.start(*LINES, *args, url=broker.url)
    await_ready(process)
    return process


@ACKS
@pytest.mark.parametrize(
    ("trouble", "status", "word"),
    [
        (close_channel(406, "PRECONDITION_FAILED - fancy"), 1, "406 PRECONDITION_FAILED - fancy"),
        (close_channel(403, "ACCESS_REFUSED - fancy"), 77, "403 ACCESS_REFUSED - fancy"),
        (close_connection(541, "INTERNAL_ERROR - fancy"), 1, "541 INTERNAL_ERROR - fancy"),
        (close_connection(320, "CONNECTION_FORCED - fancy"), 69, "320 CONNECTION_FORCED - fancy"),
        (hang_up, 69, "127.0.0.1"),
    ],
    ids=["channel closed", "refused", "connection closed", "forced", "hung up"],
)
def test_the_broker_ends_it(
    receive: Program,
    fake_broker: FakeBroker,
    trouble: Callable[..., None],
    status: int,
    word: str,
    ack: tuple[str, ...],
) -> None:
    process = ready(receive, fake_broker, *ack)
    trouble(fake_broker.methods(spec.Basic.Consume)[0])
    assert_one_line(process.finish(), status, word)


def test_a_queue_that_is_not_there(receive: Program, queue: str) -> None:
    assert_one_line(receive("--queue", queue, "--no-declare"), 1, queue, "404 NOT_FOUND")


# A broker that is impatient with acks; the last of its tests stops it.


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    with private_broker(tmp_path_factory.mktemp("impatient"), "consumer_timeout = 1000") as broker:
        # How often a channel looks; rabbitmq.conf has no name for it.
        broker.run("ctl", "eval", "application:set_env(rabbit, channel_tick_interval, 500).")
        yield broker


def test_the_ack_timeout(receive: Program, impatient: PrivateBroker, broker_version: tuple[int, ...]) -> None:
    if broker_version >= (4, 3):
        pytest.skip("from RabbitMQ 4.3 on, classic queues have no such timeout")
    with witness(impatient.url) as channel:
        declare_with(channel, "late", b"0", b"1")
    script = "cat; echo; sleep 5; echo ended"
    result = receive("-q", "late", "--", "/bin/sh", "-c", script, url=impatient.url)
    assert_one_line(result, 1, "406 PRECONDITION_FAILED", "timeout")
    assert result.stdout == b"0\nended\n"
    with witness(impatient.url) as channel:
        assert bodies_left_in(channel, "late") == [b"0", b"1"]


def test_written_messages_are_acked_in_time(receive: Program, impatient: PrivateBroker) -> None:
    """No batch of acks waits for more messages."""
    with witness(impatient.url) as channel:
        declare_with(channel, "quiet", *numbered(range(3)))
    result = receive("-q", "quiet", *LINES, "--ack", "written", "--timeout", "4", url=impatient.url)
    assert (result.returncode, result.stdout) == (0, lines(numbered(range(3))))


@ACKS
def test_an_operator_closes_the_connections(
    receive: Program, impatient: PrivateBroker, ack: tuple[str, ...]
) -> None:
    process = receive.start("-q", "closed", *LINES, *ack, url=impatient.url)
    await_ready(process)
    impatient.run("ctl", "close_all_connections", "out for maintenance")
    assert_one_line(process.finish(), 69, "320 CONNECTION_FORCED", "out for maintenance")


def test_the_broker_is_stopped(receive: Program, impatient: PrivateBroker) -> None:
    process = receive.start("-q", "stopped", *LINES, url=impatient.url)
    await_ready(process)
    impatient.run("node", "stop")
    assert_one_line(process.finish(), 69, "127.0.0.1")


def test_messages_stay_when_their_receiver_vanishes(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, b"0")
    process = receive.start("--queue", queue, "--", "/bin/sh", "-c", "cat; exec sleep 3 >&- 2>&-")
    process.expect_stdout(b"0")
    process.popen.kill()
    await_no_consumer(channel, queue)
    assert bodies_left_in(channel, queue) == [b"0"]


# The command line: refused before anything is connected to.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--ack auto --count 1", ["--count", "--ack auto", "more messages than wanted"]),
        ("--ack auto --prefetch 1", ["--prefetch", "--ack auto"]),
        ("--prefetch 1", ["--prefetch", "--ack written"]),
        ("--ack never", ["--ack", "never", "written"]),
        ("--prefetch 0", ["--prefetch"]),
        ("--prefetch 65536", ["--prefetch"]),
        ("--on-failure requeue", ["--on-failure", "COMMAND"]),
        ("--on-failure ignore -- true", ["--on-failure", "ignore", "requeue"]),
        ("--on-failure reject --ack auto -- true", ["--on-failure", "--ack auto"]),
        ("--drain --offset first", ["--drain", "--idle"]),
        ("--drain --queue-type stream", ["--drain", "--idle"]),
        ("--count -1", ["--count"]),
        ("--count many", ["--count", "many"]),
        ("--count 1.5", ["--count"]),
        ("--count 99999999999999999999", ["--count"]),
        ("--timeout -1", ["--timeout"]),
        ("--timeout soon", ["--timeout", "soon"]),
        ("--timeout nan", ["--timeout"]),
        ("--timeout inf", ["--timeout"]),
        ("--idle -0.1", ["--idle"]),
        ("--idle nan", ["--idle"]),
        ("--queue=", ["--queue"]),
        ("--no-declare --durable", ["--no-declare", "--durable"]),
        ("true", ["true"]),
    ],
)
def test_usage(receive: Program, options: str, words: list[str]) -> None:
    result = receive(*options.split(), url=NOWHERE)
    assert (result.returncode, result.stdout) == (64, b""), result
    for word in words:
        assert word in result.stderr.decode()


@pytest.mark.parametrize("name", ["queue", "consumer-tag", "bind"])
def test_names_that_are_too_long(receive: Program, name: str) -> None:
    result = receive(f"--{name}", "n" * 256, url=NOWHERE)
    assert result.returncode == 64
    assert b"256" in result.stderr and b"255" in result.stderr
