"""receive --where: what does not match stays in its order, however many there are and however it ends."""
from __future__ import annotations

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from move_support import DRAIN, all_but_every, assert_left, declare, every, publish_numbered, target
from program import Program
from receive_support import await_no_consumer, bodies_left_in, fill, numbered
from send_support import await_messages
from test_receive_json import consume, encoded, on_the_wire
from witness import publish

__all__ = ["on_the_wire", "target"]  # fixtures

KINDS = pytest.mark.parametrize("kind", ["classic", "quorum"])
LINES = ("--format", "lines")


# Nothing matches.


@KINDS
@pytest.mark.parametrize("ending", [("--drain",), ("--idle", "0.5"), ("--count", "1", "--idle", "0.5")], ids=" ".join)
@pytest.mark.usefixtures("on_the_wire")
def test_nothing_matches(
    receive: Program, channel: BlockingChannel, queue: str, kind: str, ending: tuple[str, ...]
) -> None:
    """Messages and order are as they were; a quorum queue alone adds its count of deliveries."""
    declare(channel, queue, kind)
    messages = []
    for number in range(3000):
        body = b"%d" % number * (number % 50)
        properties = pika.BasicProperties(
            type=f"{number % 7}", message_id=f"{number}", headers={"k": [number, {"n": None}]} if number % 3 else None
        )
        messages.append((body, properties))
        channel.basic_publish("", queue, body, properties)
    await_messages(channel, queue, 3000)
    result = receive("-q", queue, "--no-declare", "--where", "type=x", *ending, *LINES)
    assert (result.returncode, result.stdout) == (2 if "--count" in ending else 0, b"")
    assert b"receive: 3000 messages did not match and stay\n" in result.stderr
    assert await_no_consumer(channel, queue) == 3000
    found = consume(channel, queue, 3000)
    if kind == "classic":
        assert found == [(body, encoded(properties)) for body, properties in messages]
    else:
        assert [body for body, _properties in found] == [body for body, _properties in messages]


def test_nothing_matches_in_a_quorum_queue(receive: Program, channel: BlockingChannel, queue: str) -> None:
    """Properties and headers, but for the count of deliveries."""
    declare(channel, queue, "quorum")
    given = [{"k": "v", "n": number} for number in range(3000)]
    for headers in given:
        channel.basic_publish("", queue, b"", pika.BasicProperties(type="a", headers=headers))
    await_messages(channel, queue, 3000)
    assert receive("-q", queue, "--no-declare", "--where", "type=b", *DRAIN, *LINES).returncode == 0
    assert await_no_consumer(channel, queue) == 3000
    for headers in given:
        properties = channel.basic_get(queue, auto_ack=True)[1]
        assert properties.type == "a"
        assert {name: value for name, value in properties.headers.items() if name != "x-delivery-count"} == headers


def test_what_staying_costs_is_said(
    receive: Program, channel: BlockingChannel, queue: str, broker_version: tuple[int, ...]
) -> None:
    declare(channel, queue, "quorum")
    publish(channel, queue, b"1")
    await_messages(channel, queue)
    result = receive("-q", queue, "--no-declare", "--where", "type=b", "--drain", *LINES)
    warned = b"counts a failed delivery of each message that does not match" in result.stderr
    assert warned == (broker_version < (4, 3))
    assert_left(channel, queue, [b"1"])


# More than a consumer may be sent unacknowledged: 65,535.


@KINDS
def test_more_than_fit_at_once(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str, kind: str
) -> None:
    """A few match at the end."""
    count = 70_000
    fill(send, queue, numbered(range(count)), "--queue-type", kind, "--durable", "--type", "b")
    fill(send, queue, numbered(range(count, count + 3)), "--no-declare", "--type", "a")
    options = ("--where", "type=a", "--to-queue", target, "--drain", "--quiet")
    assert receive.start("-q", queue, "--no-declare", *options).finish(120).returncode == 0
    assert_left(channel, target, numbered(range(count, count + 3)))
    assert_left(channel, queue, numbered(range(count)))


@KINDS
@pytest.mark.parametrize("prefetch", ["1", "7", "500"])
def test_a_small_prefetch(
    receive: Program, channel: BlockingChannel, queue: str, target: str, kind: str, prefetch: str
) -> None:
    """Many times filled by what stays, with some that match in between."""
    declare(channel, queue, kind)
    publish_numbered(channel, queue, 300, 13)
    options = ("--where", "type=a", "--to-queue", target, "--prefetch", prefetch, *DRAIN)
    assert receive.start("-q", queue, "--no-declare", *options).finish(60).returncode == 0
    assert_left(channel, target, every(300, 13))
    assert_left(channel, queue, all_but_every(300, 13))


# A reader that goes, a signal.


@KINDS
def test_a_signal_leaves_what_stays_in_order(
    receive: Program, channel: BlockingChannel, queue: str, target: str, kind: str
) -> None:
    declare(channel, queue, kind)
    publish_numbered(channel, queue, 3000, 7)
    process = receive.start("-q", queue, "--no-declare", "--where", "type=a", "--to-queue", target)
    await_messages(channel, target, 429)
    process.terminate()
    assert process.finish().returncode == 0
    assert_left(channel, queue, all_but_every(3000, 7))


def test_kill_leaves_what_stays_in_order(
    receive: Program, channel: BlockingChannel, queue: str, target: str
) -> None:
    channel.queue_declare(queue)
    publish_numbered(channel, queue, 3000, 7)
    process = receive.start("-q", queue, "--where", "type=a", "--to-queue", target)
    await_messages(channel, target, 429)
    process.kill()
    left = bodies_left_in(channel, queue)
    assert set(all_but_every(3000, 7)) <= set(left)
    assert left == sorted(left, key=int)


def test_jobs_of_what_matches(receive: Program, channel: BlockingChannel, queue: str) -> None:
    channel.queue_declare(queue)
    publish_numbered(channel, queue, 200, 5)
    options = ("--where", "type=a", "--jobs", "4", *DRAIN)
    result = receive("-q", queue, *options, "--", "/bin/sh", "-c", "exec printf '%s\\n' $(cat)")
    assert result.returncode == 0
    assert sorted(result.stdout.split(), key=int) == every(200, 5)
    assert_left(channel, queue, all_but_every(200, 5))


def test_a_command_that_fails(receive: Program, channel: BlockingChannel, queue: str) -> None:
    """It goes back to its place among those that do not match."""
    channel.queue_declare(queue)
    publish_numbered(channel, queue, 50, 7)
    script = 'read -r n; test "$n" != 21'
    result = receive("-q", queue, "--where", "type=a", *DRAIN, "--", "/bin/sh", "-c", script)
    assert result.returncode == 1
    assert_left(channel, queue, [body for body in numbered(range(50)) if body not in (b"0", b"7", b"14")])
