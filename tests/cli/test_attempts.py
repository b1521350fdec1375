"""`receive --attempts N -- COMMAND`: nothing goes round for ever, and nothing is lost on the way."""
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from job_support import ECHO, Gates, gates, other, start
from program import DEADLINE, Program
from receive_support import declare_with, left_in, numbered
from send_support import PrivateBroker, await_messages, message_count, private_broker, take
from test_errors import with_user
from test_receive_command import dead_letters, run
from witness import publish

EXPIRES_IN = "600000"


def test_a_quorum_queue_counts_itself(receive: Program, queue: str, channel: BlockingChannel, other: str) -> None:
    arguments = {"x-queue-type": "quorum", "x-dead-letter-exchange": "", "x-dead-letter-routing-key": other}
    channel.queue_declare(queue, durable=True, arguments=arguments)
    publish(channel, queue, b"bad", b"good")
    options = ("--no-declare", "--attempts", "3", "--drain")
    result = run(receive, queue, f"{ECHO} $AMQP_HEADERS; test $n = good", *options)
    assert result.returncode == 1
    assert [json.loads(line[4:] or "{}") for line in result.stdout.splitlines() if line.startswith(b"bad")] == [
        {}, {"x-delivery-count": 1}, {"x-delivery-count": 2}
    ]  # fmt: skip
    assert result.stdout.count(b"good") == 1
    _method, properties, body = next(channel.consume(other, auto_ack=True, inactivity_timeout=DEADLINE))
    assert body == b"bad" and properties.headers["x-death"][0]["reason"] == "rejected"
    assert "x-attempts" not in properties.headers
    assert left_in(channel, queue) == []


def test_a_classic_queue_has_a_header(
    receive: Program, queue: str, dead_letters: str, channel: BlockingChannel
) -> None:
    """And every other property stays as it was, as does the body."""
    body = bytes(range(256))
    given = pika.BasicProperties(
        content_type="text/plain", content_encoding="utf-8", headers={"k": "v", "n": [1, None]}, delivery_mode=2,
        priority=3, correlation_id="c", reply_to="r", expiration=EXPIRES_IN, message_id="m", timestamp=1700000000,
        type="t", user_id="guest", app_id="a",
    )  # fmt: skip
    channel.basic_publish("", queue, body, given)
    result = run(receive, queue, "cat >/dev/null; env -0; exit 1", "--attempts", "3", "--drain")
    assert result.returncode == 1
    runs: list[dict[str, str]] = []
    for name, _, value in (each.partition("=") for each in result.stdout.decode().split("\0")[:-1]):
        if name == "AMQP_EXCHANGE":
            runs.append({})
        if runs and name.startswith("AMQP_"):
            runs[-1][name] = value
    counts = [json.loads(each["AMQP_HEADERS"]).get("x-attempts") for each in runs]
    assert counts == [None, 1, 2]
    _method, properties, dead = next(channel.consume(dead_letters, auto_ack=True, inactivity_timeout=DEADLINE))
    headers = properties.headers
    assert (dead, headers.pop("x-attempts")) == (body, 2)
    assert {name: headers[name] for name in ("k", "n")} == given.headers
    assert headers["x-death"][0]["reason"] == "rejected" and headers["x-death"][0]["queue"] == queue
    for name in vars(given):
        if name not in ("headers", "expiration"):  # a dead letter does not expire
            assert getattr(properties, name) == getattr(given, name), name
    assert left_in(channel, queue) == []


def test_a_copy_goes_to_the_back_by_the_default_exchange(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    channel.queue_declare(queue)
    channel.queue_bind(queue, "amq.topic", "a.*")
    for body in numbered(range(3)):
        channel.basic_publish("amq.topic", "a.b", body)
    text = f'{ECHO} $AMQP_EXCHANGE $AMQP_ROUTING_KEY; test $n != 0 || test -z "$AMQP_EXCHANGE"'
    result = run(receive, queue, text, "--attempts", "3", "--count", "3")
    first = b"0 amq.topic a.b\n1 amq.topic a.b\n2 amq.topic a.b\n"
    assert (result.returncode, result.stdout) == (0, first + b"0 %s\n" % queue.encode())
    assert left_in(channel, queue) == []


def test_the_number_outlives_a_run(receive: Program, queue: str, channel: BlockingChannel) -> None:
    """A failure that stops does not count."""
    declare_with(channel, queue, b"0")
    text = 'test -n "$AMQP_HEADERS" && exit 9; exit 1'
    assert run(receive, queue, text, "--attempts", "5", "--exit", "9=stop").returncode == 1
    result = run(receive, queue, "echo; exit 1", "--attempts", "3", "--drain")
    assert (result.returncode, result.stdout) == (1, b"\n\n")


def test_attempts_without_a_dead_letter_exchange(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, b"0")
    result = run(receive, queue, "echo; exit 1", "--attempts", "1", "--drain")
    assert (result.returncode, result.stdout) == (1, b"\n")
    assert b"the message was rejected (attempt 1 of 1)" in result.stderr
    assert left_in(channel, queue) == []


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_attempts_of_several_at_once(
    receive: Program, queue: str, channel: BlockingChannel, other: str, kind: str
) -> None:
    arguments = {"x-queue-type": kind, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": other}
    channel.queue_declare(queue, durable=True, arguments=arguments)
    publish(channel, queue, *numbered(range(6)))
    options = ("--no-declare", "--attempts", "3", "--jobs", "3", "--drain")
    result = run(receive, queue, f"{ECHO}; test $n -ge 4", *options)
    assert result.returncode == 1
    assert Counter(result.stdout.split()) == {b"%d" % number: 3 if number < 4 else 1 for number in range(6)}
    await_messages(channel, other, 4)
    assert sorted(take(channel, other)) == numbered(range(4))
    assert left_in(channel, queue) == []


def test_only_what_is_tried_again_is_counted(
    receive: Program, queue: str, dead_letters: str, channel: BlockingChannel
) -> None:
    publish(channel, queue, b"75", b"1")
    options = ("--exit", "75=requeue", "--on-failure", "reject", "--attempts", "3", "--drain")
    result = run(receive, queue, f"{ECHO}; exit $n", *options)
    assert Counter(result.stdout.split()) == {b"75": 3, b"1": 1}
    await_messages(channel, dead_letters, 2)
    assert sorted(take(channel, dead_letters)) == [b"1", b"75"]


def test_a_full_queue_loses_nothing(receive: Program, queue: str, channel: BlockingChannel, gates: Gates) -> None:
    """It does not take the copy: the message goes back as it was, and the attempt does not count."""
    channel.queue_declare(queue, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    publish(channel, queue, b"0")
    gates.shut(1)
    process = start(receive, queue, gates, "--no-declare", "--attempts", "2", "--count", "2")
    process.expect_lines(1)
    publish(channel, queue, b"full")
    await_messages(channel, queue)
    gates.open(0, status=1)
    result = process.finish()
    assert b"goes back uncounted, since the broker does not take its copy: it was nacked" in result.stderr
    assert (result.returncode, result.stdout) == (0, b"0\n0\nfull\n")
    assert left_in(channel, queue) == []


def test_a_copy_goes_to_no_queue_but_its_own(receive: Program, queue: str, channel: BlockingChannel, other: str) -> None:
    """RabbitMQ routes by the header CC, too: https://www.rabbitmq.com/docs/sender-selected"""
    channel.queue_declare(queue)
    channel.basic_publish("", queue, b"0", pika.BasicProperties(headers={"CC": [other]}))
    await_messages(channel, other)
    assert run(receive, queue, "echo; exit 1", "--attempts", "3", "--drain").stdout == b"\n\n\n"
    assert message_count(channel, other) == 1


@pytest.fixture(scope="module")
def with_bob(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    with private_broker(tmp_path_factory.mktemp("with_bob")) as broker:
        broker.run("ctl", "add_user", "bob", "bob")
        broker.run("ctl", "set_permissions", "bob", ".*", ".*", ".*")
        yield broker


def test_a_message_with_the_id_of_another_user_has_so_many_attempts_too(
    receive: Program, send: Program, with_bob: PrivateBroker
) -> None:
    """The broker refuses to take it from bob: https://www.rabbitmq.com/docs/validated-user-id"""
    assert send("-q", "users", "--user-id", "guest", "x", url=with_bob.url).returncode == 0
    bob = with_user(with_bob.url, "bob", "bob")
    result = run(receive, "users", "echo; exit 1", "--attempts", "3", "--drain", "--timeout", "8", url=bob)
    assert (result.returncode, result.stdout) == (1, b"\n\n\n"), result.stderr


@pytest.mark.parametrize("number", [2, 2**40])
def test_a_number_of_any_width_is_a_number(receive: Program, queue: str, channel: BlockingChannel, number: int) -> None:
    """A message may have come by way of a program that writes a smaller integer."""
    channel.queue_declare(queue)
    channel.basic_publish("", queue, b"0", pika.BasicProperties(headers={"x-attempts": number}))
    assert run(receive, queue, "echo; exit 1", "--attempts", "3", "--drain").stdout == b"\n"
