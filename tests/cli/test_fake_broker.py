"""The fake broker speaks AMQP: Pika, a client we did not write, gets along with it."""
from __future__ import annotations

import socket

import pika
import pytest
from pika import spec
from pika.exceptions import ConnectionClosedByBroker, NackError, UnroutableError

from fake_broker import FakeBroker, Received, answer, close_connection, reply, send_bytes


def connect(fake: FakeBroker) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(fake.url))


def test_publishes_are_recorded_and_confirmed(fake_broker: FakeBroker) -> None:
    with connect(fake_broker) as connection:
        channel = connection.channel()
        channel.queue_declare("q", durable=True)
        channel.confirm_delivery()
        channel.basic_publish("", "q", b"x" * 300_000, mandatory=True)
    declare, publish = fake_broker.methods(spec.Queue.Declare, spec.Basic.Publish)
    assert (declare.method.queue, declare.method.durable) == ("q", True)
    assert (publish.method.routing_key, publish.body, publish.delivery_tag) == ("q", b"x" * 300_000, 1)
    assert len(fake_broker.methods(spec.Connection.Close)) == 1


def test_deliveries_reach_a_consumer(fake_broker: FakeBroker) -> None:
    bodies = [b"", b"one", b"x" * 300_000]

    def deliver(received: Received) -> None:
        answer(received)
        tag = received.method.consumer_tag
        for number, body in enumerate(bodies, 1):
            received.session.deliver(received.channel, body, consumer_tag=tag, delivery_tag=number)

    fake_broker.on(spec.Basic.Consume, deliver)
    with connect(fake_broker) as connection:
        channel = connection.channel()
        got = [next(channel.consume("q", auto_ack=True, inactivity_timeout=15))[2] for _ in bodies]
    assert got == bodies


def test_a_refused_declaration_closes_the_connection(fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Queue.Declare, close_connection(541, "INTERNAL_ERROR"), when=lambda r: not r.method.durable)
    with pytest.raises(ConnectionClosedByBroker) as refusal:
        connect(fake_broker).channel().queue_declare("q")
    assert refusal.value.reply_code == 541
    with connect(fake_broker) as connection:
        assert connection.channel().queue_declare("q", durable=True).method.queue == "q"
    assert [r.method.durable for r in fake_broker.methods(spec.Queue.Declare)] == [False, True]


def test_returns_and_nacks(fake_broker: FakeBroker) -> None:
    def give_back(received: Received) -> None:
        received.give_back(312, "NO_ROUTE")
        received.reply(spec.Basic.Ack(received.delivery_tag))

    with connect(fake_broker) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        fake_broker.on(spec.Basic.Publish, give_back)
        with pytest.raises(UnroutableError):
            channel.basic_publish("", "q", b"1", mandatory=True)
        fake_broker.on(spec.Basic.Publish, reply(spec.Basic.Nack(2)))
        with pytest.raises(NackError):
            channel.basic_publish("", "q", b"2", mandatory=True)


def test_a_greeting_replaces_the_handshake(fake_broker: FakeBroker) -> None:
    fake_broker.greet = send_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with socket.create_connection(("127.0.0.1", fake_broker.port), 15) as client:
        client.sendall(b"AMQP\0\0\x09\x01")
        assert b"".join(iter(lambda: client.recv(4096), b"")) == b"HTTP/1.1 400 Bad Request\r\n\r\n"


def test_a_mistake_in_a_script_is_raised_at_the_end() -> None:
    fake = FakeBroker()
    fake.greet = lambda session: session.deliver(1, b"", consumer_tag="t", delivery_tag=-1)
    with socket.create_connection(("127.0.0.1", fake.port), 15) as client:
        assert client.recv(1) == b""
    with pytest.raises(Exception, match="."):
        fake.close()
