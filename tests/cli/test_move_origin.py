"""receive --to-origin: dead letters go back to where they were published to before they died."""
from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from move_support import assert_left, exchange, said, target
from program import DEADLINE, Program
from receive_support import bodies_left_in, declare_with, left_in, numbered, witness
from send_support import await_messages, message_count
from waiting import await_that
from witness import publish

__all__ = ["exchange", "target"]  # fixtures


@pytest.fixture
def dead(target: str) -> str:
    """The queue of dead letters."""
    return target


def declare_dying(channel: BlockingChannel, queue: str, dead: str, **arguments: object) -> None:
    """A queue whose dead letters go to that queue."""
    arguments |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    channel.queue_declare(queue, arguments=arguments)


def reject_all(channel: BlockingChannel, queue: str, count: int) -> None:
    await_messages(channel, queue, count)
    for _ in range(count):
        method = channel.basic_get(queue)[0]
        assert method is not None
        channel.basic_reject(method.delivery_tag, requeue=False)


def declare_with_dead_letters(channel: BlockingChannel, queue: str, dead: str, *bodies: bytes) -> None:
    declare_dying(channel, queue, dead)
    publish(channel, queue, *bodies)
    reject_all(channel, queue, len(bodies))
    await_messages(channel, dead, len(bodies))


def count_deaths(channel: BlockingChannel, queue: str, count: int) -> list[tuple[bytes, int]]:
    """Empties it: (body, how often it has died), in order."""
    await_messages(channel, queue, count)
    found = []
    for _ in range(count):
        _method, properties, body = channel.basic_get(queue, auto_ack=True)
        found.append((body, sum(each["count"] for each in properties.headers["x-death"])))
    return found


@pytest.fixture
def told(broker_version: tuple[int, ...]) -> Callable[[int], int]:
    """Of so many deaths, how many x-death tells: RabbitMQ 4 begins anew with each publishing."""
    return (lambda deaths: deaths) if broker_version < (4, 0) else (lambda deaths: min(deaths, 1))


def to_origin(receive: Program, dead: str, *args: str) -> Any:
    return receive("-q", dead, "--to-origin", "--drain", *args)


# Where they came from.


def test_back_to_the_queue(receive: Program, channel: BlockingChannel, queue: str, dead: str) -> None:
    declare_with_dead_letters(channel, queue, dead, *numbered(range(10)))
    result = to_origin(receive, dead)
    assert (result.returncode, result.stdout) == (0, b"")
    assert result.stderr == said("10 messages moved to where they came from")
    assert left_in(channel, dead) == []
    assert_left(channel, queue, numbered(range(10)))


def test_back_to_another_exchange(
    receive: Program, channel: BlockingChannel, queue: str, dead: str, exchange: str
) -> None:
    """With the key it had, and all its headers."""
    channel.exchange_declare(exchange, "topic")
    declare_dying(channel, queue, dead)
    channel.queue_bind(queue, exchange, "#")
    for key in ("a.b", "", "ä"):
        channel.basic_publish(exchange, key, key.encode(), pika.BasicProperties(headers={"k": [1, {"n": None}]}))
    reject_all(channel, queue, 3)
    await_messages(channel, dead, 3)
    assert to_origin(receive, dead).returncode == 0
    for key in ("a.b", "", "ä"):
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        assert method is not None and properties is not None
        assert (method.exchange, method.routing_key, body) == (exchange, key, key.encode())
        assert properties.headers["k"] == [1, {"n": None}]
        assert [(each["queue"], each["count"]) for each in properties.headers["x-death"]] == [(queue, 1)]


def test_the_last_death_decides(
    receive: Program, channel: BlockingChannel, queue: str, dead: str, exchange: str
) -> None:
    """It died in the first queue, and then in the second, whose exchange is another."""
    channel.exchange_declare(exchange, "direct")
    second = channel.queue_declare(
        "", exclusive=True, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    ).method.queue
    channel.queue_bind(second, exchange, "second")
    channel.queue_declare(
        queue, arguments={"x-dead-letter-exchange": exchange, "x-dead-letter-routing-key": "second"}
    )
    publish(channel, queue, b"1")
    reject_all(channel, queue, 1)
    reject_all(channel, second, 1)
    await_messages(channel, dead)
    assert to_origin(receive, dead).returncode == 0
    method, properties, body = channel.basic_get(second, auto_ack=True)
    assert method is not None and properties is not None
    assert (method.exchange, method.routing_key, body) == (exchange, "second", b"1")
    assert len(properties.headers["x-death"]) == 2
    assert message_count(channel, queue) == 0


def test_again_and_again(
    receive: Program, channel: BlockingChannel, queue: str, dead: str, told: Callable[[int], int]
) -> None:
    declare_with_dead_letters(channel, queue, dead, b"1")
    for _ in range(3):
        assert to_origin(receive, dead).returncode == 0
        assert message_count(channel, dead) == 0
        reject_all(channel, queue, 1)
    assert count_deaths(channel, dead, 1) == [(b"1", told(4))]


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_from_queues_of_both_kinds(
    receive: Program, channel: BlockingChannel, queue: str, dead: str, exchange: str, kind: str
) -> None:
    """Where it comes from, and where it lies."""
    graveyard = exchange
    for name, to in (queue, graveyard), (graveyard, dead):
        arguments = {"x-queue-type": kind, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": to}
        channel.queue_declare(name, durable=True, arguments=arguments)
    try:
        publish(channel, queue, *numbered(range(5)))
        reject_all(channel, queue, 5)
        await_messages(channel, graveyard, 5)
        assert receive("-q", graveyard, "--no-declare", "--to-origin", "--count", "3").returncode == 0
        assert_left(channel, queue, numbered(range(3)))
        assert_left(channel, graveyard, numbered(range(3, 5)))
    finally:
        channel.queue_delete(graveyard)


# Those that have no way back.


def test_its_exchange_is_gone(
    receive: Program, channel: BlockingChannel, queue: str, dead: str, exchange: str
) -> None:
    """Those of another exchange are moved."""
    channel.exchange_declare(exchange, "fanout")
    declare_dying(channel, queue, dead)
    channel.queue_bind(queue, exchange)
    for number in range(6):
        channel.basic_publish(exchange if number % 2 else "", queue, b"%d" % number)
    reject_all(channel, queue, 6)
    await_messages(channel, dead, 6)
    channel.exchange_delete(exchange)
    result = to_origin(receive, dead)
    why = f"exchange '{exchange}', where it came from, is gone"
    assert (result.returncode, result.stdout) == (4, b"")
    assert result.stderr == said(
        *(f"message {tag} stays in queue '{dead}': {why}" for tag in (2, 4, 6)),
        "3 messages moved to where they came from, 3 stay",
    )
    assert_left(channel, dead, [b"1", b"3", b"5"])
    assert_left(channel, queue, [b"0", b"2", b"4"])


def test_its_queue_is_gone(receive: Program, channel: BlockingChannel, queue: str, dead: str) -> None:
    declare_with_dead_letters(channel, queue, dead, b"1")
    channel.queue_delete(queue)
    result = to_origin(receive, dead)
    assert (result.returncode, result.stdout) == (4, b"")
    assert result.stderr == said(
        f"message 1 stays in queue '{dead}': returned: 312 NO_ROUTE (exchange '', routing key '{queue}')",
        "0 messages moved to where they came from, 1 stay",
    )
    assert_left(channel, dead, [b"1"])


DEATH = {"exchange": "amq.fanout", "routing-keys": ["k"], "queue": "q", "count": 1, "reason": "rejected"}


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"k": "v"},
        {"x-death": "amq.fanout"},
        {"x-death": []},
        {"x-death": ["amq.fanout", DEATH]},
        {"x-death": [{}, DEATH]},
        {"x-death": [{**DEATH, "routing-keys": []}]},
        {"x-death": [{**DEATH, "routing-keys": "k"}]},
        {"x-death": [{**DEATH, "routing-keys": [1, "k"]}]},
        {"x-death": [{**DEATH, "exchange": 1}]},
        {"x-first-death-exchange": "amq.fanout"},
    ],
    ids=ascii,
)
def test_no_word_of_where_it_came_from(
    receive: Program, channel: BlockingChannel, dead: str, queue: str, headers: dict[str, object] | None
) -> None:
    channel.queue_declare(queue)
    channel.queue_bind(queue, "amq.fanout")
    channel.basic_publish("", dead, b"1", pika.BasicProperties(headers=headers))
    result = to_origin(receive, dead)
    assert (result.returncode, result.stdout) == (4, b"")
    assert result.stderr == said(
        f"message 1 stays in queue '{dead}': no header x-death tells where it came from",
        "0 messages moved to where they came from, 1 stay",
    )
    assert_left(channel, dead, [b"1"])
    assert message_count(channel, queue) == 0


@pytest.mark.parametrize(
    "death",
    [{"exchange": "\x1b[31m"}, {"exchange": "x" * 256}, {"routing-keys": ["x" * 256]}, {"routing-keys": ["\x1b[31m"]}],
    ids=["odd exchange", "long exchange", "long key", "odd key"],
)
def test_a_hostile_x_death(
    receive: Program, channel: BlockingChannel, queue: str, dead: str, death: dict[str, object]
) -> None:
    """A client can write any header: it stays, and the next one is moved."""
    death = {**DEATH, "exchange": "", **death}
    channel.basic_publish("", dead, b"1", pika.BasicProperties(headers={"x-death": [death]}))
    declare_with_dead_letters(channel, queue, dead, b"2")
    result = to_origin(receive, dead)
    assert (result.returncode, result.stdout) == (4, b""), result.stderr
    assert result.stderr.count(b" stays in queue ") == 1 and b"\x1b" not in result.stderr
    assert_left(channel, dead, [b"1"])
    assert_left(channel, queue, [b"2"])


# Those that die again at once.


def test_drain_ends_where_they_expire_at_once(
    receive: Program, channel: BlockingChannel, queue: str, dead: str, told: Callable[[int], int]
) -> None:
    """Each is moved once."""
    declare_dying(channel, queue, dead, **{"x-message-ttl": 0})
    publish(channel, queue, *numbered(range(50)))
    await_messages(channel, dead, 50)
    result = to_origin(receive, dead)
    assert (result.returncode, result.stderr) == (0, said("50 messages moved to where they came from"))
    assert count_deaths(channel, dead, 50) == [(body, told(2)) for body in numbered(range(50))]


def test_drain_of_many_that_expire_at_once(
    receive: Program, channel: BlockingChannel, queue: str, dead: str, told: Callable[[int], int]
) -> None:
    """More than the broker sends at once, so that they come back in between."""
    declare_dying(channel, queue, dead, **{"x-message-ttl": 0})
    publish(channel, queue, *numbered(range(5000)))
    await_messages(channel, dead, 5000)
    result = to_origin(receive, dead)
    assert (result.returncode, result.stderr) == (0, said("5000 messages moved to where they came from"))
    assert count_deaths(channel, dead, 5000) == [(body, told(2)) for body in numbered(range(5000))]


@pytest.fixture
def rejecting(broker_url: str, channel: BlockingChannel, queue: str, dead: str) -> Iterator[Callable[[], int]]:
    """A consumer that rejects whatever comes to the queue; gives how many there were."""
    declare_dying(channel, queue, dead)
    ready, ended = threading.Event(), threading.Event()
    rejected = 0

    def consume() -> None:
        nonlocal rejected
        with witness(broker_url) as theirs:
            for method, _properties, body in theirs.consume(queue, inactivity_timeout=0.05):
                ready.set()
                if body is not None and method is not None:
                    theirs.basic_reject(method.delivery_tag, requeue=False)
                    rejected += 1
                elif ended.is_set():
                    return

    thread = threading.Thread(target=consume)
    thread.start()
    assert ready.wait(DEADLINE)
    yield lambda: rejected
    ended.set()
    thread.join()


def test_drain_ends_where_a_consumer_rejects_them(
    receive: Program, channel: BlockingChannel, queue: str, dead: str, rejecting: Callable[[], int], told: Callable[[int], int]
) -> None:
    publish(channel, queue, *numbered(range(200)))
    await_that(lambda: rejecting() >= 200, "all are rejected", DEADLINE)
    await_messages(channel, dead, 200)
    result = to_origin(receive, dead)
    assert (result.returncode, result.stderr) == (0, said("200 messages moved to where they came from"))
    assert count_deaths(channel, dead, 200) == [(body, told(2)) for body in numbered(range(200))]


def test_drain_with_some_that_stay_and_some_that_come_back(
    receive: Program, channel: BlockingChannel, queue: str, dead: str
) -> None:
    declare_dying(channel, queue, dead, **{"x-message-ttl": 0})
    for number in range(60):
        publish(channel, dead if number % 3 == 0 else queue, b"%d" % number)
        await_messages(channel, dead, number + 1)
    result = to_origin(receive, dead, "--quiet")
    assert result.returncode == 4
    assert sorted(bodies_left_in(channel, dead)) == sorted(numbered(range(60)))


def test_drain_with_where_of_some_that_come_back(
    receive: Program, channel: BlockingChannel, queue: str, dead: str, told: Callable[[int], int]
) -> None:
    declare_dying(channel, queue, dead, **{"x-message-ttl": 0})
    for number in range(60):
        channel.basic_publish("", queue, b"%d" % number, pika.BasicProperties(type=f"{number % 3}"))
    await_messages(channel, dead, 60)
    result = to_origin(receive, dead, "--where", "type=1")
    assert result.returncode == 0
    assert re.search(rb"receive: 20 messages moved to where they came from\n", result.stderr)
    assert {body: deaths for body, deaths in count_deaths(channel, dead, 60)} == {
        b"%d" % number: told(2) if number % 3 == 1 else 1 for number in range(60)
    }
