"""receive --to-queue and its like: what cannot be moved stays where it was, and is named; exit code 4."""
from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from move_support import assert_left, declare, elsewhere, exchange, said, target
from program import Program
from receive_support import (
    await_message,
    await_ready,
    bodies_left_in,
    declare_with,
    fill,
    left_in,
    numbered,
    witness,
)
from send_support import PrivateBroker, feed, message_count
from test_errors import with_user
from test_receive_limits import unreadable
from witness import publish

__all__ = ["elsewhere", "exchange", "target", "unreadable"]  # fixtures

KINDS = pytest.mark.parametrize("kind", ["classic", "quorum"])
TO_NOBODY = ("--to-exchange", "amq.direct", "--to-key", "hello-rabbit-nowhere")


@pytest.fixture(scope="module")
def add_user(broker_ctl: Path, broker_url: str) -> Iterator[Callable[..., str]]:
    """Adds a user who may do anything but write to what does not match; gives the URL."""
    users = []

    def ctl(*args: str) -> None:
        subprocess.run([broker_ctl, *args], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60)

    def add(write: str = ".*", *tags: str) -> str:
        user, password = f"user-{uuid.uuid4()}", uuid.uuid4().hex
        users.append(user)
        ctl("add_user", user, password)
        ctl("set_permissions", "-p", unquote(urlsplit(broker_url).path[1:]) or "/", user, ".*", write, ".*")
        if tags:
            ctl("set_user_tags", user, *tags)
        return with_user(broker_url, user, password)

    yield add
    for user in users:
        ctl("delete_user", user)


# Unroutable.


@KINDS
def test_to_a_key_that_leads_nowhere(
    receive: Program, channel: BlockingChannel, queue: str, kind: str
) -> None:
    declare(channel, queue, kind)
    publish(channel, queue, *numbered(range(3)))
    result = receive("-q", queue, "--no-declare", *TO_NOBODY, "--drain")
    assert (result.returncode, result.stdout) == (4, b"")
    why = "returned: 312 NO_ROUTE (exchange 'amq.direct', routing key 'hello-rabbit-nowhere')"
    assert result.stderr == said(
        *(f"message {number} stays in queue '{queue}': {why}" for number in (1, 2, 3)),
        "0 messages moved to exchange 'amq.direct', 3 stay",
    )
    assert_left(channel, queue, numbered(range(3)))


def test_a_queue_that_is_deleted_meanwhile(
    receive: Program, channel: BlockingChannel, queue: str, target: str
) -> None:
    process = receive.start("-q", queue, "--to-queue", target)
    await_ready(process)
    publish(channel, queue, b"0")
    assert await_message(channel, target) == b"0"
    channel.queue_delete(target)
    publish(channel, queue, b"1", b"2")
    process.wait_for(lambda: process.stderr.count(b" stays in queue ") == 2, "word about two")
    process.terminate()
    result = process.finish()
    assert (result.returncode, result.stdout) == (4, b"")
    assert f"receive: 1 messages moved to queue '{target}', 2 stay\n".encode() in result.stderr
    assert left_in(channel, queue) == [(b"1", True), (b"2", True)]


def test_an_exchange_that_is_deleted_meanwhile(
    receive: Program, channel: BlockingChannel, queue: str, target: str, exchange: str
) -> None:
    """The broker closes the channel of whoever publishes to it. Once it is back, what comes is moved."""
    channel.exchange_declare(exchange, "fanout")
    process = receive.start("-q", queue, "--to-exchange", exchange)
    await_ready(process)
    channel.exchange_delete(exchange)
    publish(channel, queue, b"0", b"1")
    process.wait_for(lambda: process.stderr.count(b" stays in queue ") == 2, "word about two")
    assert process.stderr.count(b"refused: 404 NOT_FOUND") == 2
    channel.exchange_declare(exchange, "fanout")
    channel.queue_bind(target, exchange)
    publish(channel, queue, b"2")
    assert await_message(channel, target) == b"2"
    process.terminate()
    assert process.finish().returncode == 4
    assert_left(channel, queue, [b"0", b"1"])


@KINDS
def test_those_that_stay_do_not_keep_the_others(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str, exchange: str, kind: str
) -> None:
    """More of them than the broker sends at once; in order."""
    channel.exchange_declare(exchange, "direct")
    channel.queue_bind(target, exchange, f"{queue}1")
    declare(channel, queue, kind)
    for odd in "01":
        channel.queue_bind(queue, "amq.direct", f"{queue}{odd}")
    for odd, bodies in ("0", range(2500)), ("1", range(2500, 3000)), ("0", range(3000, 3100)):
        data = b"".join(b"%d\n" % body for body in bodies)
        assert feed(send, data, "-e", "amq.direct", "-k", f"{queue}{odd}", "--lines").returncode == 0
    result = receive.start("-q", queue, "--no-declare", "--to-exchange", exchange, "--drain").finish(60)
    assert result.returncode == 4
    assert f"receive: 500 messages moved to exchange '{exchange}', 2600 stay\n".encode() in result.stderr
    assert_left(channel, target, numbered(range(2500, 3000)))
    assert_left(channel, queue, [*numbered(range(2500)), *numbered(range(3000, 3100))])


@KINDS
def test_many_that_stay_are_left_in_order(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, kind: str
) -> None:
    fill(send, queue, numbered(range(5000)), "--queue-type", kind, "--durable")
    result = receive.start("-q", queue, "--no-declare", *TO_NOBODY, "--drain", "--quiet").finish(60)
    assert result.returncode == 4
    assert_left(channel, queue, numbered(range(5000)))


def test_only_the_first_20_are_named(receive: Program, channel: BlockingChannel, queue: str) -> None:
    declare_with(channel, queue, *numbered(range(50)))
    result = receive("-q", queue, *TO_NOBODY, "--drain")
    assert result.returncode == 4
    assert result.stderr.count(b" stays in queue ") == 20
    assert result.stderr.count(b"\n") == 20 + len([b"waiting", b"further ones", b"summary"])
    assert result.stderr.endswith(
        b"receive: further ones are only counted\nreceive: 0 messages moved to exchange 'amq.direct', 50 stay\n"
    )
    assert_left(channel, queue, numbered(range(50)))


def test_quiet_names_them(receive: Program, channel: BlockingChannel, queue: str) -> None:
    declare_with(channel, queue, b"1")
    result = receive("-q", queue, *TO_NOBODY, "--drain", "--quiet")
    assert result.returncode == 4
    assert re.fullmatch(rb"receive: message 1 stays in queue [^\n]*\n", result.stderr)


def test_none_of_so_many_because_they_stay(receive: Program, channel: BlockingChannel, queue: str) -> None:
    declare_with(channel, queue, b"1")
    result = receive("-q", queue, *TO_NOBODY, "--count", "2", "--idle", "0.5", "--quiet")
    assert result.returncode == 4
    assert left_in(channel, queue) == [(b"1", True)]


# Nacked.


def test_a_full_queue(receive: Program, send: Program, channel: BlockingChannel, queue: str, exchange: str) -> None:
    """As many as fit are moved."""
    full = exchange
    channel.queue_declare(full, arguments={"x-max-length": 5, "x-overflow": "reject-publish"})
    try:
        fill(send, queue, numbered(range(30)))
        result = receive("-q", queue, "--to-queue", full, "--drain")
        assert (result.returncode, result.stdout) == (4, b"")
        assert b"nacked: the broker did not take it (exchange '', routing key '%s')" % full.encode() in result.stderr
        moved = bodies_left_in(channel, full)
        summary = f"receive: {len(moved)} messages moved to queue '{full}', {30 - len(moved)} stay\n"
        assert summary.encode() in result.stderr
        assert len(moved) >= 5 and moved == numbered(range(len(moved)))
        assert_left(channel, queue, numbered(range(len(moved), 30)))
    finally:
        channel.queue_delete(full)


# Refused: the broker closes the channel, without a word about which message it was.


def test_an_exchange_one_must_not_write_to(
    receive: Program, channel: BlockingChannel, queue: str, target: str, add_user: Callable[..., str]
) -> None:
    declare_with(channel, queue, *numbered(range(3)))
    result = receive("-q", queue, "--to-queue", target, "--drain", url=add_user("^hello-rabbit-[^t]"))
    assert (result.returncode, result.stdout) == (4, b"")
    assert result.stderr.count(b" stays in queue ") == 3
    assert result.stderr.count(b"refused: 403 ACCESS_REFUSED") == 3
    assert_left(channel, queue, numbered(range(3)))
    assert message_count(channel, target) == 0


def test_one_that_is_too_large(
    receive: Program, channel: BlockingChannel, queue: str, elsewhere: PrivateBroker
) -> None:
    """The others are moved, in order. Those that were in flight with it may be there twice."""
    large = b"x" * 1_000_001
    declare_with(channel, queue, b"0", large, b"1", b"x" * 1_000_000, large, b"2")
    with witness(elsewhere.url) as there:
        there.queue_declare(queue)
        result = receive("-q", queue, "--to-queue", queue, "--to-url", elsewhere.url, "--drain")
        assert (result.returncode, result.stdout) == (4, b"")
        assert result.stderr.count(b" stays in queue ") == 2
        assert result.stderr.count(b"refused: 406 PRECONDITION_FAILED") == 2
        assert list(dict.fromkeys(bodies_left_in(there, queue))) == [b"0", b"1", b"x" * 1_000_000, b"2"]
    assert_left(channel, queue, [large, large])


# What cannot be read cannot be published.


def test_properties_that_cannot_be_read(
    receive: Program, channel: BlockingChannel, unreadable: str, target: str
) -> None:
    result = receive("-q", unreadable, "--to-queue", target, "--drain")
    assert (result.returncode, result.stdout) == (4, b"")
    assert f"message 1 stays in queue '{unreadable}': its properties cannot be read".encode() in result.stderr
    assert f"receive: 1 messages moved to queue '{target}', 1 stay\n".encode() in result.stderr
    assert_left(channel, target, [b"next"])
    assert message_count(channel, unreadable) == 1


# Not there at the start.


@pytest.mark.parametrize("option", ["--to-queue", "--to-exchange"])
@pytest.mark.parametrize("ending", [("--drain",), ("--count", "1"), ()], ids=" ".join)
def test_a_target_that_is_not_there(
    receive: Program, channel: BlockingChannel, queue: str, option: str, ending: tuple[str, ...]
) -> None:
    declare_with(channel, queue, b"1", b"2")
    result = receive("-q", queue, option, "hello-rabbit-nothing", *ending)
    assert (result.returncode, result.stdout) == (4, b"")
    words = rb"'hello-rabbit-nothing'[^\n]*it is not there; nothing was taken"
    assert re.fullmatch(rb"receive: [^\n]*" + words + rb"\n", result.stderr)
    assert left_in(channel, queue) == [(b"1", False), (b"2", False)]


# Whose user id.


@pytest.fixture
def of_three_users(channel: BlockingChannel, queue: str, add_user: Callable[..., str]) -> tuple[str, list[str | None]]:
    """The queue with 30 messages of others, of oneself, and of nobody; the other and who wrote each."""
    url = add_user()
    other: str = pika.URLParameters(url).credentials.username
    channel.queue_declare(queue)
    authors: list[str | None] = []
    with witness(url) as theirs:
        theirs.confirm_delivery()
        channel.confirm_delivery()
        for number in range(30):
            author = [other, "guest", None][number % 3]
            by = theirs if author == other else channel
            by.basic_publish("", queue, b"%d" % number, pika.BasicProperties(user_id=author, message_id="m"))
            authors.append(author)
    return other, authors


def with_user_ids(channel: BlockingChannel, queue: str, count: int) -> dict[bytes, str | None]:
    found = {}
    for _ in range(count):
        _method, properties, body = channel.basic_get(queue, auto_ack=True)
        assert properties.message_id == "m"
        found[body] = properties.user_id
    return found


def test_somebody_elses_user_id_is_dropped(
    receive: Program, channel: BlockingChannel, queue: str, target: str, of_three_users: tuple[str, list[str | None]]
) -> None:
    """It is said once, and one's own is kept."""
    other, authors = of_three_users
    result = receive("-q", queue, "--to-queue", target, "--drain")
    assert (result.returncode, result.stdout) == (0, b"")
    assert result.stderr == said(
        f"the broker refuses user_id '{other}', which is not this connection's user: it is left out",
        f"30 messages moved to queue '{target}'",
    )
    assert with_user_ids(channel, target, 30) == {
        b"%d" % number: None if author == other else author for number, author in enumerate(authors)
    }
    assert left_in(channel, queue) == []


def test_the_order_is_kept_where_a_user_id_is_dropped(
    receive: Program, channel: BlockingChannel, queue: str, target: str, of_three_users: tuple[str, list[str | None]]
) -> None:
    assert receive("-q", queue, "--to-queue", target, "--drain", "--quiet").returncode == 0
    assert_left(channel, target, numbered(range(len(of_three_users[1]))))


def test_who_may_impersonate_others_keeps_their_user_ids(
    receive: Program,
    channel: BlockingChannel,
    queue: str,
    target: str,
    of_three_users: tuple[str, list[str | None]],
    add_user: Callable[..., str],
) -> None:
    _other, authors = of_three_users
    result = receive("-q", queue, "--to-queue", target, "--drain", "--to-url", add_user(".*", "impersonator"))
    assert (result.returncode, result.stderr) == (0, said(f"30 messages moved to queue '{target}'"))
    assert with_user_ids(channel, target, 30) == {b"%d" % number: author for number, author in enumerate(authors)}


def test_without_a_user_id_it_may_stay_all_the_same(
    receive: Program, channel: BlockingChannel, queue: str, of_three_users: tuple[str, list[str | None]]
) -> None:
    result = receive("-q", queue, *TO_NOBODY, "--drain", "--quiet")
    assert result.returncode == 4
    assert_left(channel, queue, numbered(range(len(of_three_users[1]))))


def test_a_count_with_somebody_elses_user_id_is_exact(
    receive: Program, channel: BlockingChannel, queue: str, target: str, of_three_users: tuple[str, list[str | None]]
) -> None:
    assert receive("-q", queue, "--to-queue", target, "--count", "10", "--quiet").returncode == 0
    assert len(of_three_users[1]) == 30
    assert sorted(bodies_left_in(channel, target)) == sorted(numbered(range(10)))
    assert left_in(channel, queue) == [(body, False) for body in numbered(range(10, 30))]
