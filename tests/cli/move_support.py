"""What the tests of `receive --to-queue` and its like share."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from conftest import delete_queue
from receive_support import WAITING, bodies_left_in, numbered, witness
from send_support import PrivateBroker, await_messages, private_broker

DRAIN = ("--drain", "--quiet")


@pytest.fixture
def target(broker_url: str) -> Iterator[str]:
    """A queue to move to."""
    name = f"hello-rabbit-target-{uuid.uuid4()}"
    with witness(broker_url) as channel:
        channel.queue_declare(name)
    yield name
    delete_queue(broker_url, name)


@pytest.fixture
def exchange(broker_url: str) -> Iterator[str]:
    """The name of an exchange nobody else uses; it is not declared yet."""
    name = f"hello-rabbit-exchange-{uuid.uuid4()}"
    yield name
    with witness(broker_url) as channel:
        channel.exchange_delete(name)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    """Another broker, which takes no message larger than a megabyte."""
    folder: Path = tmp_path_factory.mktemp("elsewhere")
    with private_broker(folder, "max_message_size = 1000000") as broker:
        yield broker


def declare(channel: BlockingChannel, queue: str, kind: str) -> None:
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": kind})


def said(*lines: str) -> bytes:
    """Standard error of a run that ends by itself."""
    return WAITING + "".join(f"receive: {line}\n" for line in lines).encode()


def every(count: int, step: int) -> list[bytes]:
    return numbered(range(0, count, step))


def all_but_every(count: int, step: int) -> list[bytes]:
    return numbered(number for number in range(count) if number % step)


def publish_numbered(channel: BlockingChannel, queue: str, count: int, step: int) -> None:
    """One in `step` has the type a, the others b."""
    for number in range(count):
        properties = pika.BasicProperties(type="b" if number % step else "a")
        channel.basic_publish("", queue, b"%d" % number, properties)
    await_messages(channel, queue, count)


def assert_left(channel: BlockingChannel, queue: str, bodies: list[bytes]) -> None:
    """Empties it. What was unacked when its connection ended may still be on its way back, without a consumer."""
    await_messages(channel, queue, len(bodies))
    assert bodies_left_in(channel, queue) == bodies
