"""receive --to-queue and its like: messages arrive as they were, byte for byte and in order."""
from __future__ import annotations

import random
import struct

import pika
import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from move_support import DRAIN, declare, said, target
from program import DEADLINE, Program
from receive_support import fill, left_in, numbered, witness
from send_support import await_messages, message_count
from test_receive_json import PROPERTIES, Encoded, consume, header, long_string, on_the_wire, with_headers
from waiting import await_that

__all__ = ["on_the_wire", "target"]  # fixtures

MANY = 60_000
MIB = 1024  # KiB
KINDS = pytest.mark.parametrize("kind", ["classic", "quorum"])


def assert_moved_unchanged(
    receive: Program, channel: BlockingChannel, queue: str, target: str, *messages: tuple[bytes, spec.BasicProperties]
) -> None:
    """As Pika reads them without the move: RabbitMQ 4 itself sorts headers."""
    direct = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_declare(queue)
    for body, properties in messages:
        channel.basic_publish("", queue, body, properties)
        channel.basic_publish("", direct, body, properties)
    result = receive("-q", queue, "--to-queue", target, "--count", str(len(messages)), "--quiet")
    assert (result.returncode, result.stderr) == (0, b"")
    assert consume(channel, target, len(messages)) == consume(channel, direct, len(messages))


@pytest.mark.usefixtures("on_the_wire")
def test_every_body(receive: Program, channel: BlockingChannel, queue: str, target: str) -> None:
    bodies = [b"", bytes(range(256)), b"\0", b"\xff" * 131_072, random.Random(1).randbytes(1_000_000), b"", b"last"]
    assert_moved_unchanged(receive, channel, queue, target, *((body, spec.BasicProperties()) for body in bodies))


@pytest.mark.usefixtures("on_the_wire")
def test_every_property(receive: Program, channel: BlockingChannel, queue: str, target: str) -> None:
    """Each alone, all, none, and texts of any bytes."""
    sets = [spec.BasicProperties(**{name: value}) for name, value in PROPERTIES.items()]
    sets += [spec.BasicProperties(**PROPERTIES), spec.BasicProperties(), spec.BasicProperties(delivery_mode=1)]
    flags = struct.pack(">H", spec.BasicProperties.FLAG_CORRELATION_ID | spec.BasicProperties.FLAG_APP_ID)
    for text in (b"", b"\xff\xfe", b"a\0b", b"x" * 255):
        sets.append(Encoded(flags + 2 * (bytes([len(text)]) + text)))
    assert_moved_unchanged(receive, channel, queue, target, *((b"", each) for each in sets))


FIELDS = [
    (b"t", b"\1"), (b"b", b"\x80"), (b"B", b"\xff"), (b"s", b"\x80\0"), (b"u", b"\xff\xff"), (b"I", b"\x80\0\0\0"),
    (b"i", b"\xff" * 4), (b"l", b"\x80" + b"\0" * 7), (b"f", struct.pack(">f", 0.1)), (b"d", struct.pack(">d", -0.0)),
    (b"D", b"\xff" * 5), (b"T", b"\xff" * 8), (b"x", long_string(bytes(range(256)))), (b"S", long_string(b"\xff\xfe")),
    (b"S", long_string(b"")), (b"V", b""), (b"F", long_string(header(b"b", b"\1") + header(b"b", b"\2"))),
    (b"F", long_string(b"")), (b"A", long_string(b"b\1B\2V" + b"S" + long_string(b"\xff"))), (b"A", long_string(b"")),
]  # fmt: skip


@pytest.mark.usefixtures("on_the_wire")
def test_every_type_of_header(receive: Program, channel: BlockingChannel, queue: str, target: str) -> None:
    """Each alone, all, none but a table, and names of every kind."""
    tables = [header(kind, value) for kind, value in FIELDS]
    tables += [b"".join(header(kind, value, b"%d" % number) for number, (kind, value) in enumerate(FIELDS)), b""]
    tables += [header(b"V", b"", name) for name in (b"", b"\xff", b"k" * 255)]
    assert_moved_unchanged(receive, channel, queue, target, *((b"", with_headers(table)) for table in tables))


@KINDS
def test_order(receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str, kind: str) -> None:
    fill(send, queue, numbered(range(20_000)), "--queue-type", kind, "--durable")
    assert receive("-q", queue, "--no-declare", "--to-queue", target, *DRAIN).returncode == 0
    assert left_in(channel, target) == [(body, False) for body in numbered(range(20_000))]
    assert left_in(channel, queue) == []


def test_a_quorum_queues_count_of_deliveries_is_not_a_header(
    receive: Program, channel: BlockingChannel, queue: str, target: str
) -> None:
    declare(channel, queue, "quorum")
    channel.confirm_delivery()
    for headers in (None, {"k": "v"}):
        channel.basic_publish("", queue, b"", pika.BasicProperties(headers=headers))
    for _ in range(2):
        failed = [channel.basic_get(queue) for _ in range(2)]
        for method, _properties, _body in failed:
            assert method is not None
            channel.basic_nack(method.delivery_tag, requeue=True)
        await_messages(channel, queue, 2)
    assert failed[0][1].headers == {"x-delivery-count": 1}
    assert receive("-q", queue, "--no-declare", "--to-queue", target, *DRAIN).returncode == 0
    headers = [channel.basic_get(target, auto_ack=True)[1].headers for _ in range(2)]
    assert headers[0] is None and headers[1] == {"k": "v"}


@pytest.mark.parametrize("name", ["x-delivery-count", "x-stream-offset"])
def test_a_header_that_only_looks_like_a_queues_own(
    receive: Program, channel: BlockingChannel, queue: str, target: str, name: str
) -> None:
    channel.queue_declare(queue)
    channel.basic_publish("", queue, b"", pika.BasicProperties(headers={name: 7}))
    assert receive("-q", queue, "--to-queue", target, *DRAIN).returncode == 0
    assert channel.basic_get(target, auto_ack=True)[1].headers == {name: 7}


def test_a_stream_is_copied_without_its_offsets(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str
) -> None:
    fill(send, queue, numbered(range(3000)), "--queue-type", "stream")
    for _ in range(2):
        result = receive("-q", queue, "--offset", "first", "--to-queue", target, "--idle", "2")
        assert (result.returncode, result.stderr) == (0, said(f"3000 messages copied to queue '{target}'"))
        for number, (_method, properties, body) in enumerate(channel.consume(target, auto_ack=True)):
            assert (body, properties.headers) == (b"%d" % number, None)
            if number == 2999:
                break
        channel.cancel()


def test_a_request_that_was_moved_is_answered(
    receive: Program, channel: BlockingChannel, queue: str, target: str, broker_url: str
) -> None:
    """Its reply-to is an address that RabbitMQ made for it."""
    channel.queue_declare(queue)
    with witness(broker_url) as requester:
        replies: list[bytes] = []
        requester.basic_consume("amq.rabbitmq.reply-to", lambda *found: replies.append(found[3]), auto_ack=True)
        requester.basic_publish("", queue, b"1", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
        await_messages(channel, queue)
        assert receive("-q", queue, "--to-queue", target, *DRAIN).returncode == 0
        properties = channel.basic_get(target, auto_ack=True)[1]
        channel.basic_publish("", properties.reply_to, b"answer")
        requester.connection.process_data_events(time_limit=DEADLINE)
    assert replies == [b"answer"]


def test_memory_does_not_grow_with_the_queue(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str
) -> None:
    fill(send, queue, [body.rjust(1000) for body in numbered(range(MANY))])
    process = receive.start("-q", queue, "--to-queue", target)
    await_that(lambda: message_count(channel, target) == MANY, "all have arrived")
    assert process.peak_kib() < 32 * MIB
    process.terminate()
    assert process.finish().returncode == 0
