"""What became of each message of a stream, and from where to send again."""
from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import (
    FakeBroker,
    Handler,
    Received,
    answer,
    close_channel,
    close_connection,
    hang_up,
    ignore,
    in_turn,
    reply,
)
from program import Program
from send_support import feed, open_pipe, resume_point, summary
from witness import take_all

LINES = b"".join(b"%d\n" % number for number in range(1, 11))
Ack = spec.Basic.Ack
Nack = spec.Basic.Nack


@pytest.fixture
def unbound(channel: BlockingChannel) -> Iterator[str]:
    """An exchange that nothing is bound to."""
    name = f"hello-rabbit-{uuid.uuid4()}"
    channel.exchange_declare(name, "direct")
    yield name
    channel.exchange_delete(name)


# Returned.


def test_each_returned_message_has_its_line(send: Program, unbound: str) -> None:
    result = feed(send, b"a\nb\n", "--lines", "--quiet", "--exchange", unbound, "--routing-key", "k")
    assert (result.returncode, result.stdout) == (4, b"")
    assert result.stderr.decode().splitlines() == [
        f"send: record {number} returned: 312 NO_ROUTE (exchange '{unbound}', routing key 'k')" for number in (1, 2)
    ]


def test_past_20_lines_only_the_count(send: Program, unbound: str) -> None:
    result = feed(send, b"x\n" * 25, "--lines", "--quiet", "--exchange", unbound)
    lines = result.stderr.decode().splitlines()
    assert result.returncode == 4
    assert [line.split(" returned")[0] for line in lines[:20]] == [f"send: record {n}" for n in range(1, 21)]
    assert lines[20:] == ["send: 5 more were returned or nacked"]


def test_20_lines_are_not_counted_again(send: Program, unbound: str) -> None:
    result = feed(send, b"x\n" * 20, "--lines", "--quiet", "--exchange", unbound)
    assert (result.returncode, result.stderr.count(b"\n")) == (4, 20)


def test_returned_records_have_their_own_numbers(
    send: Program, queue: str, channel: BlockingChannel, unbound: str
) -> None:
    channel.queue_declare(queue)
    records = [{"exchange": "" if n % 3 else unbound, "routing_key": queue, "payload": str(n)} for n in range(1, 11)]
    data = b"".join(json.dumps(each).encode() + b"\n" for each in records)
    result = feed(send, data, "--json", "--no-declare")
    assert result.returncode == 4
    named = [line.split()[2] for line in result.stderr.splitlines() if b"returned" in line]
    assert named == [b"3", b"6", b"9"]
    assert take_all(channel, queue) == [b"%d" % n for n in (1, 2, 4, 5, 7, 8, 10)]
    assert summary(result)["confirmed"] == 7


def test_a_large_message_comes_back_too(send: Program, unbound: str) -> None:
    result = feed(send, b"x" * 400_000 + b"\nsmall\n", "--lines", "--quiet", "--exchange", unbound)
    assert (result.returncode, result.stderr.count(b"312 NO_ROUTE")) == (4, 2)


@pytest.mark.parametrize("key", ["a\nb", "a\x1b[2Jb"], ids=ascii)
def test_a_routing_key_does_not_break_the_line(send: Program, unbound: str, key: str) -> None:
    result = send("--quiet", "--exchange", unbound, "--routing-key", key)
    assert (result.returncode, result.stderr.count(b"\n"), result.stderr.count(b"\x1b")) == (4, 1, 0)


def test_a_return_before_an_ack_of_many(send: Program, fake_broker: FakeBroker) -> None:
    def give_back_two(third: Received) -> None:
        publishes = fake_broker.methods(spec.Basic.Publish)
        publishes[1].give_back(312, "NO_ROUTE")
        third.reply(Ack(3, multiple=True))

    fake_broker.on(spec.Basic.Publish, in_turn(ignore, ignore, give_back_two))
    result = feed(send, b"same\nsame\nother\n", "--lines", "--exchange", "e", url=fake_broker.url)
    assert (result.returncode, summary(result)["confirmed"]) == (4, 2)
    assert result.stderr.count(b"returned: 312") == 1


# Nacked.


def test_a_full_queue_that_rejects(send: Program, queue: str, channel: BlockingChannel) -> None:
    full = ("--queue-arg", "x-max-length=10", "--queue-arg", "x-overflow=reject-publish")
    result = feed(send, b"".join(b"%d\n" % n for n in range(1, 31)), "--lines", "-q", queue, *full)
    assert result.returncode == 4
    assert take_all(channel, queue) == [b"%d" % n for n in range(1, 11)]
    nacked = [line for line in result.stderr.decode().splitlines() if "nacked:" in line]
    assert [line.split()[2] for line in nacked] == [str(n) for n in range(11, 31)]
    assert all(line.endswith(f"(exchange '', routing key '{queue}')") for line in nacked)
    assert (summary(result)["messages"], summary(result)["confirmed"]) == (30, 10)


def test_a_nack_of_many(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, in_turn(ignore, ignore, reply(Nack(2, multiple=True), Ack(3)), answer))
    result = feed(send, LINES, "--lines", url=fake_broker.url)
    assert (result.returncode, summary(result)["confirmed"]) == (4, 8)
    assert [line.split()[2] for line in result.stderr.splitlines() if b"nacked" in line] == [b"1", b"2"]


def test_the_numbers_are_those_of_the_records_when_each_is_repeated(
    send: Program, fake_broker: FakeBroker
) -> None:
    fake_broker.on(spec.Basic.Publish, lambda r: r.reply(Nack(r.delivery_tag)), when=lambda r: r.body == b"3")
    result = feed(send, b"1\n2\n3\n", "--lines", "--repeat", "2", url=fake_broker.url)
    assert [line.split()[2] for line in result.stderr.splitlines() if b"nacked" in line] == [b"3", b"3"]


# Confirms that come late, many at once, in any order, or never.


def test_late_confirms_are_waited_for(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, ignore)
    with open_pipe() as pipe:
        process = send.start("--lines", url=fake_broker.url, stdin=pipe.reading)
        pipe.write(LINES)
        pipe.close()
        last = fake_broker.await_methods(spec.Basic.Publish, 10)[-1]
        process.expect_silence(0.5)
        last.reply(Ack(10, multiple=True))
        result = process.finish()
    assert (result.returncode, summary(result)["confirmed"]) == (0, 10)


def test_an_ack_of_tag_0_means_all(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, ignore)
    fake_broker.on(spec.Basic.Publish, reply(Ack(0, multiple=True)), when=lambda r: r.body == b"10")
    result = feed(send, LINES, "--lines", url=fake_broker.url)
    assert (result.returncode, summary(result)["confirmed"]) == (0, 10)


def test_confirms_that_never_come(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, ignore)
    result = feed(send, LINES, "--lines", "--confirm-timeout", "0.5", url=fake_broker.url)
    assert (result.returncode, resume_point(result)) == (124, 1)
    assert result.stderr.startswith(b"send: no confirm from 127.0.0.1:")
    assert summary(result)["seconds"] >= 0.5


def test_confirms_that_stop_coming(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, in_turn(answer, answer, answer, ignore))
    result = feed(send, LINES, "--lines", "--confirm-timeout", "0.5", url=fake_broker.url)
    assert (result.returncode, resume_point(result), summary(result)["confirmed"]) == (124, 4, 3)


def test_confirms_that_never_come_with_a_full_window(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, ignore)
    args = ("--lines", "--window", "2", "--confirm-timeout", "0.5")
    assert feed(send, LINES, *args, url=fake_broker.url).returncode == 124
    assert len(fake_broker.methods(spec.Basic.Publish)) == 2


def test_the_confirm_timeout_does_not_count_the_silence_of_the_input(
    send: Program, fake_broker: FakeBroker
) -> None:
    with open_pipe() as pipe:
        process = send.start("--lines", "--confirm-timeout", "0.2", url=fake_broker.url, stdin=pipe.reading)
        pipe.write(b"1\n")
        fake_broker.await_methods(spec.Basic.Publish)
        process.expect_silence(0.6)
        pipe.write(b"2\n")
        fake_broker.await_methods(spec.Basic.Publish, 2)
        pipe.close()
        assert process.finish().returncode == 0


# Early ends.


@pytest.mark.parametrize(
    ("sixth", "status"),
    [
        pytest.param(hang_up, 69, id="socket closed"),
        pytest.param(close_connection(320, "CONNECTION_FORCED - shutdown"), 69, id="connection closed"),
        pytest.param(close_connection(541, "INTERNAL_ERROR"), 1, id="internal error"),
        pytest.param(close_channel(404, "NOT_FOUND - no exchange"), 1, id="channel closed"),
        pytest.param(close_channel(403, "ACCESS_REFUSED"), 77, id="access refused"),
    ],
)
def test_the_resume_point_is_behind_what_was_confirmed(
    send: Program, fake_broker: FakeBroker, sixth: Handler, status: int
) -> None:
    fake_broker.on(spec.Basic.Publish, in_turn(*[answer] * 5, sixth, ignore))
    result = feed(send, LINES, "--lines", url=fake_broker.url)
    assert (result.returncode, result.stdout) == (status, b"")
    assert resume_point(result) == 6
    assert summary(result)["confirmed"] == 5


def test_the_resume_point_is_the_first_gap_in_the_confirms(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, in_turn(answer, ignore, answer, answer, hang_up))
    result = feed(send, LINES, "--lines", url=fake_broker.url)
    assert (result.returncode, resume_point(result), summary(result)["confirmed"]) == (69, 2, 3)


def test_the_resume_point_names_the_record_when_each_is_repeated(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, in_turn(*[answer] * 7, hang_up))
    result = feed(send, LINES, "--lines", "--repeat", "3", url=fake_broker.url)
    assert (result.returncode, resume_point(result)) == (69, 3)


def test_a_broker_lost_while_the_input_is_silent(send: Program, fake_broker: FakeBroker) -> None:
    with open_pipe() as pipe:
        process = send.start("--lines", url=fake_broker.url, stdin=pipe.reading)
        pipe.write(b"1\n2\n")
        fake_broker.await_methods(spec.Basic.Publish, 2)[-1].session.hang_up()
        result = process.finish()
    assert result.returncode == 69
    assert resume_point(result) in (1, 2, 3)  # the acks raced with the end
    assert resume_point(result) == summary(result)["confirmed"] + 1


def test_an_ack_of_what_was_not_sent_is_not_believed(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, in_turn(answer, reply(Ack(1000)), ignore))
    result = feed(send, LINES, "--lines", url=fake_broker.url)
    assert (result.returncode, resume_point(result)) == (69, 2)


def test_an_exchange_that_does_not_exist(send: Program) -> None:
    name = f"hello-rabbit-{uuid.uuid4()}"
    result = feed(send, LINES, "--lines", "--exchange", name)
    assert (result.returncode, result.stdout, resume_point(result)) == (1, b"", 1)
    assert b"404" in result.stderr and name.encode() in result.stderr


def test_without_confirms_nothing_is_waited_for(send: Program, fake_broker: FakeBroker) -> None:
    result = feed(send, LINES, "--lines", "--no-confirm", url=fake_broker.url)
    assert (result.returncode, b"none confirmed" in result.stderr) == (0, True)
    assert fake_broker.methods(spec.Confirm.Select) == []
    publishes = fake_broker.methods(spec.Basic.Publish)
    assert len(publishes) == 10 and not any(publish.method.mandatory for publish in publishes)


def test_without_confirms_an_early_end_counts_from_the_start(send: Program) -> None:
    name = f"hello-rabbit-{uuid.uuid4()}"
    result = feed(send, LINES, "--lines", "--no-confirm", "--exchange", name)
    assert (result.returncode, resume_point(result)) == (1, 1)  # none is known to be confirmed
