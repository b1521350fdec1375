"""Exchanges that the programs declare, bindings, the queue's further properties, --count 0 and --purge."""
from __future__ import annotations

import uuid
from collections.abc import Iterator

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from conftest import delete_queue
from program import Program
from receive_support import NOWHERE, await_ready, declare_with, lines, witness
from witness import publish, take_all


@pytest.fixture
def exchange(broker_url: str) -> Iterator[str]:
    """The name of an exchange nobody else uses; it is not declared yet."""
    name = f"hello-rabbit-{uuid.uuid4()}"
    yield name
    with witness(broker_url) as channel:
        channel.exchange_delete(name)


def declared_as(broker_url: str, name: str, kind: str, durable: bool) -> bool:
    """Whether an exchange is there, with these properties."""
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        channel.exchange_declare(name, passive=True)  # otherwise it would be made here
        try:
            channel.exchange_declare(name, kind, durable=durable)
        except pika.exceptions.ChannelClosedByBroker:
            return False
        return True


@pytest.mark.parametrize("kind", ["direct", "fanout", "topic", "headers"])
def test_send_declares_a_durable_exchange(send: Program, broker_url: str, exchange: str, kind: str) -> None:
    assert send("-e", exchange, "--exchange-type", kind, "hi").returncode == 4  # nothing is bound to it
    assert declared_as(broker_url, exchange, kind, durable=True)


def test_a_transient_exchange(send: Program, broker_url: str, exchange: str) -> None:
    assert send("-e", exchange, "--exchange-type", "fanout", "--exchange-transient", "hi").returncode == 4
    assert declared_as(broker_url, exchange, "fanout", durable=False)


def test_an_exchange_with_an_argument(send: Program, channel: BlockingChannel, exchange: str, queue: str) -> None:
    """What the exchange cannot route goes to the alternate one."""
    channel.exchange_declare(alternate := f"{exchange}-alternate", "fanout")
    try:
        channel.queue_declare(queue)
        channel.queue_bind(queue, alternate)
        result = send("-e", exchange, "--exchange-type", "topic", "--exchange-arg", f"alternate-exchange={alternate}", "hi")
        assert (result.returncode, result.stderr) == (0, b"")
        assert take_all(channel, queue) == [b"hi"]
    finally:
        channel.exchange_delete(alternate)


def test_receive_declares_the_exchanges_of_its_bindings(send: Program, receive: Program, exchange: str) -> None:
    process = receive.start("--bind", f"{exchange}:a.*", "--exchange-type", "topic", "--format", "lines")
    await_ready(process)
    assert send("-e", exchange, "-k", "a.b", "yes").returncode == 0
    assert send("-e", exchange, "-k", "b.b", "no").returncode == 4
    process.expect_stdout(b"yes\n")


def test_the_queue_is_declared_with_exactly_these_properties(
    receive: Program, broker_url: str, queue: str
) -> None:
    assert receive("-q", queue, "--durable", "--auto-delete", "--count", "0").returncode == 0
    with witness(broker_url) as channel:
        channel.queue_declare(queue, durable=True, auto_delete=True)


def test_an_exclusive_queue_is_nobody_elses_and_ends_with_receive(
    receive: Program, broker_url: str, queue: str
) -> None:
    process = receive.start("-q", queue, "--exclusive-queue", "--format", "lines")
    await_ready(process)
    with witness(broker_url) as channel, pytest.raises(pika.exceptions.ChannelClosedByBroker, match="RESOURCE_LOCKED"):
        channel.queue_declare(queue, exclusive=True)
    process.interrupt()
    assert process.finish().returncode == 0
    with witness(broker_url) as channel, pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND|LOCKED"):
        channel.queue_declare(queue, passive=True)


@pytest.mark.parametrize(
    "there, asked, advice",
    [
        ({"exchange_type": "fanout", "durable": True}, ["fanout", "--exchange-transient"], b"leave --exchange-transient out"),
        ({"exchange_type": "fanout", "durable": False}, ["fanout"], b"add --exchange-transient"),
        ({"exchange_type": "fanout", "durable": True}, ["direct"], b"leave --exchange-type out"),
    ],
    ids=["durable", "transient", "type"],
)
def test_an_exchange_that_exists_otherwise(
    either: Program, channel: BlockingChannel, exchange: str, there: dict[str, object], asked: list[str], advice: bytes
) -> None:
    channel.exchange_declare(exchange, **there)  # type: ignore[arg-type]
    place = ["-e", exchange] if either.name == "send" else ["--bind", exchange, "--timeout", "5"]
    result = either(*place, "--exchange-type", *asked)
    assert result.returncode == 1
    assert result.stderr.count(b"\n") == 1
    assert advice in result.stderr and b"406 PRECONDITION_FAILED" in result.stderr


def test_a_type_that_the_broker_does_not_know(either: Program, exchange: str) -> None:
    place = ["-e", exchange] if either.name == "send" else ["--bind", exchange]
    result = either(*place, "--exchange-type", "nosuch")
    assert result.returncode == 64
    assert result.stderr.startswith(f"{either.name}: --exchange-type nosuch: the broker does not know this type".encode())
    assert result.stderr.count(b"\n") == 1


def test_an_exchange_that_is_not_there(send: Program) -> None:
    result = send("-e", "hello-rabbit-no-such-exchange", "hi")
    assert result.returncode == 1
    assert b"404 NOT_FOUND" in result.stderr and b"--exchange-type declares it" in result.stderr


def test_count_0_declares_and_binds_and_ends(
    send: Program, receive: Program, channel: BlockingChannel, exchange: str, queue: str
) -> None:
    result = receive("-q", queue, "--bind", f"{exchange}:k", "--exchange-type", "direct", "--durable", "--count", "0")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert send("-e", exchange, "-k", "k", "hi").returncode == 0
    assert take_all(channel, queue) == [b"hi"]


def test_count_0_takes_nothing(receive: Program, channel: BlockingChannel, queue: str) -> None:
    declare_with(channel, queue, b"0")
    assert receive("-q", queue, "--count", "0").returncode == 0
    method, _properties, body = channel.basic_get(queue, auto_ack=True)
    assert method is not None and body == b"0" and not method.redelivered


def test_purge_empties_the_queue_first(receive: Program, channel: BlockingChannel, queue: str) -> None:
    declare_with(channel, queue, b"0", b"1", b"2")
    process = receive.start("-q", queue, "--purge", "--format", "lines")
    await_ready(process)
    publish(channel, queue, b"new")
    process.expect_stdout(b"new\n")
    assert f"receive: queue '{queue}': 3 messages purged\n".encode() in process.stderr


def test_purge_says_nothing_with_quiet(receive: Program, channel: BlockingChannel, queue: str) -> None:
    declare_with(channel, queue, b"0")
    result = receive("-q", queue, "--purge", "--count", "0", "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert take_all(channel, queue) == []


def test_a_stream_that_nobody_called_one_is_not_purged(receive: Program, broker_url: str, queue: str) -> None:
    with witness(broker_url) as channel:
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "stream"})
    result = receive("-q", queue, "--purge", "--count", "0")
    assert result.returncode == 64
    assert result.stderr == f"receive: --purge: queue '{queue}' is a stream, which cannot be emptied\n".encode()


def test_consumers_with_a_higher_priority_come_first(receive: Program, channel: BlockingChannel, queue: str) -> None:
    channel.queue_declare(queue)
    low = receive.start("-q", queue, "--format", "lines", "--consumer-arg", "x-priority=-1")
    high = receive.start("-q", queue, "--format", "lines", "--consumer-arg", "x-priority=1")
    await_ready(low)
    await_ready(high)
    bodies = [b"%d" % number for number in range(20)]
    publish(channel, queue, *bodies)
    high.expect_stdout(lines(bodies))
    assert low.stdout == b""


def test_a_filtered_stream(send: Program, receive: Program, queue: str, broker_version: tuple[int, ...]) -> None:
    if broker_version < (3, 13):
        pytest.skip("streams have filters from RabbitMQ 3.13 on")
    stream = ["-q", queue, "--queue-type", "stream"]
    # A filter picks chunks: those of a run of their own are alike in what they hold.
    assert send(*stream, "-H", "x-stream-filter-value=a", "--repeat", "50", "a").returncode == 0
    assert send(*stream, "-H", "x-stream-filter-value=b", "--repeat", "50", "b").returncode == 0
    result = receive(*stream, "--offset", "first", "--consumer-arg", "x-stream-filter=b", "--idle", "1", "--format", "lines")
    assert result.stdout == b"b\n" * 50


def test_a_filter_that_the_broker_ignores_is_said(
    receive: Program, queue: str, broker_version: tuple[int, ...]
) -> None:
    if broker_version >= (3, 13):
        pytest.skip("streams have filters from RabbitMQ 3.13 on")
    result = receive(
        "-q", queue, "--queue-type", "stream", "--consumer-arg", "x-stream-filter=b", "--idle", "0.1", "--format", "raw"
    )
    assert result.returncode == 0
    assert b"receive: x-stream-filter: this broker has no stream filters (RabbitMQ 3.13 and later do)" in result.stderr


def test_an_offset_by_age(send: Program, receive: Program, queue: str) -> None:
    assert send("-q", queue, "--queue-type", "stream", "new").returncode == 0
    result = receive("-q", queue, "--offset", "10m", "--count", "1", "--timeout", "10", "--format", "lines")
    assert (result.returncode, result.stdout) == (0, b"new\n")


@pytest.mark.parametrize(
    "args, words",
    [
        (["--purge", "--queue-type", "stream"], b"--purge: a stream cannot be emptied"),
        (["--purge", "--bind", "e"], b"--purge with --bind needs --queue"),
        (["--count", "0", "--bind", "e"], b"--count 0 with --bind needs --queue"),
        (["--bind", ":key", "--exchange-type", "topic"], b"the exchange's name is empty"),
        (["--exchange-type", "topic"], b"--exchange-type needs --bind"),
        (["--bind", "e", "--exchange-type", ""], b"the type is empty"),
        (["--bind", "e", "--exchange-transient"], b"--exchange-transient needs --exchange-type"),
        (["--bind", "e", "--exchange-type", "topic", "--exchange-arg", "x"], b"--exchange-arg 'x'"),
        (["--consumer-arg", "x-stream-offset=first"], b"use --offset"),
        (["--offset", "10x"], b"--offset '10x'"),
        (["--exclusive-queue", "--no-declare"], b"cannot be used together"),
    ],
)
def test_bad_uses_of_receive(receive: Program, args: list[str], words: bytes) -> None:
    """Found before anything is connected to."""
    result = receive(*args, url=NOWHERE)
    assert result.returncode == 64
    assert words in result.stderr and result.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "args, words",
    [
        (["--exchange-type", "topic"], b"--exchange-type needs --exchange"),
        (["-e", "", "--exchange-type", "topic"], b"the default exchange exists always"),
        (["-e", "e", "--auto-delete"], b"cannot be used together"),
        (["-e", "e", "--exchange-type", "t" * 256], b"exchange type"),
    ],
)
def test_bad_uses_of_send(send: Program, args: list[str], words: bytes) -> None:
    result = send(*args, url=NOWHERE)
    assert result.returncode == 64
    assert words in result.stderr and result.stderr.count(b"\n") == 1


def test_an_auto_delete_queue_is_used_as_it_is(send: Program, broker_url: str) -> None:
    name = f"hello-rabbit-{uuid.uuid4()}"
    with witness(broker_url) as channel:
        channel.queue_declare(name, auto_delete=True)
        assert send("-q", name, "hi").returncode == 0
        result = send("-q", name, "--durable", "hi")
        assert result.returncode == 1 and b"406" in result.stderr
    delete_queue(broker_url, name)
