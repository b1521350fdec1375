"""What goes over the wire, and what the programs make of what comes back."""
from __future__ import annotations

import pytest
from pika import spec

from fake_broker import (
    FakeBroker,
    Received,
    close_channel,
    close_connection,
    hang_up,
    ignore,
    in_turn,
    reply,
)
from program import Program

READY = b" [*] Waiting for messages. To exit press CTRL+C\n"
SENT = b" [x] Sent 'Hello World!'\n"


def give_back_and_ack(received: Received) -> None:
    received.give_back(312, "NO_ROUTE")
    received.reply(spec.Basic.Ack(received.delivery_tag))


def ack(received: Received) -> None:
    received.reply(spec.Basic.Ack(received.delivery_tag))


def nack(received: Received) -> None:
    received.reply(spec.Basic.Nack(received.delivery_tag))


def test_the_client_says_who_it_is_and_what_it_understands(either: Program, fake_broker: FakeBroker) -> None:
    process = either.start(url=fake_broker.url)
    start_ok = fake_broker.await_methods(spec.Connection.StartOk)[0].method
    fake_broker.await_methods(spec.Queue.Declare)
    process.kill()
    properties = start_ok.client_properties
    assert properties["capabilities"]["consumer_cancel_notify"] is True
    assert properties["capabilities"]["connection.blocked"] is True
    assert {"product", "version", "connection_name"} <= properties.keys()


def test_a_message_goes_mandatory_and_confirmed_through_the_default_exchange(
    send: Program, fake_broker: FakeBroker
) -> None:
    assert send(url=fake_broker.url).stdout == SENT
    select, publish = fake_broker.methods(spec.Confirm.Select, spec.Basic.Publish)
    assert isinstance(select.method, spec.Confirm.Select) and select.channel == publish.channel
    method = publish.method
    assert (method.exchange, method.routing_key, publish.body) == ("", "hello", b"Hello World!")
    assert method.mandatory and not method.immediate


def test_the_queue_is_declared_in_one_go_with_the_opening(either: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Connection.Open, ignore)
    process = either.start(url=fake_broker.url)
    fake_broker.await_methods(spec.Queue.Declare)
    process.kill()
    received = [type(each.method) for each in fake_broker.methods()]
    assert received[-3:] == [spec.Connection.Open, spec.Channel.Open, spec.Queue.Declare]


def test_send_says_goodbye_to_the_broker(send: Program, fake_broker: FakeBroker) -> None:
    assert send(url=fake_broker.url).returncode == 0
    assert len(fake_broker.methods(spec.Connection.Close)) == 1


def test_receive_consumes_with_auto_ack(receive: Program, fake_broker: FakeBroker) -> None:
    process = receive.start(url=fake_broker.url)
    process.expect_stdout(READY)
    (consume,) = fake_broker.methods(spec.Basic.Consume)
    assert (consume.method.queue, consume.method.no_ack, consume.method.exclusive) == ("hello", True, False)


def test_sent_is_said_after_the_confirm_and_not_before(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, ignore)
    process = send.start(url=fake_broker.url)
    publish = fake_broker.await_methods(spec.Basic.Publish)[0]
    process.expect_silence(0.5)
    ack(publish)
    result = process.finish()
    assert (result.returncode, result.stdout, result.stderr) == (0, SENT, b"")


def test_one_confirm_may_stand_for_many(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, in_turn(ignore, ignore, reply(spec.Basic.Ack(3, multiple=True))))
    result = send("a", "b", "c", url=fake_broker.url)
    assert (result.returncode, result.stdout) == (0, b" [x] Sent 'a'\n [x] Sent 'b'\n [x] Sent 'c'\n")


def test_confirms_may_come_in_any_order(send: Program, fake_broker: FakeBroker) -> None:
    out_of_order = reply(spec.Basic.Ack(3), spec.Basic.Ack(1), spec.Basic.Ack(2))
    fake_broker.on(spec.Basic.Publish, in_turn(ignore, ignore, out_of_order))
    result = send("a", "b", "c", url=fake_broker.url)
    assert result.returncode == 0
    assert sorted(result.stdout.splitlines()) == [b" [x] Sent 'a'", b" [x] Sent 'b'", b" [x] Sent 'c'"]


def test_a_returned_message_is_reported(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, give_back_and_ack)
    result = send(url=fake_broker.url)
    assert (result.returncode, result.stdout) == (4, b"")
    assert result.stderr.startswith(b"send: ") and result.stderr.count(b"\n") == 1
    assert b"312" in result.stderr and b"NO_ROUTE" in result.stderr and b"hello" in result.stderr


def test_a_nacked_message_is_reported(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, nack)
    result = send(url=fake_broker.url)
    assert (result.returncode, result.stdout) == (4, b"")
    assert result.stderr.startswith(b"send: ") and result.stderr.count(b"\n") == 1
    assert b"nack" in result.stderr and b"hello" in result.stderr


@pytest.mark.parametrize("refuse", [give_back_and_ack, nack])
def test_after_a_refused_message_the_others_go_on(send: Program, fake_broker: FakeBroker, refuse: object) -> None:
    assert callable(refuse)
    fake_broker.on(spec.Basic.Publish, refuse, when=lambda r: r.body == b"b")
    result = send("a", "b", "c", url=fake_broker.url)
    assert (result.returncode, result.stdout) == (4, b" [x] Sent 'a'\n [x] Sent 'c'\n")
    assert b"2" in result.stderr  # its number
    assert result.stderr.count(b"\n") == 1


def test_one_nack_may_stand_for_many(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, in_turn(ignore, reply(spec.Basic.Nack(2, multiple=True))))
    result = send("a", "b", url=fake_broker.url)
    assert (result.returncode, result.stdout, result.stderr.count(b"\n")) == (4, b"", 2)


def test_a_broker_lost_before_the_confirm(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, hang_up)
    result = send(url=fake_broker.url)
    assert (result.returncode, result.stdout) == (69, b"")
    assert result.stderr.startswith(b"send: ")


@pytest.mark.parametrize(
    ("code", "text", "status"),
    [(403, "ACCESS_REFUSED - no write permission", 77), (404, "NOT_FOUND - no exchange", 1)],
)
def test_a_publish_the_broker_refuses(
    send: Program, fake_broker: FakeBroker, code: int, text: str, status: int
) -> None:
    fake_broker.on(spec.Basic.Publish, close_channel(code, text))
    result = send(url=fake_broker.url)
    assert (result.returncode, result.stdout) == (status, b"")
    assert text.encode() in result.stderr


@pytest.mark.parametrize(
    ("code", "text", "status"),
    [(403, "ACCESS_REFUSED - no read permission", 77), (404, "NOT_FOUND - no queue", 1)],
)
def test_a_consumer_the_broker_refuses(
    receive: Program, fake_broker: FakeBroker, code: int, text: str, status: int
) -> None:
    fake_broker.on(spec.Basic.Consume, close_channel(code, text))
    result = receive(url=fake_broker.url)
    assert (result.returncode, result.stdout) == (status, b"")
    assert text.encode() in result.stderr


def test_a_blocked_connection_is_waited_for(send: Program, fake_broker: FakeBroker) -> None:
    def block(received: Received) -> None:
        received.session.send(0, spec.Connection.Blocked("low on memory"))
        received.session.send(0, spec.Connection.Unblocked())
        ack(received)

    fake_broker.on(spec.Basic.Publish, block)
    result = send(url=fake_broker.url)
    assert (result.returncode, result.stdout) == (0, SENT)


def test_a_connection_cut_in_a_watch(receive: Program, fake_broker: FakeBroker) -> None:
    process = receive.start(url=fake_broker.url)
    process.expect_stdout(READY)
    fake_broker.sessions[0].hang_up()
    result = process.finish()
    assert (result.returncode, result.stdout) == (69, READY)
    assert result.stderr.startswith(b"receive: ") and result.stderr.count(b"\n") == 1


def test_a_broker_that_shuts_down_in_a_watch(receive: Program, fake_broker: FakeBroker) -> None:
    process = receive.start(url=fake_broker.url)
    process.expect_stdout(READY)
    text = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
    close_connection(320, text)(fake_broker.methods(spec.Basic.Consume)[0])
    result = process.finish()
    assert (result.returncode, result.stdout) == (69, READY)
    assert result.stderr.startswith(b"receive: ") and text.encode() in result.stderr


def test_heartbeats_go_out_in_an_idle_watch(receive: Program, fake_broker: FakeBroker) -> None:
    fake_broker.heartbeat = 1
    process = receive.start(url=fake_broker.url)
    process.expect_stdout(READY)
    fake_broker.wait_for(lambda: fake_broker.sessions[0].heartbeats >= 2, "second heartbeat")
    assert process.running


def test_a_broker_without_heartbeats_is_given_up(receive: Program, fake_broker: FakeBroker) -> None:
    fake_broker.heartbeat = 1
    fake_broker.answer_heartbeats = False
    process = receive.start(url=fake_broker.url)
    process.expect_stdout(READY)
    result = process.finish()
    assert (result.returncode, result.stdout) == (69, READY)
    assert result.stderr.startswith(b"receive: ")
