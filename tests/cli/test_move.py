"""receive --to-queue, --to-exchange and --to-url: messages arrive as they were, and leave their queue only then."""
from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pika
import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, close_channel, ignore
from move_support import DRAIN, assert_left, declare, elsewhere, exchange, said, target
from program import Program
from receive_support import (
    NOWHERE,
    READY,
    await_message,
    await_no_consumer,
    await_ready,
    bodies_left_in,
    declare_with,
    fill,
    left_in,
    measured,
    numbered,
    witness,
)
from send_support import PrivateBroker, await_messages, message_count, take
from test_connect_options import SECRETS, assert_no_secret, environment, login, write
from witness import publish

__all__ = ["elsewhere", "exchange", "target"]  # fixtures

KINDS = pytest.mark.parametrize("kind", ["classic", "quorum"])


# Where to.


def test_to_a_queue(receive: Program, channel: BlockingChannel, queue: str, target: str) -> None:
    declare_with(channel, queue, b"1", b"2")
    result = receive("-q", queue, "--to-queue", target, "--drain")
    assert (result.returncode, result.stdout) == (0, b"")
    assert result.stderr == said(f"2 messages moved to queue '{target}'")
    assert_left(channel, target, [b"1", b"2"])
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
    assert_left(channel, target, [b"1"])


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
        assert_left(there, queue, numbered(range(5)))
    assert left_in(channel, queue) == []


def test_to_another_broker(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, elsewhere: PrivateBroker
) -> None:
    fill(send, queue, numbered(range(3000)))
    with witness(elsewhere.url) as there:
        there.queue_declare(queue)
        assert receive("-q", queue, "--to-queue", queue, "--to-url", elsewhere.url, *DRAIN).returncode == 0
        assert_left(there, queue, numbered(range(3000)))
    assert left_in(channel, queue) == []


def test_another_broker_that_cannot_be_reached(receive: Program, channel: BlockingChannel, queue: str) -> None:
    declare_with(channel, queue, b"1")
    result = receive("-q", queue, "--to-queue", queue, "--to-url", NOWHERE, *DRAIN)
    assert result.returncode == 69
    assert result.stderr.count(b"\n") == 1 and b"127.0.0.1:1" in result.stderr
    assert left_in(channel, queue) == [(b"1", False)]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (("--to-queue", "gone"), 4),
        (("--to-exchange", "gone"), 4),
        (("--to-queue", "t", "--to-url", NOWHERE), 69),
    ],
)
def test_nothing_is_declared_before_the_target_is_found(
    receive: Program, fake_broker: FakeBroker, options: tuple[str, ...], status: int
) -> None:
    for kind in (spec.Queue.Declare, spec.Exchange.Declare):
        fake_broker.on(kind, close_channel(404, "NOT_FOUND - it is not there"), when=lambda r: r.method.passive)
    assert receive("--queue", "typo", *options, url=fake_broker.url).returncode == status
    assert all(each.method.passive for each in fake_broker.methods(spec.Queue.Declare))


@pytest.mark.parametrize("target", [("--to-queue", "gone"), ("--to-exchange", "gone")])
@pytest.mark.parametrize("count", [(), ("--count", "0")])
def test_a_queue_is_not_purged_for_a_target_that_is_gone(
    receive: Program, channel: BlockingChannel, queue: str, target: tuple[str, str], count: tuple[str, ...]
) -> None:
    declare_with(channel, queue, b"1", b"2")
    result = receive("-q", queue, "--purge", *target, *count)
    assert result.returncode == 4
    assert b"it is not there; nothing was taken" in result.stderr
    assert b"purged" not in result.stderr
    assert left_in(channel, queue) == [(b"1", False), (b"2", False)]


def test_both_connections_are_closed_in_order_when_nothing_is_taken(receive: Program, fake_broker: FakeBroker) -> None:
    assert receive("--to-queue", "t", "--count", "0", url=fake_broker.url).returncode == 0
    assert len(fake_broker.methods(spec.Connection.Close)) == 2


@pytest.mark.parametrize("silent", [spec.Connection.StartOk, spec.Queue.Declare], ids=["connecting", "looking"])
def test_the_timeout_covers_the_target(receive: Program, fake_broker: FakeBroker, silent: type) -> None:
    with FakeBroker() as other:
        other.on(silent, ignore)
        to_url = f"amqp://127.0.0.1:{other.port}"
        process = receive.start("--timeout", "1", "--to-queue", "t", "--to-url", to_url, url=fake_broker.url)
        assert 0.9 < measured(process.finish) < 4
    assert process.finish().returncode == 69
    assert not fake_broker.methods(spec.Queue.Declare)


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
    logins = [each if isinstance(each, bytes) else each.encode() for each in logins]
    assert [each for each in logins if each.endswith(f"\0u\0{password}".encode())]
    assert_no_secret(password, Path(f"/proc/{process.pid}/cmdline").read_bytes(), process.stderr)


@pytest.mark.parametrize("password", SECRETS)
def test_a_failure_to_connect_shows_no_password(receive: Program, fake_broker: FakeBroker, password: str) -> None:
    to_url = f"amqp://u:{quote(password, safe='')}@127.0.0.1:1/%2f"
    result = receive("--verbose", "--to-queue", "t", "--to-url", to_url, url=fake_broker.url)
    assert result.returncode == 69
    assert_no_secret(password, result.stdout, result.stderr)


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
    assert_left(channel, target, numbered(range(count)))
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
    assert_left(channel, target, moved)
    assert_left(channel, queue, [body for body in numbered(range(40)) if body not in moved])


def test_idle(receive: Program, channel: BlockingChannel, queue: str, target: str) -> None:
    declare_with(channel, queue, b"1", b"2")
    result = receive("-q", queue, "--to-queue", target, "--idle", "0.5")
    assert (result.returncode, result.stderr) == (0, said(f"2 messages moved to queue '{target}'"))
    assert_left(channel, target, [b"1", b"2"])


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
    assert_left(channel, target, [b"1", b"2"])


@KINDS
def test_drain_takes_all_there_was(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str, kind: str
) -> None:
    """Also what is on its way while it is counted."""
    for _ in range(20):
        fill(send, queue, numbered(range(3000)), "--queue-type", kind, "--durable")
        assert receive("-q", queue, "--no-declare", "--to-queue", target, *DRAIN).returncode == 0
        assert await_no_consumer(channel, queue) == 0
    assert message_count(channel, target) == 60_000


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
