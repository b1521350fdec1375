"""receive --to-queue, --to-exchange and --to-url: messages arrive as they were, and leave their queue only then."""
from __future__ import annotations

import random
import struct
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pika
import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, ignore
from move_support import DRAIN, declare, elsewhere, exchange, said, target
from program import DEADLINE, Program
from receive_support import (
    NOWHERE,
    READY,
    await_message,
    await_ready,
    bodies_left_in,
    declare_with,
    fill,
    left_in,
    numbered,
    witness,
)
from send_support import PrivateBroker, await_messages, message_count, take
from test_connect_options import SECRETS, assert_no_secret, environment, login, write
from test_receive_json import PROPERTIES, Encoded, consume, header, long_string, on_the_wire, with_headers
from witness import publish

__all__ = ["elsewhere", "exchange", "on_the_wire", "target"]  # fixtures

KINDS = pytest.mark.parametrize("kind", ["classic", "quorum"])


# Where to.


def test_to_a_queue(receive: Program, channel: BlockingChannel, queue: str, target: str) -> None:
    declare_with(channel, queue, b"1", b"2")
    result = receive("-q", queue, "--to-queue", target, "--drain")
    assert (result.returncode, result.stdout) == (0, b"")
    assert result.stderr == said(f"2 messages moved to queue '{target}'")
    assert bodies_left_in(channel, target) == [b"1", b"2"]
    assert left_in(channel, queue) == []


def test_to_an_exchange_with_each_messages_own_key(
    receive: Program, channel: BlockingChannel, queue: str, target: str, exchange: str
) -> None:
    channel.exchange_declare(exchange, "direct")
    channel.queue_declare(queue)
    for key in ("", "a", "ä.#"):
        channel.queue_bind(queue, "amq.direct", f"{queue}{key}")
        channel.queue_bind(target, exchange, f"{queue}{key}")
        channel.basic_publish("amq.direct", f"{queue}{key}", key.encode())
    result = receive("-q", queue, "--to-exchange", exchange, "--drain")
    assert (result.returncode, result.stderr) == (0, said(f"3 messages moved to exchange '{exchange}'"))
    found = [channel.basic_get(target, auto_ack=True) for _ in range(3)]
    assert [(method.exchange, method.routing_key, body) for method, _properties, body in found] == [
        (exchange, f"{queue}{key}", key.encode()) for key in ("", "a", "ä.#")
    ]


@pytest.mark.parametrize("key", ["other", ""])
def test_to_an_exchange_with_another_key(
    receive: Program, channel: BlockingChannel, queue: str, target: str, exchange: str, key: str
) -> None:
    channel.exchange_declare(exchange, "direct")
    channel.queue_bind(target, exchange, key)
    declare_with(channel, queue, b"1")
    assert receive("-q", queue, "--to-exchange", exchange, "--to-key", key, *DRAIN).returncode == 0
    method, _properties, body = channel.basic_get(target, auto_ack=True)
    assert method is not None
    assert (method.exchange, method.routing_key, body) == (exchange, key, b"1")


def test_to_the_default_exchange(receive: Program, channel: BlockingChannel, queue: str, target: str) -> None:
    declare_with(channel, queue, b"1")
    assert receive("-q", queue, "--to-exchange", "", "--to-key", target, *DRAIN).returncode == 0
    assert bodies_left_in(channel, target) == [b"1"]


def test_an_exchange_with_two_queues_gets_one_message(
    receive: Program, channel: BlockingChannel, queue: str, target: str, exchange: str
) -> None:
    other = channel.queue_declare("", exclusive=True).method.queue
    channel.exchange_declare(exchange, "fanout")
    for each in (target, other):
        channel.queue_bind(each, exchange)
    declare_with(channel, queue, b"1", b"2")
    assert receive("-q", queue, "--to-exchange", exchange, *DRAIN).returncode == 0
    assert (take(channel, target), take(channel, other)) == ([b"1", b"2"], [b"1", b"2"])


@pytest.mark.parametrize("kind", ["quorum", "stream"])
def test_to_a_queue_of_another_type(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, exchange: str, kind: str
) -> None:
    name = exchange  # deleted below
    declare(channel, name, kind)
    try:
        fill(send, queue, numbered(range(3000)))
        assert receive("-q", queue, "--to-queue", name, *DRAIN).returncode == 0
        from_first = ("--offset", "first") if kind == "stream" else ()
        result = receive("-q", name, *from_first, "--format", "lines", "--count", "3000", "--quiet")
        assert result.stdout.split() == numbered(range(3000))
    finally:
        channel.queue_delete(name)


@pytest.fixture(scope="module")
def vhost(broker_ctl: Path, broker_url: str) -> Iterator[str]:
    """The URL of another virtual host of the same broker."""
    name = f"hello-rabbit/{uuid.uuid4()}"

    def ctl(*args: str) -> None:
        subprocess.run([broker_ctl, *args], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60)

    ctl("add_vhost", name)
    ctl("set_permissions", "-p", name, pika.URLParameters(broker_url).credentials.username, ".*", ".*", ".*")
    yield urlsplit(broker_url)._replace(path="/" + quote(name, safe="")).geturl()
    ctl("delete_vhost", name)


def test_to_another_virtual_host(receive: Program, channel: BlockingChannel, queue: str, vhost: str) -> None:
    """A queue of the same name is another one there."""
    declare_with(channel, queue, *numbered(range(5)))
    with witness(vhost) as there:
        there.queue_declare(queue)
        assert receive("-q", queue, "--to-queue", queue, "--to-url", vhost, *DRAIN).returncode == 0
        assert bodies_left_in(there, queue) == numbered(range(5))
    assert left_in(channel, queue) == []


def test_to_another_broker(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, elsewhere: PrivateBroker
) -> None:
    fill(send, queue, numbered(range(3000)))
    with witness(elsewhere.url) as there:
        there.queue_declare(queue)
        assert receive("-q", queue, "--to-queue", queue, "--to-url", elsewhere.url, *DRAIN).returncode == 0
        assert bodies_left_in(there, queue) == numbered(range(3000))
    assert left_in(channel, queue) == []


def test_another_broker_that_cannot_be_reached(receive: Program, channel: BlockingChannel, queue: str) -> None:
    declare_with(channel, queue, b"1")
    result = receive("-q", queue, "--to-queue", queue, "--to-url", NOWHERE, *DRAIN)
    assert result.returncode == 69
    assert result.stderr.count(b"\n") == 1 and b"127.0.0.1:1" in result.stderr
    assert left_in(channel, queue) == [(b"1", False)]


def test_options_of_the_source_are_not_the_targets(
    receive: Program, fake_broker: FakeBroker, tmp_path: Path
) -> None:
    """Nor is AMQP_PASSWORD: it would be told to another broker."""
    password_file = write(tmp_path / "password", "from file")
    for variables, options, source in (
        ({"AMQP_PASSWORD": "variable"}, [], ("u", "variable", "v")),
        ({}, ["--user", "o", "--vhost", "ov", "--password-file", password_file], ("o", "from file", "ov")),
    ):
        with FakeBroker() as other:
            to_url = f"amqp://tu:tp@127.0.0.1:{other.port}/tv"
            with environment(receive, **variables):
                url = f"amqp://u:p@127.0.0.1:{fake_broker.port}/v"
                process = receive.start("--to-queue", "t", "--to-url", to_url, *options, url=url)
            await_ready(process)
            assert (login(fake_broker), login(other)) == (source, ("tu", "tp", "tv"))
            process.kill()


@pytest.mark.parametrize("password", SECRETS)
@pytest.mark.parametrize("form", ["{}", "={}"])
def test_the_targets_password_is_not_shown(receive: Program, fake_broker: FakeBroker, password: str, form: str) -> None:
    to_url = f"amqp://u:{quote(password, safe='')}@127.0.0.1:{fake_broker.port}/%2f"
    option = ["--to-url", to_url] if form == "{}" else [f"--to-url={to_url}"]
    process = receive.start("--verbose", "--to-queue", "t", *option, url=fake_broker.url)
    await_ready(process)
    logins = [each.method.response for each in fake_broker.methods(spec.Connection.StartOk)]
    assert any((each if isinstance(each, bytes) else each.encode()).endswith(f"\0u\0{password}".encode()) for each in logins)
    assert_no_secret(password, Path(f"/proc/{process.pid}/cmdline").read_bytes(), process.stderr)


@pytest.mark.parametrize("password", SECRETS)
def test_a_failure_to_connect_shows_no_password(receive: Program, fake_broker: FakeBroker, password: str) -> None:
    to_url = f"amqp://u:{quote(password, safe='')}@127.0.0.1:1/%2f"
    result = receive("--verbose", "--to-queue", "t", "--to-url", to_url, url=fake_broker.url)
    assert result.returncode == 69
    assert_no_secret(password, result.stdout, result.stderr)


# As they were.


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
        result = receive("-q", queue, "--offset", "first", "--to-queue", target, "--idle", "0.7")
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


# Published as it should be.


def test_each_is_mandatory_and_confirmed(
    receive: Program, channel: BlockingChannel, queue: str, fake_broker: FakeBroker
) -> None:
    declare_with(channel, queue, b"1", b"2")
    result = receive("-q", queue, "--to-queue", "t", "--to-url", fake_broker.url, *DRAIN)
    assert result.returncode == 0
    assert fake_broker.methods(spec.Confirm.Select)
    found = [(each.method.exchange, each.method.routing_key, each.method.mandatory, each.body)
             for each in fake_broker.methods(spec.Basic.Publish)]  # fmt: skip
    assert found == [("", "t", True, b"1"), ("", "t", True, b"2")]


def test_nothing_is_acked_before_it_is_confirmed(
    receive: Program, channel: BlockingChannel, queue: str, fake_broker: FakeBroker
) -> None:
    declare_with(channel, queue, *numbered(range(100)))
    fake_broker.on(spec.Basic.Publish, ignore, when=lambda received: received.body != b"0")
    process = receive.start("-q", queue, "--to-queue", "t", "--to-url", fake_broker.url, *DRAIN)
    fake_broker.await_methods(spec.Basic.Publish, 100)
    process.kill()
    left = bodies_left_in(channel, queue)
    assert left in (numbered(range(100)), numbered(range(1, 100)))


# How many.


@KINDS
@pytest.mark.parametrize("count", [1, 7, 1234])
def test_count_is_exact(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str, kind: str, count: int
) -> None:
    """The others were never sent."""
    fill(send, queue, numbered(range(3000)), "--queue-type", kind, "--durable")
    result = receive("-q", queue, "--no-declare", "--to-queue", target, "--count", str(count))
    assert (result.returncode, result.stderr) == (0, said(f"{count} messages moved to queue '{target}'"))
    assert bodies_left_in(channel, target) == numbered(range(count))
    assert left_in(channel, queue) == [(body, False) for body in numbered(range(count, 3000))]


def test_count_counts_what_was_moved(
    receive: Program, channel: BlockingChannel, queue: str, target: str, exchange: str
) -> None:
    """Every other one has no way to go."""
    channel.exchange_declare(exchange, "direct")
    channel.queue_declare(queue)
    channel.queue_bind(target, exchange, f"{queue}1")
    for odd in "01":
        channel.queue_bind(queue, "amq.direct", f"{queue}{odd}")
    for number in range(40):
        channel.basic_publish("amq.direct", f"{queue}{number % 2}", b"%d" % number)
    result = receive("-q", queue, "--to-exchange", exchange, "--count", "7", "--quiet")
    assert result.returncode == 4
    moved = numbered(range(1, 14, 2))
    assert bodies_left_in(channel, target) == moved
    assert bodies_left_in(channel, queue) == [body for body in numbered(range(40)) if body not in moved]


def test_idle(receive: Program, channel: BlockingChannel, queue: str, target: str) -> None:
    declare_with(channel, queue, b"1", b"2")
    result = receive("-q", queue, "--to-queue", target, "--idle", "0.5")
    assert (result.returncode, result.stderr) == (0, said(f"2 messages moved to queue '{target}'"))
    assert bodies_left_in(channel, target) == [b"1", b"2"]


def test_a_watch_moves_what_comes(receive: Program, channel: BlockingChannel, queue: str, target: str) -> None:
    process = receive.start("-q", queue, "--to-queue", target)
    process.wait_for(lambda: READY in process.stderr, "ready line")
    for number in range(3):
        publish(channel, queue, b"%d" % number)
        assert await_message(channel, target) == b"%d" % number
    process.terminate()
    result = process.finish()
    assert (result.returncode, result.stdout) == (0, b"")
    assert result.stderr == READY + f"receive: 3 messages moved to queue '{target}'\n".encode()
    assert left_in(channel, queue) == []


# Endings.


def test_none_of_so_many(receive: Program, channel: BlockingChannel, queue: str, target: str) -> None:
    result = receive("-q", queue, "--to-queue", target, "--count", "3", "--idle", "0.3")
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr == said(
        f"0 messages moved to queue '{target}'", "0 of 3 messages came before the time was up"
    )


@pytest.mark.parametrize("option", [("--timeout", "1"), ("--idle", "0.5"), ("--drain",)], ids=" ".join)
def test_some_of_so_many(
    receive: Program, channel: BlockingChannel, queue: str, target: str, option: tuple[str, ...]
) -> None:
    declare_with(channel, queue, b"1", b"2")
    result = receive("-q", queue, "--to-queue", target, "--count", "3", *option)
    assert (result.returncode, result.stdout) == (3, b"")
    assert f"receive: 2 messages moved to queue '{target}'\n".encode() in result.stderr
    assert b"2 of 3 messages came before" in result.stderr
    assert bodies_left_in(channel, target) == [b"1", b"2"]


def test_drain_of_an_empty_queue(receive: Program, channel: BlockingChannel, queue: str, target: str) -> None:
    result = receive("-q", queue, "--to-queue", target, "--drain")
    assert (result.returncode, result.stderr) == (0, said(f"0 messages moved to queue '{target}'"))


def test_quiet(receive: Program, channel: BlockingChannel, queue: str, target: str) -> None:
    declare_with(channel, queue, b"1", b"2")
    result = receive("-q", queue, "--to-queue", target, "--count", "2", "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert message_count(channel, target) == 2


@pytest.mark.parametrize(("number", "status"), [(2, 130), (15, 143)])
def test_a_signal_before_the_end(
    receive: Program, channel: BlockingChannel, queue: str, target: str, number: int, status: int
) -> None:
    declare_with(channel, queue, b"1", b"2")
    process = receive.start("-q", queue, "--to-queue", target, "--count", "3")
    await_messages(channel, target, 2)
    process.popen.send_signal(number)
    result = process.finish()
    assert (result.returncode, result.stdout) == (status, b"")
    assert f"receive: 2 messages moved to queue '{target}'\n".encode() in result.stderr
    assert left_in(channel, queue) == []


# Refused before connecting.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-q", "a", "--to-queue", "a"], "'a' is the queue that the messages come from"),
        (["--to-queue", "hello"], "'hello' is the queue that the messages come from"),
        (["-q", "a", "--to-exchange", "", "--to-key", "a"], "'a' is the queue that the messages come from"),
        (["--to-exchange", ""], "--to-key"),
        (["--to-queue", ""], "--to-queue"),
        (["--to-queue", "x" * 256], "255"),
        (["--to-exchange", "x" * 256], "255"),
        (["--to-exchange", "x", "--to-key", "x" * 256], "255"),
        (["--to-queue", "x", "--to-exchange", "x"], "--to-exchange"),
        (["--to-queue", "x", "--to-origin"], "--to-origin"),
        (["--to-exchange", "x", "--to-origin"], "--to-origin"),
        (["--to-key", "k"], "--to-exchange"),
        (["--to-queue", "x", "--to-key", "k"], "--to-exchange"),
        (["--to-url", NOWHERE], "--to-url needs --to-queue"),
        (["--to-queue", "x", "--to-url", "http://h/"], "--to-url"),
        (["--to-queue", "x", "--ack", "auto"], "--ack auto"),
        (["--to-queue", "x", "--format", "json"], "--format"),
        (["--to-queue", "x", "--template", "{body}"], "--template"),
        (["--to-queue", "x", "--peek"], "--peek"),
        (["--to-queue", "x", "--", "/bin/cat"], "COMMAND"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_uses(receive: Program, options: list[str], words: str) -> None:
    result = receive(*options, url=NOWHERE)
    assert (result.returncode, result.stdout) == (64, b"")
    assert words.encode() in result.stderr and result.stderr.count(b"\n") == 1
