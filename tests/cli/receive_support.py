"""What the tests of `receive` share: full queues, what is left in them, and the program's words."""
from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pika
import pika.exceptions
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from program import DEADLINE, Process, Program
from proxy import Proxy
from send_support import feed, message_count
from waiting import PATIENCE, await_that
from witness import publish

READY = b" [*] Waiting for messages. To exit press CTRL+C\n"  # of a plain watch
WAITING = b" [*] Waiting for messages.\n"  # of one that ends by itself
NOWHERE = "amqp://127.0.0.1:1/"  # nobody listens: what succeeds or fails with it has not connected
ROUNDS = int(os.environ.get("HELLO_RABBIT_ROUNDS", "3"))


def numbered(numbers: Iterable[int]) -> list[bytes]:
    return [b"%d" % number for number in numbers]


def lines(bodies: Iterable[bytes]) -> bytes:
    return b"".join(body + b"\n" for body in bodies)


@contextmanager
def witness(url: str) -> Iterator[BlockingChannel]:
    """A connection for the moment: it keeps no heartbeats."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        yield connection.channel()


def declare_with(channel: BlockingChannel, queue: str, *bodies: bytes) -> None:
    channel.queue_declare(queue)
    publish(channel, queue, *bodies)


def fill(send: Program, queue: str, bodies: Iterable[bytes], *args: str, url: str | None = None) -> None:
    """Puts many into a queue, faster than the witness could."""
    result = feed(send, lines(bodies), "--queue", queue, "--lines", *args, url=url, timeout=60)
    assert result.returncode == 0, result.stderr


def consumer_count(channel: BlockingChannel, queue: str) -> int:
    count: int = channel.queue_declare(queue, passive=True).method.consumer_count
    return count


def await_consumer(channel: BlockingChannel, queue: str) -> None:
    """Waits until somebody consumes a queue that exists."""
    await_that(lambda: consumer_count(channel, queue) > 0, f"a consumer of {queue}", DEADLINE)


def await_no_consumer(channel: BlockingChannel, queue: str) -> int:
    """Waits until what a consumer had is back in the queue; the number of messages there."""
    await_that(lambda: consumer_count(channel, queue) == 0, f"no consumer of {queue}", DEADLINE)
    return message_count(channel, queue)


def left_in(channel: BlockingChannel, queue: str) -> list[tuple[bytes, bool]]:
    """Empties a queue that nobody consumes any more: (body, redelivered), in order."""
    left: list[tuple[bytes, bool]] = []
    if count := await_no_consumer(channel, queue):
        for method, _properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=DEADLINE):
            assert method is not None, f"{len(left)} of {count} messages came"
            left.append((body, method.redelivered))
            if len(left) == count:
                break
        channel.cancel()
    return left


def bodies_left_in(channel: BlockingChannel, queue: str) -> list[bytes]:
    return [body for body, _redelivered in left_in(channel, queue)]


def publish_confirmed(url: str, queue: str, body: bytes) -> None:
    """Again if it is nacked, as is all on a channel of RabbitMQ 3.10 that has first looked for the leader on a node that
    is gone."""

    def confirmed() -> bool:
        with witness(url) as channel:
            channel.confirm_delivery()
            try:
                publish(channel, queue, body)
            except pika.exceptions.NackError:
                return False
        return True

    await_that(confirmed, "a message is confirmed")


def taken_until(url: str, queue: str, last: bytes) -> list[bytes]:
    """Takes what is in a queue, in order, up to that body."""
    taken: list[bytes] = []
    with witness(url) as channel:
        for _method, _properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=PATIENCE):
            assert body is not None, f"{len(taken)} messages came, not the last"
            if body == last:
                break
            taken.append(body)
    return taken


def await_message(channel: BlockingChannel, queue: str, timeout: float = DEADLINE) -> bytes:
    """The next message, taken off the queue."""
    method, _properties, body = next(channel.consume(queue, auto_ack=True, inactivity_timeout=timeout))
    channel.cancel()
    assert method is not None and body is not None, f"nothing came to {queue} within {timeout} s"
    return bytes(body)


def await_ready(process: Process) -> None:
    """The consumer is there; for the formats that say so on standard error."""
    process.wait_for(lambda: READY in process.stderr or WAITING in process.stderr, "ready line")


def seeded(name: str) -> random.Random:
    """Random, and the same again with HELLO_RABBIT_SEED; pytest shows the seed of a test that failed."""
    seed = os.environ.get("HELLO_RABBIT_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"HELLO_RABBIT_SEED={seed}")
    return random.Random(f"{name} {seed}")


def measured(run: Callable[[], object]) -> float:
    begun = time.monotonic()
    run()
    return time.monotonic() - begun


@contextmanager
def publishing(url: str, queue: str, every: float, count: int | None = None) -> Iterator[Callable[[], int]]:
    """Publishes 0, 1, 2... at that interval meanwhile; gives how many there were, once it has stopped them."""
    ended = threading.Event()
    published = 0

    def run() -> None:
        nonlocal published
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            while published != count and not ended.wait(every):
                publish(channel, queue, b"%d" % published)
                published += 1

    thread = threading.Thread(target=run)

    def stop() -> int:
        ended.set()
        thread.join()
        return published

    thread.start()
    try:
        yield stop
    finally:
        stop()


@pytest.fixture
def proxy(broker_url: str) -> Iterator[Proxy]:
    made = Proxy(pika.URLParameters(broker_url).port)
    yield made
    made.close()


def through(proxy: Proxy) -> str:
    return f"amqp://guest:guest@127.0.0.1:{proxy.port}/%2f?heartbeat=1"
