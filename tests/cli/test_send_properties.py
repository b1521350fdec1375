"""Properties, headers, the queue's declaration, and where messages go; Pika reads them back."""
from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from fake_broker import FakeBroker
from field_types import typed_fields
from program import Program
from witness import take_all

__all__ = ["typed_fields"]


def get(channel: BlockingChannel, queue: str) -> spec.BasicProperties:
    method, properties, _body = channel.basic_get(queue, auto_ack=True)
    assert method is not None, f"{queue} is empty"
    return properties


def set_properties(properties: spec.BasicProperties) -> dict[str, Any]:
    """Those that are there."""
    return {name: value for name, value in vars(properties).items() if value is not None}


def test_a_plain_message_has_no_properties(send: Program, queue: str, channel: BlockingChannel) -> None:
    assert send("--queue", queue).returncode == 0
    assert set_properties(get(channel, queue)) == {}


@pytest.mark.parametrize(
    ("args", "name", "value"),
    [
        (("--content-type", "text/plain"), "content_type", "text/plain"),
        (("--content-encoding", "gzip"), "content_encoding", "gzip"),
        (("--persistent",), "delivery_mode", 2),
        (("--priority", "0"), "priority", 0),
        (("--priority", "255"), "priority", 255),
        (("--correlation-id", "7-ä"), "correlation_id", "7-ä"),
        (("--reply-to", "answers"), "reply_to", "answers"),
        (("--expiration", "60000"), "expiration", "60000"),
        (("--message-id", "0"), "message_id", "0"),
        (("--message-id", "m" * 255), "message_id", "m" * 255),
        (("--timestamp", "1700000000"), "timestamp", 1700000000),
        (("--type", "{}"), "type", "{}"),
        (("--user-id", "guest"), "user_id", "guest"),
        (("--app-id", "[a,b]"), "app_id", "[a,b]"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else "",
)
def test_a_property(
    send: Program, queue: str, channel: BlockingChannel, args: tuple[str, ...], name: str, value: object
) -> None:
    assert send("--queue", queue, *args).returncode == 0
    assert set_properties(get(channel, queue)) == {name: value}


def test_all_properties_together(send: Program, queue: str, channel: BlockingChannel) -> None:
    texts = ["content-type", "content-encoding", "correlation-id", "reply-to", "message-id", "type", "app-id"]
    options = [word for name in texts for word in (f"--{name}", f"my {name}")]
    rest = ["--persistent", "--priority", "3", "--expiration", "60000", "--user-id", "guest", "--timestamp", "5"]
    assert send("--queue", queue, *options, *rest, "-H", "k=v").returncode == 0
    assert set_properties(get(channel, queue)) == {name.replace("-", "_"): f"my {name}" for name in texts} | {
        "delivery_mode": 2, "priority": 3, "expiration": "60000", "user_id": "guest", "timestamp": 5,
        "headers": {"k": "v"},
    }  # fmt: skip


def test_each_message_of_a_stream_has_the_properties(
    send: Program, queue: str, channel: BlockingChannel
) -> None:
    assert send("--queue", queue, "--app-id", "app", "-H", "k=v", "a", "b").returncode == 0
    assert [set_properties(get(channel, queue)) for _ in range(2)] == [{"app_id": "app", "headers": {"k": "v"}}] * 2


def test_the_timestamp_now(send: Program, queue: str, channel: BlockingChannel) -> None:
    before = int(time.time())
    assert send("--queue", queue, "--timestamp", "now").returncode == 0
    assert before <= get(channel, queue).timestamp <= time.time()


@pytest.mark.usefixtures("typed_fields")
@pytest.mark.parametrize(
    ("header", "name", "field"),
    [
        ("k=v", "k", ("S", "v")),
        ("k=", "k", ("S", "")),
        ("k=a=b:c", "k", ("S", "a=b:c")),
        ("k=[v]", "k", ("S", "[v]")),
        ("[k]=[v]", "[k]", ("S", "[v]")),
        ("k=12", "k", ("S", "12")),
        ("ключ=значение", "ключ", ("S", "значение")),
        ("k:string=7", "k", ("S", "7")),
        ("a:b:string=c", "a:b", ("S", "c")),
        ("k:int=-9223372036854775808", "k", ("l", -(2**63))),
        ("k:int=9223372036854775807", "k", ("l", 2**63 - 1)),
        ("k:float=1.5", "k", ("d", 1.5)),
        ("k:float=-2e-3", "k", ("d", -2e-3)),
        ("k:bool=true", "k", ("t", True)),
        ("k:bool=false", "k", ("t", False)),
        ("k:timestamp=1700000000", "k", ("T", 1700000000)),
        ("k:json=null", "k", ("V", None)),
        ("k:json=[1, [true], \"x\", 0.5]", "k", [("l", 1), [("t", True)], ("S", "x"), ("d", 0.5)]),
        ('k:json={"a": {"b": [{}]}}', "k", {"a": {"b": [{}]}}),
        ('k:json={"!timestamp": 3}', "k", ("T", 3)),
        ("k" * 255 + "=v", "k" * 255, ("S", "v")),
    ],
)
def test_a_header_has_its_type(
    send: Program, queue: str, channel: BlockingChannel, header: str, name: str, field: object
) -> None:
    assert send("--queue", queue, "--header", header).returncode == 0
    assert get(channel, queue).headers == {name: field}


def test_headers_as_pika_gives_them(send: Program, queue: str, channel: BlockingChannel) -> None:
    """With the types a Python consumer sees."""
    headers = ["s=v", "i:int=-3", "b:bool=true", "t:timestamp=1700000000", 'j:json={"a": [1, "x"], "n": null}']
    assert send("-q", queue, *(word for header in headers for word in ("-H", header))).returncode == 0
    read = get(channel, queue).headers
    # Pika 1.2 takes a signed 64-bit integer for an unsigned one; from 1.4 on a time has a time zone.
    assert read.pop("i") in (-3, 2**64 - 3)
    assert read.pop("t").replace(tzinfo=None) == datetime(2023, 11, 14, 22, 13, 20)
    assert read == {"s": "v", "b": True, "j": {"a": [1, "x"], "n": None}}
    assert read["b"] is True


# The queue.


def redeclaring(channel: BlockingChannel, queue: str, **options: Any) -> str:
    """Empty if the queue is as described, else what differs."""
    another = channel.connection.channel()
    try:
        another.queue_declare(queue, **options)
    except ChannelClosedByBroker as closed:
        return str(closed.reply_text)
    another.close()
    return ""


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((), {}),
        (("--durable",), {"durable": True}),
        (("--queue-type", "classic"), {"arguments": {"x-queue-type": "classic"}}),
        (("--queue-type", "quorum"), {"durable": True, "arguments": {"x-queue-type": "quorum"}}),
        (("--queue-type", "stream"), {"durable": True, "arguments": {"x-queue-type": "stream"}}),
        (("--queue-arg", "x-max-priority=5"), {"arguments": {"x-max-priority": 5}}),
        (
            ("--queue-arg", "x-max-length:int=7", "--queue-arg", "x-overflow=reject-publish", "--durable"),
            {"durable": True, "arguments": {"x-max-length": 7, "x-overflow": "reject-publish"}},
        ),
        (("--queue-arg", "x-single-active-consumer=true"), {"arguments": {"x-single-active-consumer": True}}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_queue_is_declared_so(
    send: Program, queue: str, channel: BlockingChannel, args: tuple[str, ...], options: dict[str, Any]
) -> None:
    assert send("--queue", queue, *args).returncode == 0
    assert redeclaring(channel, queue, **options) == ""
    opposite = options | {"durable": not options.get("durable", False)}
    assert "inequivalent arg 'durable'" in redeclaring(channel, queue, **opposite)
    arguments = options.get("arguments", {})
    for name, value in arguments.items():
        if value != "classic":  # which is what a queue without a type is
            without = {other: arguments[other] for other in arguments if other != name}
            assert name in redeclaring(channel, queue, **options | {"arguments": without})


def test_a_queue_that_exists_otherwise_is_an_error_when_declaring_options_are_given(
    send: Program, queue: str, channel: BlockingChannel
) -> None:
    channel.queue_declare(queue)
    result = send("--queue", queue, "--durable")
    assert (result.returncode, result.stdout) == (1, b"")
    assert queue.encode() in result.stderr and b"406" in result.stderr and b"durable" in result.stderr
    assert take_all(channel, queue) == []


def test_no_declare_sends_to_what_is_there(send: Program, queue: str, channel: BlockingChannel) -> None:
    channel.queue_declare(queue, durable=True)
    assert send("--queue", queue, "--no-declare").returncode == 0
    assert take_all(channel, queue) == [b"Hello World!"]


def test_no_declare_declares_nothing(send: Program, queue: str, channel: BlockingChannel) -> None:
    result = send("--queue", queue, "--no-declare")
    assert (result.returncode, result.stdout) == (4, b"")
    assert b"NO_ROUTE" in result.stderr and queue.encode() in result.stderr
    with pytest.raises(ChannelClosedByBroker):
        channel.queue_declare(queue, passive=True)


# --exchange and --routing-key.


@pytest.fixture
def exchange(channel: BlockingChannel, request: pytest.FixtureRequest) -> Iterator[str]:
    """An exchange of the type the test asks for."""
    name = f"hello-rabbit-{uuid.uuid4()}"
    channel.exchange_declare(name, request.param)
    yield name
    channel.exchange_delete(name)


@pytest.mark.parametrize(
    ("exchange", "binding", "keys"),
    [
        ("direct", "a.b", ["a.b"]),
        ("topic", "*.b", ["a.b", ".b", "й.b"]),
        ("fanout", "", ["", "any", "k" * 255]),
    ],
    indirect=["exchange"],
)
def test_an_exchange_with_a_routing_key(
    send: Program, exchange: str, queue: str, channel: BlockingChannel, binding: str, keys: list[str]
) -> None:
    channel.queue_declare(queue)
    channel.queue_bind(queue, exchange, binding)
    for key in keys:
        assert send("--exchange", exchange, "--routing-key", key, key).returncode == 0
        method, _properties, body = channel.basic_get(queue, auto_ack=True)
        assert method is not None, key
        assert (method.exchange, method.routing_key, body) == (exchange, key, key.encode())


@pytest.mark.parametrize("exchange", ["fanout"], indirect=True)
def test_without_a_routing_key_it_is_empty(
    send: Program, exchange: str, queue: str, channel: BlockingChannel
) -> None:
    channel.queue_declare(queue)
    channel.queue_bind(queue, exchange)
    assert send("-e", exchange, "-k", "", "a").returncode == send("-e", exchange, "b").returncode == 0
    gotten = [channel.basic_get(queue, auto_ack=True)[0] for _ in range(2)]
    assert [method.routing_key for method in gotten] == ["", ""]


def test_with_an_exchange_no_queue_is_declared(send: Program, fake_broker: FakeBroker) -> None:
    assert send("--exchange", "logs", "--routing-key", "key", url=fake_broker.url).returncode == 0
    assert fake_broker.methods(spec.Queue.Declare, spec.Exchange.Declare) == []
    (publish,) = fake_broker.methods(spec.Basic.Publish)
    assert (publish.method.exchange, publish.method.routing_key) == ("logs", "key")


def test_the_default_exchange_takes_a_queues_name(
    send: Program, queue: str, channel: BlockingChannel
) -> None:
    channel.queue_declare(queue)
    assert send("--exchange", "", "--routing-key", queue).returncode == 0
    assert take_all(channel, queue) == [b"Hello World!"]
