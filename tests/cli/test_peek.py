"""receive --peek: shows messages and leaves the queue as it was."""
from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from program import Program
from receive_support import (
    NOWHERE,
    await_no_consumer,
    declare_with,
    fill,
    left_in,
    lines,
    numbered,
    witness,
)
from send_support import await_messages
from test_receive_flow import read_all, reading_from

TYPES = pytest.mark.parametrize("kind", ["classic", "quorum"])


def declare(broker_url: str, queue: str, kind: str, **arguments: object) -> None:
    with witness(broker_url) as channel:
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": kind, **arguments})


def delivery_counts(channel: BlockingChannel, queue: str) -> list[tuple[bytes, int]]:
    """Empties the queue: (body, x-delivery-count), in order."""
    found: list[tuple[bytes, int]] = []
    count = await_no_consumer(channel, queue)
    while len(found) < count:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        assert method is not None and properties is not None
        found.append((body, (properties.headers or {}).get("x-delivery-count", 0)))
    return found


@TYPES
def test_the_queue_is_left_as_it_was(
    send: Program, receive: Program, channel: BlockingChannel, broker_url: str, queue: str, kind: str
) -> None:
    declare(broker_url, queue, kind)
    bodies = numbered(range(30))
    fill(send, queue, bodies, "--no-declare")
    for _ in range(3):
        result = receive("-q", queue, "--peek", "--format", "lines")
        assert (result.returncode, result.stdout) == (0, lines(bodies[:10]))
    assert [body for body, _redelivered in left_in(channel, queue)] == bodies


@TYPES
def test_so_many(send: Program, receive: Program, channel: BlockingChannel, broker_url: str, queue: str, kind: str) -> None:
    declare(broker_url, queue, kind)
    bodies = numbered(range(5))
    fill(send, queue, bodies, "--no-declare")
    for args, count in (["--peek", "2"], 2), (["--peek=3"], 3), (["--peek", "100"], 5):
        result = receive("-q", queue, *args, "--format", "lines")
        assert (result.returncode, result.stdout) == (0, lines(bodies[:count]))
    assert [body for body, _redelivered in left_in(channel, queue)] == bodies


def test_a_queue_that_is_deleted_with_its_last_consumer_stays(
    send: Program, receive: Program, channel: BlockingChannel, queue: str
) -> None:
    channel.queue_declare(queue, auto_delete=True)
    fill(send, queue, numbered(range(3)), "--no-declare")
    for _ in range(2):
        assert receive("-q", queue, "--peek", "--format", "lines").stdout == b"0\n1\n2\n"
    assert [body for body, _redelivered in left_in(channel, queue)] == numbered(range(3))


def test_the_order_after_peeks_of_fewer_and_fewer(
    send: Program, receive: Program, channel: BlockingChannel, queue: str
) -> None:
    channel.queue_declare(queue)
    bodies = numbered(range(12))
    fill(send, queue, bodies)
    for count in 10, 3, 2:
        assert receive("-q", queue, "--peek", str(count), "--format", "lines").stdout == lines(bodies[:count])
    assert [body for body, _redelivered in left_in(channel, queue)] == bodies


def test_a_queue_with_a_single_active_consumer(receive: Program, channel: BlockingChannel, queue: str) -> None:
    """A peek neither waits for the active one nor takes its place."""
    channel.queue_declare(queue, arguments={"x-single-active-consumer": True})
    channel.basic_qos(prefetch_count=1)
    channel.confirm_delivery()
    active = channel.consume(queue, inactivity_timeout=15)
    channel.basic_publish("", queue, b"0")
    channel.basic_publish("", queue, b"1")
    assert next(active)[2] == b"0"
    assert receive("-q", queue, "--peek", "--format", "lines").stdout == b"1\n"


def test_an_offset_in_a_queue_that_is_no_stream(receive: Program, channel: BlockingChannel, queue: str) -> None:
    channel.queue_declare(queue)
    result = receive("-q", queue, "--peek", "--offset", "first")
    assert result.returncode == 64
    assert result.stderr == f"receive: --offset: queue '{queue}' is not a stream but a classic queue\n".encode()


@TYPES
def test_an_empty_queue(receive: Program, broker_url: str, queue: str, kind: str) -> None:
    declare(broker_url, queue, kind)
    result = receive("-q", queue, "--peek")
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.endswith(f"receive: queue '{queue}' has no message that is ready\n".encode())


def test_a_queue_that_is_not_there_is_not_declared(receive: Program, queue: str) -> None:
    for _ in range(2):
        result = receive("-q", queue, "--peek")
        assert result.returncode == 1
        assert b"cannot look into queue" in result.stderr and b"404 NOT_FOUND" in result.stderr


def test_delivery_counts(
    send: Program, receive: Program, channel: BlockingChannel, broker_url: str, broker_version: tuple[int, ...], queue: str
) -> None:
    """From RabbitMQ 4.3 on they stay as they were. Before, the broker counts, and that is said before it happens."""
    declare(broker_url, queue, "quorum")
    bodies = numbered(range(4))
    fill(send, queue, bodies, "--no-declare")
    warned = b"counts this as a failed delivery of each message"
    for _ in range(3):
        result = receive("-q", queue, "--peek", "2", "--format", "lines")
        assert (warned in result.stderr) == (broker_version < (4, 3))
    counted = 0 if broker_version >= (4, 3) else 3
    assert delivery_counts(channel, queue) == [(b"0", counted), (b"1", counted), (b"2", 0), (b"3", 0)]


@TYPES
def test_killed_in_the_middle(
    send: Program, receive: Program, channel: BlockingChannel, broker_url: str, queue: str, kind: str
) -> None:
    declare(broker_url, queue, kind)
    bodies = numbered(range(20))
    fill(send, queue, bodies, "--no-declare")
    process = receive.start("-q", queue, "--peek", "50", "--format", "lines", "--timeout", "30")
    process.expect_lines(1)
    process.popen.kill()
    await_messages(channel, queue, len(bodies))
    assert [body for body, _redelivered in left_in(channel, queue)] == bodies


def test_beside_another_consumer(
    send: Program, receive: Program, channel: BlockingChannel, queue: str
) -> None:
    """Whoever consumes gets every message once that is given back."""
    channel.queue_declare(queue)
    channel.basic_qos(prefetch_count=5)
    bodies = numbered(range(20))
    fill(send, queue, bodies)
    taken = []
    for method, _properties, body in channel.consume(queue, inactivity_timeout=15):
        assert method is not None and body is not None
        taken.append(body)
        if len(taken) == 5:
            result = receive("-q", queue, "--peek", "3", "--format", "lines")
            assert (result.returncode, result.stdout) == (0, lines(bodies[5:8]))
        if len(taken) >= 5:
            channel.basic_ack(method.delivery_tag, multiple=True)
        if len(taken) == len(bodies):
            break
    assert taken == bodies


def test_a_stream_is_simply_read(send: Program, receive: Program, queue: str) -> None:
    bodies = numbered(range(20))
    fill(send, queue, bodies, "--queue-type", "stream")
    for args, expected in (["--peek", "3"], bodies[:3]), (["--peek", "3", "--offset", "10"], bodies[10:13]), (["--peek", "100"], bodies):
        result = receive("-q", queue, *args, "--format", "lines")
        assert (result.returncode, result.stdout, result.stderr) == (0, lines(expected), b"")


def test_it_is_fast_whatever_the_depth(send: Program, receive: Program, queue: str, measure: Callable[..., float]) -> None:
    fill(send, queue, numbered(range(100_000)))
    assert min(measure(receive, queue) for _ in range(5)) < 0.2


@pytest.fixture
def measure() -> Callable[..., float]:
    def run(receive: Program, queue: str) -> float:
        begun = time.monotonic()
        assert receive("-q", queue, "--peek", "10", "--format", "lines").stdout.count(b"\n") == 10
        return time.monotonic() - begun

    return run


def test_a_signal_ends_it(receive: Program, broker_url: str, queue: str) -> None:
    """A stream is waited for, for a moment; here the first message has not come yet."""
    declare(broker_url, queue, "stream")
    process = receive.start("-q", queue, "--peek", "--offset", "next", "--verbose")
    process.wait_for(lambda: b"connected to" in process.stderr, "connection")
    process.interrupt()
    assert process.finish().returncode == 130


def test_pretty_is_its_format(receive: Program, channel: BlockingChannel, queue: str) -> None:
    declare_with(channel, queue, b"hello")
    result = receive("-q", queue, "--peek")
    assert result.stdout.endswith(f"  routing key '{queue}'\n  5 bytes, text\n    hello\n".encode())


@pytest.mark.parametrize(
    "args",
    [["--count", "1"], ["--drain"], ["--idle", "1"], ["--ack", "written"], ["--purge"], ["--bind", "e"], ["--", "true"]],
)
def test_what_takes_messages_is_no_peek(receive: Program, args: list[str]) -> None:
    result = receive("--peek", *args, url=NOWHERE)
    assert result.returncode == 64
    assert b"cannot be used together" in result.stderr


@pytest.mark.parametrize("number", ["0", "65536", "99999999999999999999"])
def test_numbers_that_cannot_be_peeked_at(receive: Program, number: str) -> None:
    result = receive("--peek", number, url=NOWHERE)
    assert result.returncode == 64
    assert f"--peek: '{number}' is not a whole number from 1 to 65535".encode() in result.stderr


@pytest.mark.parametrize("form", ["hello", "text", "json", "lines", "template"])
def test_an_interruption_tears_no_message(receive: Program, queue: str, channel: BlockingChannel, form: str) -> None:
    """While the reader pauses in the middle of a large one."""
    body = b"x\n" * 400_000
    declare_with(channel, queue, body)
    await_messages(channel, queue)
    arguments = ("--template", "<{body}|{size}>\\n") if form == "template" else ("--format", form)
    with reading_from(receive, "-q", queue, "--peek", *arguments, "--quiet") as (process, pipe):
        begin = os.read(pipe, 1)  # the pipe is full from here on
        process.interrupt()
        process.expect_silence(0.2)
        printed = begin + read_all(pipe)
        assert process.finish().returncode == 130
    expected = {
        "hello": f" [x] Received {body!r}\n".encode(),
        "text": b"x\\n" * 400_000 + b"\n",
        "json": printed,
        "lines": body + b"\n",
        "template": b"<%b|%d>\n" % (body, len(body)),
    }
    assert printed == expected[form]
    if form == "json":
        assert json.loads(printed)["payload"] == body.decode()
