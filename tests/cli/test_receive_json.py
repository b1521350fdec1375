"""`receive --format json | send --json` gives every byte and every type back."""
from __future__ import annotations

import datetime
import decimal
import json
import math
import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pika.data
import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, Received, answer
from program import DEADLINE, Program
from receive_support import seeded
from send_support import feed

RANDOM_RECORDS = 300


class Encoded(spec.BasicProperties):
    """Properties as they are on the wire, whatever Pika makes of them."""

    def __init__(self, encoded: bytes) -> None:
        super().__init__()
        self.encoded = encoded

    def encode(self) -> list[bytes]:
        return [self.encoded]


def with_headers(table: bytes) -> Encoded:
    return Encoded(struct.pack(">HI", spec.BasicProperties.FLAG_HEADERS, len(table)) + table)


def header(kind: bytes, value: bytes, name: bytes = b"k") -> bytes:
    return bytes([len(name)]) + name + kind + value


def long_string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


@pytest.fixture
def on_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it lasts, received properties are `Encoded`, byte for byte."""

    def keep(self: Any, encoded: bytes, offset: int = 0) -> Any:
        self.encoded = encoded[offset:]
        return self

    monkeypatch.setattr(spec.BasicProperties, "decode", keep)


Message = tuple[bytes, bytes]  # body, encoded properties
Through = Callable[[list[tuple[bytes, spec.BasicProperties]]], tuple[list[Message], list[Message], bytes]]


def encoded(properties: spec.BasicProperties) -> bytes:
    return b"".join(properties.encode())


def consume(channel: BlockingChannel, queue: str, count: int) -> list[Message]:
    messages: list[Message] = []
    for _method, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=DEADLINE):
        assert properties is not None, f"{len(messages)} of {count} arrived"
        messages.append((body, properties.encoded))
        if len(messages) == count:
            break
    channel.cancel()
    return messages


@pytest.fixture
def through(
    receive: Program,
    send: Program,
    queue: str,
    channel: BlockingChannel,
    broker_version: tuple[int, ...],
    on_the_wire: None,
) -> Iterator[Through]:
    """Publishes messages; gives them as they are after the pipeline, as Pika reads them without it, and the JSON between.

    RabbitMQ 4 sorts headers, drops all but one of the same name, and turns the type L into l.
    """

    def run(messages: list[tuple[bytes, spec.BasicProperties]]) -> tuple[list[Message], list[Message], bytes]:
        direct = channel.queue_declare("", exclusive=True).method.queue
        target = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_declare(queue)
        for body, properties in messages:
            channel.basic_publish("", queue, body, properties)
            channel.basic_publish("", direct, body, properties)
        received = receive("--queue", queue, "--count", str(len(messages)), "--format", "json")
        assert received.returncode == 0, received.stderr
        sent = feed(send, received.stdout, "--json", "--queue", target, "--no-declare")
        assert sent.returncode == 0, sent.stderr
        before = consume(channel, direct, len(messages))
        if broker_version < (4,):
            assert before == [(body, encoded(properties)) for body, properties in messages]
        return consume(channel, target, len(messages)), before, received.stdout

    yield run


def assert_unchanged(through: Through, *messages: tuple[bytes, spec.BasicProperties]) -> bytes:
    after, before, between = through(list(messages))
    assert after == before
    return between


# One by one.


def test_every_body_byte(through: Through) -> None:
    bodies = [bytes([byte]) for byte in range(256)] + [b"", bytes(range(256)) * 1000, "Ünï\0\n🐇".encode()]
    bodies += ["Ü\n🐇\"".encode() * 20_000, b"\0\xff" * 70_000]
    bodies += [b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", "\u2028\ufeff\uffff".encode()]
    assert_unchanged(through, *((body, spec.BasicProperties()) for body in bodies))


PROPERTIES = {
    "content_type": "text/plain", "content_encoding": "utf-8", "headers": {"k": "v"}, "delivery_mode": 2,
    "priority": 3, "correlation_id": "c", "reply_to": "r", "expiration": "60000", "message_id": "m",
    "timestamp": 1700000000, "type": "t", "user_id": "guest", "app_id": "a", "cluster_id": "x",
}  # fmt: skip


@pytest.mark.parametrize("names", [*([name] for name in PROPERTIES), list(PROPERTIES), []], ids=",".join)
def test_every_property(through: Through, names: list[str]) -> None:
    properties = spec.BasicProperties(**{name: PROPERTIES[name] for name in names})
    assert_unchanged(through, (b"", properties))


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", "é".encode(), b"x" * 255, b"a\0b"], ids=ascii)
def test_texts_of_properties(through: Through, text: bytes) -> None:
    flags = spec.BasicProperties.FLAG_CORRELATION_ID | spec.BasicProperties.FLAG_APP_ID
    assert_unchanged(through, (b"", Encoded(struct.pack(">H", flags) + 2 * (bytes([len(text)]) + text))))


@pytest.mark.parametrize("value", [0, 1, 255])
def test_priorities(through: Through, value: int) -> None:
    assert_unchanged(through, (b"", spec.BasicProperties(priority=value)))


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, 127, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63), pika.data.long(7),
        decimal.Decimal("3.14"), decimal.Decimal("-0.001"), decimal.Decimal(42), datetime.datetime(2026, 1, 31, 12),
        datetime.datetime(1970, 1, 1), b"", b"\0\xff", b"text", "", "Ünï🐇", "a\0b", "!timestamp", [], {},
        [1, "a", None, [b"x", {}]], {"a": {"b": {"c": [decimal.Decimal("0.5")]}}}, {"!timestamp": 1}, {"!table": []},
        {"!int8": 1, "b": 2}, {"": ""}, {"é": 1},
    ],
    ids=ascii,
)  # fmt: skip
def test_every_type_that_pika_writes(through: Through, value: object) -> None:
    assert_unchanged(through, (b"", spec.BasicProperties(headers={"k": value})))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (b"b", struct.pack(">b", -128)), (b"B", b"\xff"), (b"s", struct.pack(">h", -32768)), (b"u", b"\xff\xff"),
        (b"I", b"\x80\0\0\0"), (b"i", b"\xff\xff\xff\xff"), (b"l", b"\x80" + b"\0" * 7),
        *((b"f", struct.pack(">f", number)) for number in (0.0, -0.0, 0.1, 1.0, -1.5, 1e-45, 3.4028235e38)),
        *((b"d", struct.pack(">d", number)) for number in (0.0, -0.0, 0.1, 1.0, 1e22, 5e-324, 1.7976931348623157e308)),
        (b"D", b"\xff\xff\xff\xff\xff"), (b"T", struct.pack(">Q", 2**63)), (b"T", b"\xff" * 8),
        (b"x", long_string(bytes(range(256)))), (b"S", long_string(b"\xff\xfe")), (b"S", long_string(b"")),
        (b"t", b"\1"), (b"V", b""),
        (b"F", long_string(header(b"b", b"\1") + header(b"b", b"\2"))), (b"F", long_string(header(b"b", b"\1", b"\xff"))),
        (b"A", long_string(b"b\1B\2V" + b"S" + long_string(b"\xff"))),
    ],
    ids=ascii,
)  # fmt: skip
def test_every_type_there_is(through: Through, kind: bytes, value: bytes) -> None:
    assert_unchanged(through, (b"", with_headers(header(kind, value))))


@pytest.mark.parametrize(
    "table",
    [
        header(b"V", b"", b"!int8"), header(b"V", b"", b"\xff"), header(b"V", b"") + header(b"t", b"\1"),
        header(b"V", b"", b"z") + header(b"V", b"", b"a"), header(b"V", b"", b"k" * 255), header(b"V", b"", b""),
    ],
    ids=["a tag", "not UTF-8", "twice", "order", "long", "empty"],
)  # fmt: skip
def test_every_header_name(through: Through, table: bytes) -> None:
    assert_unchanged(through, (b"", with_headers(table)))


@pytest.mark.parametrize(
    "number", [math.inf, -math.inf, math.nan, -math.nan], ids=["inf", "-inf", "nan", "-nan"]
)
@pytest.mark.parametrize("kind", [b"f", b"d"], ids=["float", "double"])
@pytest.mark.usefixtures("on_the_wire")
def test_numbers_that_only_other_brokers_take(
    receive: Program, send: Program, fake_broker: FakeBroker, kind: bytes, number: float
) -> None:
    table = header(kind, struct.pack(">" + kind.decode(), number))

    def deliver(received: Received) -> None:
        answer(received)
        method = spec.Basic.Deliver("tag", 1, False, "", "q")
        received.session.send(received.channel, method, b"", with_headers(table))

    fake_broker.on(spec.Basic.Consume, deliver)
    received = receive("--consumer-tag", "tag", "--count", "1", "--format", "json", url=fake_broker.url)
    assert received.returncode == 0
    sent = feed(send, received.stdout, "--json", url=fake_broker.url)
    assert sent.returncode == 0, sent.stderr
    (publish,) = fake_broker.methods(spec.Basic.Publish)
    assert isinstance(publish.properties, spec.BasicProperties)
    assert publish.properties.encoded == encoded(with_headers(table))  # type: ignore[attr-defined]


def test_what_the_broker_makes_of_headers(
    send: Program, queue: str, channel: BlockingChannel, broker_version: tuple[int, ...], on_the_wire: None
) -> None:
    """`send` gives them to it as they are in the record. RabbitMQ 3 keeps them so in a classic queue."""
    headers = {"!table": [["z", {"!uint64": 7}], ["a", 1], ["a", 2]]}
    record = json.dumps({"properties": {"headers": headers}}).encode()
    assert feed(send, record, "--json", "--queue", queue).returncode == 0
    seven, one, two = (struct.pack(">q", number) for number in (7, 1, 2))
    ((_body, properties),) = consume(channel, queue, 1)
    if broker_version < (4,):
        assert properties == encoded(with_headers(header(b"L", seven, b"z") + header(b"l", one, b"a") + header(b"l", two, b"a")))
    else:
        kept = [encoded(with_headers(header(b"l", a, b"a") + header(b"l", seven, b"z"))) for a in (one, two)]
        assert properties in kept


# Many.


class RandomRecords:
    """Messages of every shape, as encoded properties."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def bytes(self, most: int) -> bytes:
        text = self.rng.choice(["ascii", "utf-8", "bytes"])
        size = self.rng.choice([0, 1, self.rng.randrange(most)])
        if text == "bytes":
            return self.rng.randbytes(size)
        points = range(0x80) if text == "ascii" else [0x41, 0xE9, 0x202E, 0xFFFF, 0x1F407, 0x10FFFF]
        return "".join(chr(self.rng.choice(points)) for _ in range(size // 4)).encode()

    def short_string(self) -> bytes:
        text = self.bytes(60)
        return bytes([len(text)]) + text

    def value(self, depth: int) -> bytes:
        rng = self.rng
        kind = rng.choice(b"VtbBsuIilfdDTSxAF" if depth < 4 else b"VtbBsuIilfdDTSx")
        sizes = {"b": 1, "B": 1, "s": 2, "u": 2, "I": 4, "i": 4, "l": 8, "D": 5, "T": 8, "V": 0}
        name = chr(kind)
        if name in sizes:
            return bytes([kind]) + rng.randbytes(sizes[name])
        if name == "t":
            return b"t" + bytes([rng.randrange(2)])
        if name in "fd":
            number = rng.choice([rng.gauss(0, 1e6), float(rng.randrange(-9, 9)), rng.random() * 10 ** rng.randrange(-30, 30)])
            return bytes([kind]) + struct.pack(">" + name, number)
        if name in "Sx":
            return bytes([kind]) + long_string(self.bytes(200))
        if name == "A":
            return b"A" + long_string(b"".join(self.value(depth + 1) for _ in range(rng.randrange(4))))
        return b"F" + long_string(self.table(depth + 1))

    def table(self, depth: int) -> bytes:
        return b"".join(self.short_string() + self.value(depth) for _ in range(self.rng.randrange(5)))

    def properties(self) -> Encoded:
        # RabbitMQ checks delivery_mode, expiration and user_id, and refuses what it does not know.
        fields = {
            15: self.short_string(), 14: self.short_string(), 13: long_string(self.table(0)), 12: b"\2",
            11: self.rng.randbytes(1), 10: self.short_string(), 9: self.short_string(), 8: b"\x0860000000",
            7: self.short_string(), 6: self.rng.randbytes(8), 5: self.short_string(), 4: b"\5guest",
            3: self.short_string(), 2: self.short_string(),
        }  # fmt: skip
        flags, result = 0, b""
        for bit, field in fields.items():
            if self.rng.random() < 0.5:
                flags |= 1 << bit
                result += field
        return Encoded(struct.pack(">H", flags) + result)


def test_random_records(through: Through) -> None:
    records = RandomRecords(seeded("records"))
    messages = [(records.bytes(2000), records.properties()) for _ in range(RANDOM_RECORDS)]
    between = assert_unchanged(through, *messages)
    assert len([json.loads(line) for line in between.splitlines()]) == RANDOM_RECORDS
