"""receive --to-queue while things break: whatever ends, each message is in one queue or in both, never in none."""
from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from faults import pause
from move_support import assert_left, target
from program import Process, Program
from proxy import Proxy
from receive_support import (
    await_message,
    await_no_consumer,
    await_ready,
    bodies_left_in,
    declare_with,
    fill,
    numbered,
    proxy,
    through,
    witness,
)
from send_support import PrivateBroker, await_messages, message_count, private_broker
from waiting import PATIENCE
from witness import publish

__all__ = ["proxy", "target"]  # fixtures

MANY = 50_000
RETRY = ("--retry-for", "60", "--connect-timeout", "1")
KINDS = pytest.mark.parametrize("kind", ["classic", "quorum"])


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    """A broker to move to, which is killed."""
    with private_broker(tmp_path_factory.mktemp("mortal")) as broker:
        yield broker


def start_move(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str, kind: str
) -> Process:
    """Of many; it is under way."""
    fill(send, queue, numbered(range(MANY)), "--queue-type", kind, "--durable")
    process = receive.start("-q", queue, "--no-declare", "--to-queue", target, "--drain")
    await_messages(channel, target, 5000)
    return process


def assert_none_lost(source: list[bytes], target: list[bytes], count: int) -> Counter[bytes]:
    """How often each is there."""
    found = Counter(source + target)
    assert found.keys() == set(numbered(range(count)))
    assert max(Counter(source).values(), default=1) == 1
    return found


# Signals.


@KINDS
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle(
    receive: Program,
    send: Program,
    channel: BlockingChannel,
    queue: str,
    target: str,
    number: signal.Signals,
    kind: str,
) -> None:
    """Each is in exactly one of both."""
    process = start_move(receive, send, channel, queue, target, kind)
    process.popen.send_signal(number)
    result = process.finish()
    assert (result.returncode, result.stdout) == (128 + number, b"")
    await_no_consumer(channel, queue)
    moved = message_count(channel, target)
    assert 5000 <= moved < MANY
    assert f"receive: {moved} messages moved to queue '{target}'\n".encode() in result.stderr
    await_messages(channel, queue, MANY - moved)
    left, arrived = bodies_left_in(channel, queue), bodies_left_in(channel, target)
    assert (arrived, left) == (numbered(range(moved)), numbered(range(moved, MANY)))


@KINDS
def test_kill_in_the_middle(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str, kind: str
) -> None:
    """Each is in one of both, and those in flight may be in both."""
    process = start_move(receive, send, channel, queue, target, kind)
    process.kill()
    await_no_consumer(channel, queue)
    await_messages(channel, queue, MANY - message_count(channel, target))
    found = assert_none_lost(bodies_left_in(channel, queue), bodies_left_in(channel, target), MANY)
    assert found.total() - MANY <= 10_000


def test_timeout_in_the_middle(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str
) -> None:
    fill(send, queue, numbered(range(MANY)), "--durable")
    result = receive("-q", queue, "--no-declare", "--to-queue", target, "--timeout", "0.5", "--prefetch", "1")
    assert result.returncode == 0
    moved = message_count(channel, target)
    assert 0 < moved < MANY
    assert f"receive: {moved} messages moved to queue '{target}'\n".encode() in result.stderr
    left, arrived = bodies_left_in(channel, queue), bodies_left_in(channel, target)
    assert (arrived, left) == (numbered(range(moved)), numbered(range(moved, MANY)))


# The target's broker is lost.


def persistent(send: Program, queue: str, count: int) -> None:
    fill(send, queue, numbered(range(count)), "--durable", "--persistent")


@pytest.mark.parametrize("retry", [(), RETRY], ids=["given up", "retried"])
def test_the_targets_broker_is_killed(
    receive: Program,
    send: Program,
    channel: BlockingChannel,
    queue: str,
    mortal: PrivateBroker,
    retry: tuple[str, ...],
) -> None:
    """Only confirmed messages were acked, and those outlive it."""
    persistent(send, queue, MANY)
    with witness(mortal.url) as there:
        there.queue_declare(queue, durable=True)
    mortal.write_declarations()
    options = ("--to-queue", queue, "--to-url", mortal.url, "--drain", *retry)
    process = receive.start("-q", queue, "--no-declare", *options)
    with witness(mortal.url) as there:
        await_messages(there, queue, 5000)
    mortal.run("node", "kill")
    mortal.run("node", "start")
    result = process.finish(PATIENCE)
    assert result.returncode == (0 if retry else 69), result.stderr
    assert bool(retry) == (b" again" in result.stderr)
    await_no_consumer(channel, queue)
    with witness(mortal.url) as there:
        left, arrived = bodies_left_in(channel, queue), bodies_left_in(there, queue)
        there.queue_delete(queue)
    assert_none_lost(left, arrived, MANY)
    assert bool(left) == (not retry)


@pytest.mark.parametrize("after", [1, 300_000, 2_000_000])
@pytest.mark.parametrize("retry", [(), RETRY], ids=["given up", "retried"])
def test_the_targets_connection_is_cut(
    receive: Program,
    send: Program,
    channel: BlockingChannel,
    queue: str,
    target: str,
    proxy: Proxy,
    retry: tuple[str, ...],
    after: int,
) -> None:
    fill(send, queue, numbered(range(MANY)), "--durable")
    options = ("--to-queue", target, "--to-url", through(proxy), "--drain", *retry)
    process = receive.start("-q", queue, "--no-declare", *options)
    await_ready(process)
    assert proxy.cut_after(after).wait(PATIENCE)
    result = process.finish(PATIENCE)
    assert result.returncode == (0 if retry else 69), result.stderr
    await_no_consumer(channel, queue)
    left = bodies_left_in(channel, queue)
    assert_none_lost(left, bodies_left_in(channel, target), MANY)
    assert bool(left) == (not retry)


def test_the_sources_connection_is_cut(
    receive: Program, send: Program, channel: BlockingChannel, queue: str, target: str, proxy: Proxy, broker_url: str
) -> None:
    """What was not acked comes again, and is moved again."""
    fill(send, queue, numbered(range(MANY)), "--durable")
    options = ("--to-queue", target, "--to-url", broker_url, "--drain", *RETRY)
    process = receive.start("-q", queue, "--no-declare", *options, url=through(proxy))
    await_ready(process)
    assert proxy.cut_after(1_000_000).wait(PATIENCE)
    assert process.finish(PATIENCE).returncode == 0
    assert_left(channel, queue, [])
    assert_none_lost([], bodies_left_in(channel, target), MANY)


@pytest.mark.parametrize("which", ["source", "target"])
def test_a_connection_that_is_cut_while_nothing_comes(
    receive: Program,
    channel: BlockingChannel,
    queue: str,
    target: str,
    proxy: Proxy,
    broker_url: str,
    which: str,
) -> None:
    """It is opened again."""
    channel.queue_declare(queue)
    urls = {"source": broker_url, "target": broker_url, which: through(proxy)}
    options = ("--to-queue", target, "--to-url", urls["target"], *RETRY)
    process = receive.start("-q", queue, *options, url=urls["source"])
    for body in (b"1", b"2"):
        publish(channel, queue, body)
        assert await_message(channel, target) == body
        if body == b"1":
            pause(0.5)  # it is acked
            proxy.cut_after(0)
            process.wait_for(lambda: b" again" in process.stderr, "word of the new connection", 30)
    process.terminate()
    assert process.finish().returncode == 0
    assert_left(channel, queue, [])


@pytest.mark.parametrize("which", ["source", "target"])
def test_a_signal_while_a_connection_is_tried_again(
    receive: Program,
    channel: BlockingChannel,
    queue: str,
    target: str,
    proxy: Proxy,
    broker_url: str,
    which: str,
) -> None:
    """It is the ordinary end of a watch, whichever of both is lost; nothing is in flight."""
    channel.queue_declare(queue)
    urls = {"source": broker_url, "target": broker_url, which: through(proxy)}
    options = ("--to-queue", target, "--to-url", urls["target"], *RETRY)
    process = receive.start("-q", queue, *options, url=urls["source"])
    await_ready(process)
    proxy.close()
    process.wait_for(lambda: b"trying again" in process.stderr, "word of the loss")
    process.terminate()
    result = process.finish()
    assert (result.returncode, result.stdout) == (0, b""), result.stderr


def test_the_targets_connection_outlives_silence(
    receive: Program, channel: BlockingChannel, queue: str, target: str, proxy: Proxy
) -> None:
    """Heartbeats go out on it while nothing is moved."""
    channel.queue_declare(queue)
    options = ("--to-queue", target, "--to-url", through(proxy), "--heartbeat", "1")
    process = receive.start("-q", queue, *options)
    await_ready(process)
    pause(5)
    publish(channel, queue, b"1")
    assert await_message(channel, target) == b"1"
    process.terminate()
    result = process.finish()
    assert (result.returncode, result.stderr.count(b"\n")) == (0, 2)


def test_a_source_that_was_lost_does_not_count_twice_what_stays(
    receive: Program, channel: BlockingChannel, queue: str, proxy: Proxy, broker_url: str
) -> None:
    """They come again, and stay again."""
    declare_with(channel, queue, *numbered(range(5)))
    options = ("--to-exchange", "amq.direct", "--to-key", "hello-rabbit-nowhere", "--to-url", broker_url, *RETRY)
    process = receive.start("-q", queue, *options, url=through(proxy))
    process.wait_for(lambda: process.stderr.count(b" stays in queue ") == 5, "word about five")
    proxy.cut_after(0)
    process.wait_for(lambda: process.stderr.count(b" stays in queue ") == 10, "word about five again", 30)
    process.terminate()
    result = process.finish()
    assert result.returncode == 4
    assert b"receive: 0 messages moved to exchange 'amq.direct', 5 stay\n" in result.stderr
    assert_left(channel, queue, numbered(range(5)))


def test_a_source_that_was_lost_does_not_count_twice_what_does_not_match(
    receive: Program, channel: BlockingChannel, queue: str, target: str, proxy: Proxy, broker_url: str
) -> None:
    channel.queue_declare(queue)
    for number in range(6):
        channel.basic_publish("", queue, b"%d" % number, pika.BasicProperties(type="a" if number == 5 else "b"))
    options = ("--where", "type=a", "--to-queue", target, "--to-url", broker_url, *RETRY)
    process = receive.start("-q", queue, *options, url=through(proxy))
    await_messages(channel, target)
    pause(0.5)  # it is acked
    proxy.cut_after(0)
    process.wait_for(lambda: b" again" in process.stderr, "word of the new connection", 30)
    channel.basic_publish("", queue, b"6", pika.BasicProperties(type="a"))
    await_messages(channel, target, 2)
    process.terminate()
    result = process.finish()
    assert result.returncode == 0
    assert b"receive: 5 messages did not match and stay\n" in result.stderr
    assert_left(channel, queue, numbered(range(5)))


# The source's queue goes.


@pytest.mark.parametrize("retry", [(), RETRY], ids=["given up", "retried"])
def test_the_source_is_deleted_meanwhile(
    receive: Program, channel: BlockingChannel, queue: str, target: str, retry: tuple[str, ...]
) -> None:
    declare_with(channel, queue, b"1")
    process = receive.start("-q", queue, "--to-queue", target, *retry)
    assert await_message(channel, target) == b"1"
    channel.queue_delete(queue)
    if retry:
        process.wait_for(lambda: b"consuming from queue" in process.stderr, "word of the new queue")
        publish(channel, queue, b"2")
        assert await_message(channel, target) == b"2"
        process.terminate()
    assert process.finish().returncode == (0 if retry else 1)
