"""Has Pika show the type of every field it decodes: (type octet, value), or {...} and [...] of such.

Pika 1.2 reads some types with the wrong sign or cuts a float to an int, so the numbers are unpacked here.
The octets are RabbitMQ's: https://www.rabbitmq.com/amqp-0-9-1-errata#section_3
"""
from __future__ import annotations

import struct
from typing import Any

import pika.data
import pytest

NUMBERS = {
    b"t": "?", b"b": "b", b"B": "B", b"s": "h", b"u": "H", b"I": "i", b"i": "I",
    b"l": "q", b"L": "Q", b"f": "f", b"d": "d", b"T": "Q",
}  # fmt: skip


@pytest.fixture
def typed_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it lasts, `properties.headers` holds typed fields."""
    decode = pika.data.decode_value

    def decode_typed(encoded: bytes, offset: int) -> tuple[Any, int]:
        kind = encoded[offset : offset + 1]
        if kind in NUMBERS:
            (number,) = struct.unpack_from(">" + NUMBERS[kind], encoded, offset + 1)
            return (kind.decode(), number), offset + 1 + struct.calcsize(NUMBERS[kind])
        if kind == b"D":
            return ("D", struct.unpack_from(">BI", encoded, offset + 1)), offset + 6
        value, end = decode(encoded, offset)  # arrays and tables come back here for what they hold
        return (value if kind in (b"A", b"F") else (kind.decode(), value)), end

    monkeypatch.setattr(pika.data, "decode_value", decode_typed)
