"""What became of each message of a stream, and from where to send again."""
from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator

import pytest
from pika import spec
from pika.amqp_object import Method
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


SAME_BODY = {
    "headers": [{"n": 1}, {"n": 2}],
    "headers out of order": [{"z": 0, "n": 1}, {"z": 0, "n": 2}],
    "BCC": [{"n": 1, "BCC": []}, {"n": 2, "BCC": []}],
    "a number": [{"n": {"!int8": 1}}, {"n": {"!int8": 2}}],
    "a nested table": [{"n": 1, "t": {"z": 1, "a": [1]}}, {"n": 2, "t": {"z": 2, "a": [1]}}],
}


@pytest.fixture
def headers_exchange(channel: BlockingChannel, queue: str) -> Iterator[str]:
    """It routes messages with n = 1 to `queue`."""
    name = f"hello-rabbit-{uuid.uuid4()}"
    channel.queue_declare(queue)
    channel.exchange_declare(name, "headers")
    channel.queue_bind(queue, name, arguments={"x-match": "all", "n": 1})
    yield name
    channel.exchange_delete(name)


@pytest.mark.parametrize("headers", SAME_BODY.values(), ids=SAME_BODY.keys())
def test_records_that_differ_in_headers_alone_are_told_apart(
    send: Program, queue: str, channel: BlockingChannel, headers_exchange: str, headers: list[dict[str, object]]
) -> None:
    data = b"".join(json.dumps({"payload": "same", "properties": {"headers": each}}).encode() for each in headers)
    result = feed(send, data * 3, "--json", "--exchange", headers_exchange)
    assert (result.returncode, summary(result)["confirmed"]) == (4, 3)
    assert [line.split()[2] for line in result.stderr.splitlines() if b"returned" in line] == [b"2", b"4", b"6"]
    assert take_all(channel, queue) == [b"same"] * 3


def test_records_that_differ_in_a_property_alone_are_told_apart(send: Program, fake_broker: FakeBroker) -> None:
    def give_back_the_second(third: Received) -> None:
        fake_broker.methods(spec.Basic.Publish)[1].give_back(312, "NO_ROUTE")
        third.reply(Ack(3, multiple=True))

    fake_broker.on(spec.Basic.Publish, in_turn(ignore, ignore, give_back_the_second))
    data = b"".join(json.dumps({"properties": {"message_id": str(n)}}).encode() for n in (1, 2, 3))
    result = feed(send, data, "--json", "--exchange", "e", url=fake_broker.url)
    assert (result.returncode, summary(result)["confirmed"]) == (4, 2)
    assert b"send: record 2 returned" in result.stderr


def test_a_return_with_other_headers_than_were_sent_is_matched_by_the_body(
    send: Program, fake_broker: FakeBroker
) -> None:
    def give_back_with_more(second: Received) -> None:
        assert second.properties is not None
        second.properties.headers = {"added": "by an interceptor"}
        second.give_back(312, "NO_ROUTE")
        second.reply(Ack(2, multiple=True))

    fake_broker.on(spec.Basic.Publish, in_turn(ignore, give_back_with_more))
    result = feed(send, b"1\n2\n", "--lines", "--exchange", "e", url=fake_broker.url)
    assert (result.returncode, summary(result)["confirmed"]) == (4, 1)
    assert b"send: record 2 returned" in result.stderr


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


def test_a_full_queue_that_drops_its_oldest_confirms_all(send: Program, queue: str, channel: BlockingChannel) -> None:
    """What a queue is declared to do with its messages is not in a publisher's hands."""
    result = feed(send, LINES, "--lines", "-q", queue, "--queue-arg", "x-max-length=3")
    assert (result.returncode, summary(result)["confirmed"]) == (0, 10)
    assert take_all(channel, queue) == [b"8", b"9", b"10"]


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


def hold_after(*replies: Method) -> Handler:
    """Replies to the first publish once the next one is on its way, and reads no more."""

    def handle(received: Received) -> None:
        received.reply(Ack(received.delivery_tag))
        received.session.await_data()
        received.reply(*replies)
        received.session.await_end()

    return handle


def test_an_ack_of_tag_0_does_not_confirm_what_is_not_sent(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, hold_after(Ack(0, multiple=True)))
    data = b"first\n" + b"x" * 40_000_000 + b"\n"  # more than the sockets' buffers hold
    result = feed(send, data, "--lines", "--confirm-timeout", "1", url=fake_broker.url)
    assert (result.returncode, resume_point(result), summary(result)["confirmed"]) == (124, 2, 1)


def test_an_ack_of_what_is_half_sent_is_not_believed(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, hold_after(Ack(2)))
    data = b"first\n" + b"x" * 40_000_000 + b"\n"
    result = feed(send, data, "--lines", url=fake_broker.url)
    assert (result.returncode, resume_point(result)) == (69, 2)
    assert b"it confirmed message 2, which was not published" in result.stderr


def block_without_end(received: Received) -> None:
    received.reply(Ack(received.delivery_tag))
    received.session.send(0, spec.Connection.Blocked("low on memory"))


def test_the_confirm_timeout_counts_while_the_broker_is_blocked(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, in_turn(block_without_end, ignore))
    result = feed(send, LINES, "--lines", "--confirm-timeout", "0.5", url=fake_broker.url)
    assert (result.returncode, resume_point(result)) == (124, 2)
    assert b"9 in flight; it takes no messages: low on memory\n" in result.stderr


def test_all_confirmed_is_success_although_a_blocked_broker_does_not_close(
    send: Program, fake_broker: FakeBroker
) -> None:
    def confirm_and_block(last: Received) -> None:
        last.session.send(0, spec.Connection.Blocked("low on memory"))
        last.reply(Ack(10))

    fake_broker.on(spec.Basic.Publish, confirm_and_block, when=lambda r: r.body == b"10")
    fake_broker.on(spec.Connection.Close, ignore)
    begun = time.monotonic()
    result = feed(send, LINES, "--lines", url=fake_broker.url)
    assert (result.returncode, summary(result)["confirmed"]) == (0, 10)
    assert time.monotonic() - begun < 10


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
    assert result.stderr.endswith(b" is number 3 (1 of its 3 copies are sent; --repeat 2 sends the rest)\n")


def test_rejected_records_that_were_not_named_are_not_behind_the_resume_point(
    send: Program, fake_broker: FakeBroker
) -> None:
    fake_broker.on(spec.Basic.Publish, lambda r: r.reply(Nack(r.delivery_tag)))
    fake_broker.on(spec.Basic.Publish, hang_up, when=lambda r: r.body == b"31")
    data = b"".join(b"%d\n" % number for number in range(1, 41))
    result = feed(send, data, "--lines", url=fake_broker.url)
    named = [int(line.split()[2]) for line in result.stderr.splitlines() if b"nacked:" in line]
    assert (result.returncode, named, resume_point(result)) == (69, list(range(1, 21)), 21)
    assert result.stderr.endswith(b" is number 21, not counting those named above\n")


def test_the_resume_point_is_the_first_unnamed_rejection_whatever_the_order(
    send: Program, fake_broker: FakeBroker
) -> None:
    def answer_in_disorder(last: Received) -> None:
        last.reply(*(Nack(tag) for tag in (*range(1, 21), 24, 22)), Ack(21), Ack(23), Ack(25))
        last.session.hang_up()

    fake_broker.on(spec.Basic.Publish, ignore)
    fake_broker.on(spec.Basic.Publish, answer_in_disorder, when=lambda r: r.body == b"30")
    data = b"".join(b"%d\n" % number for number in range(1, 31))
    result = feed(send, data, "--lines", url=fake_broker.url)
    assert (result.returncode, resume_point(result)) == (69, 22)


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
