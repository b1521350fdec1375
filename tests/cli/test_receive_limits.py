"""What ends `receive` and when: time that COMMAND takes, a queue that is made again, a broker that falls silent, headers
that cannot be read."""
from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import BasicProperties

from fake_broker import FakeBroker, Received, answer, ignore, in_turn
from program import Program
from receive_support import (
    WAITING,
    await_consumer,
    await_ready,
    bodies_left_in,
    declare_with,
    left_in,
    lines,
    measured,
    numbered,
    witness,
)
from witness import publish

LINES = ("--format", "lines")
SHELL = ("/bin/sh", "-c")


def test_idle_does_not_count_the_time_of_command(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, *numbered(range(5)))
    result = receive("-q", queue, "-Q", "--idle", "0.4", "--", *SHELL, "cat; echo; sleep 0.7")
    assert (result.returncode, result.stdout) == (0, lines(numbered(range(5))))
    assert left_in(channel, queue) == []


def test_a_command_that_runs_when_the_time_is_up_is_finished(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    declare_with(channel, queue, b"0", b"1")
    result = receive("-q", queue, "-Q", "--timeout", "0.5", "--count", "1", "--", *SHELL, "sleep 1; cat")
    assert (result.returncode, result.stdout) == (0, b"0")
    assert left_in(channel, queue) == [(b"1", False)]


@pytest.mark.parametrize("end", ["--timeout", "--idle"])
def test_a_drain_that_is_not_finished(receive: Program, queue: str, channel: BlockingChannel, end: str) -> None:
    channel.queue_declare(queue, arguments={"x-single-active-consumer": True})
    publish(channel, queue, b"0")
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume(queue, lambda *_: None)  # the active one, which takes one message and acks nothing
    publish(channel, queue, b"1")
    result = receive("-q", queue, "--drain", end, "1", *LINES)
    assert (result.returncode, result.stdout) == (124, b""), result
    assert result.stderr == WAITING + b"receive: the queue was not empty when the time was up\n"


def test_a_timeout_in_the_middle_of_a_question_to_the_broker(receive: Program, fake_broker: FakeBroker) -> None:
    """Whether the queue is empty: the answer comes when the time is up."""

    def answer_both(received: Received) -> None:
        answer(fake_broker.methods(spec.Queue.Declare)[1])
        answer(received)

    fake_broker.on(spec.Queue.Declare, in_turn(answer, ignore, answer_both, answer))
    result = receive("--drain", "--timeout", "1", *LINES, url=fake_broker.url)
    assert (result.returncode, result.stdout) == (124, b""), result
    assert result.stderr == WAITING + b"receive: the queue was not empty when the time was up\n"


def test_a_drain_that_sent_messages_back(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, b"0")
    script = 'test "$AMQP_REDELIVERED" = true'
    result = receive("-q", queue, "-Q", "--drain", "--on-failure", "requeue", "--", *SHELL, script)
    assert result.returncode == 1
    assert left_in(channel, queue) == []


@pytest.mark.parametrize("declares", [True, False], ids=["declares", "no-declare"])
def test_a_queue_that_is_deleted_and_made_again(
    receive: Program, queue: str, broker_url: str, channel: BlockingChannel, declares: bool
) -> None:
    declare_with(channel, queue, b"0")
    options = () if declares else ("--no-declare",)
    process = receive.start("-q", queue, *LINES, *options, "--retry-for", "30")
    process.expect_stdout(b"0\n")
    channel.queue_delete(queue)
    if not declares:
        with witness(broker_url) as other:
            other.queue_declare(queue)
    process.wait_for(lambda: b"consuming from queue" in process.stderr, "the queue again")
    await_consumer(channel, queue)
    publish(channel, queue, b"1")
    process.expect_stdout(b"0\n1\n")
    process.interrupt()
    assert process.finish().returncode == 0


def test_timeout_bounds_an_answer_that_never_comes(receive: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Queue.Declare, ignore)
    process = receive.start("--timeout", "0.3", url=fake_broker.url)
    assert 0.2 < measured(process.finish) < 3
    assert process.finish().returncode == 69


@pytest.mark.parametrize("method", [spec.Basic.Cancel, spec.Connection.Close])
def test_a_signal_does_not_wait_for_a_silent_broker(
    receive: Program, fake_broker: FakeBroker, method: type[spec.Basic.Cancel]
) -> None:
    fake_broker.on(method, ignore)
    process = receive.start(*LINES, url=fake_broker.url)
    await_ready(process)
    process.terminate()
    assert measured(process.finish) < 5
    result = process.finish()
    assert result.returncode == 0
    assert b"no answer" in result.stderr or b"did not answer" in result.stderr


# Headers that cannot be read.


def nested(depth: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.fixture
def unreadable(queue: str, channel: BlockingChannel) -> Iterator[str]:
    """A message with headers 600 deep, and one after it."""
    channel.queue_declare(queue)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)  # Pika's encoder calls itself
    channel.basic_publish("", queue, b"deep", BasicProperties(headers=nested(600)))
    publish(channel, queue, b"next")
    yield queue
    sys.setrecursionlimit(limit)


@pytest.mark.parametrize("options", [LINES, ("--template", "{body}\\n")], ids=" ".join)
def test_a_body_is_printed_without_its_headers(
    receive: Program, unreadable: str, options: tuple[str, ...]
) -> None:
    result = receive("-q", unreadable, *options, "--count", "2")
    assert (result.returncode, result.stdout) == (0, b"deep\nnext\n")
    assert result.stderr.count(b"cannot be read") == 1


@pytest.mark.parametrize("options", [("--format", "json"), ("--template", "{headers}")], ids=" ".join)
def test_what_is_to_show_headers_ends(
    receive: Program, unreadable: str, channel: BlockingChannel, options: tuple[str, ...]
) -> None:
    result = receive("-q", unreadable, *options, "--ack", "written", "--quiet")
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"cannot be read" in result.stderr and result.stderr.count(b"\n") == 1
    assert channel.queue_declare(unreadable, passive=True).method.message_count == 2


@pytest.mark.parametrize(("how", "code", "output"), [("stop", 1, b""), ("reject", 1, b"next")])
def test_a_message_that_cannot_be_given_to_command(
    receive: Program, unreadable: str, channel: BlockingChannel, how: str, code: int, output: bytes
) -> None:
    result = receive("-q", unreadable, "-Q", "--drain", "--on-failure", how, "--", "/bin/cat")
    assert (result.returncode, result.stdout) == (code, output)
    assert b"cannot be read" in result.stderr


# A header that only looks like a stream's.


def test_a_publishers_own_offset_makes_no_stream(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    channel.queue_declare(queue)
    for _ in range(2):
        channel.basic_publish("", queue, b"x", BasicProperties(headers={"x-stream-offset": 2**40}))
    assert receive("-q", queue, "--count", "1", "--drain", *LINES).stdout == b"x\n"
    result = receive("-q", queue, "-Q", "--drain", "--on-failure", "reject", "--", "/bin/false")
    assert result.returncode == 1 and b"rejected" in result.stderr
    assert bodies_left_in(channel, queue) == []


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_an_offset_of_what_is_no_stream(
    receive: Program, queue: str, channel: BlockingChannel, kind: str
) -> None:
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": kind})
    result = receive("-q", queue, "--offset", "first")
    assert (result.returncode, result.stdout) == (64, b"")
    assert result.stderr == f"receive: --offset: queue '{queue}' is not a stream but a {kind} queue\n".encode()


def test_an_exchange_of_deliveries_after_a_silent_cancel(receive: Program, fake_broker: FakeBroker) -> None:
    """The two seconds begin anew with whatever the broker sends."""

    def deliver_then_answer(received: Received) -> None:
        tag = received.method.consumer_tag
        received.session.deliver(received.channel, b"late", consumer_tag=tag, delivery_tag=1)
        answer(received)

    fake_broker.on(spec.Basic.Cancel, deliver_then_answer)
    process = receive.start(*LINES, url=fake_broker.url)
    await_ready(process)
    process.interrupt()
    assert process.finish().stdout == b"late\n"
