"""How `hello` is declared, and what happens when the broker wants it otherwise."""
from __future__ import annotations

import time

import pika
import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, Handler, close_channel, close_connection, hang_up, ignore
from program import DEADLINE, Program
from send_support import await_messages

READY = b" [*] Waiting for messages. To exit press CTRL+C\n"
SENT = b" [x] Sent 'Hello World!'\n"

# RabbitMQ 4.3's words; it cuts them at the 255 bytes a reply text may have.
TRANSIENT_REFUSED = (
    "INTERNAL_ERROR - Feature `transient_nonexcl_queues` is deprecated.\n"
    "By default, this feature is not permitted anymore.\n"
    "The feature will be removed from a future major RabbitMQ version, regardless of the configuration; "
    "actual version to be determined.\nTo..."
)


def refuse_transient_queues(fake: FakeBroker) -> None:
    fake.on(
        spec.Queue.Declare, close_connection(541, TRANSIENT_REFUSED), when=lambda r: not r.method.durable
    )


def declarations(fake: FakeBroker) -> list[tuple[str, bool]]:
    return [(r.method.queue, r.method.durable) for r in fake.methods(spec.Queue.Declare)]


def finish(program: Program, fake: FakeBroker, *args: str) -> tuple[int, bytes, bytes]:
    """A whole run; `receive` is ended with Ctrl-C once it waits."""
    process = program.start(*args, url=fake.url)
    if program.name == "receive":
        process.expect_stdout(READY)
        process.interrupt()
    result = process.finish()
    return result.returncode, result.stdout, result.stderr


def success(program: Program) -> tuple[int, bytes, bytes]:
    return 0, SENT if program.name == "send" else READY + b"Interrupted\n", b""


def test_a_fresh_hello_has_the_seeds_properties(send: Program, hello: str, channel: BlockingChannel) -> None:
    assert send().returncode == 0
    channel.queue_declare(hello, passive=True)  # raises unless it outlived its maker
    channel.queue_declare(hello, durable=False, exclusive=False, auto_delete=False)  # raises if it differs


def test_a_hello_that_receive_made_outlives_it(receive: Program, hello: str, channel: BlockingChannel) -> None:
    process = receive.start()
    process.expect_stdout(READY)
    channel.queue_declare(hello, durable=False, exclusive=False, auto_delete=False)
    process.interrupt()
    process.finish()
    channel.queue_declare(hello, passive=True)


def test_it_is_declared_with_no_options(either: Program, fake_broker: FakeBroker) -> None:
    assert finish(either, fake_broker) == success(either)
    (declare,) = fake_broker.methods(spec.Queue.Declare)
    method = declare.method
    assert method.queue == "hello" and not method.arguments
    assert not (method.passive or method.durable or method.exclusive or method.auto_delete)


def test_where_transient_queues_are_refused_it_is_declared_durable(
    either: Program, fake_broker: FakeBroker
) -> None:
    refuse_transient_queues(fake_broker)
    assert finish(either, fake_broker) == success(either)
    assert declarations(fake_broker) == [("hello", False), ("hello", True)]
    assert len(fake_broker.sessions) == 2


def test_any_queue_is_declared_durable_where_it_must_be(either: Program, fake_broker: FakeBroker) -> None:
    refuse_transient_queues(fake_broker)
    assert finish(either, fake_broker, "--queue", "other") == success(either)
    assert declarations(fake_broker) == [("other", False), ("other", True)]


def test_a_connection_that_is_closed_before_it_has_a_channel(either: Program, fake_broker: FakeBroker) -> None:
    """RabbitMQ's close may overtake its channel.open-ok when the queue was asked for in one go with the channel."""
    refuse_transient_queues(fake_broker)
    fake_broker.on(spec.Channel.Open, ignore, when=lambda r: r.session is fake_broker.sessions[0])
    assert finish(either, fake_broker) == success(either)
    assert declarations(fake_broker) == [("hello", False), ("hello", False), ("hello", True)]
    assert len(fake_broker.sessions) == 3


@pytest.mark.parametrize(
    ("answer", "sessions", "status"),
    [
        (close_connection(530, "NOT_ALLOWED - too many channels"), 2, 1),
        (close_connection(320, "CONNECTION_FORCED - broker forced connection closure"), 1, 69),
        (hang_up, 1, 69),
    ],
)
def test_a_channel_that_is_refused(
    either: Program, fake_broker: FakeBroker, answer: Handler, sessions: int, status: int
) -> None:
    """It may have been over the queue, so that it is tried once more without."""
    fake_broker.on(spec.Channel.Open, answer)
    result = either(url=fake_broker.url)
    assert (result.returncode, result.stdout, result.stderr.count(b"\n")) == (status, b"", 1)
    assert len(fake_broker.sessions) == sessions


def test_the_refused_connection_is_closed_properly(either: Program, fake_broker: FakeBroker) -> None:
    refuse_transient_queues(fake_broker)
    finish(either, fake_broker)
    fake_broker.wait_for(lambda: all(s.ended for s in fake_broker.sessions), "end of every connection")
    first = [type(r.method) for r in fake_broker.methods() if r.session is fake_broker.sessions[0]]
    assert first[-1] is spec.Connection.CloseOk


def test_another_internal_error_is_an_error(either: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Queue.Declare, close_connection(541, "INTERNAL_ERROR\nout of luck"))
    result = either(url=fake_broker.url)
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"541" in result.stderr and b"out of luck" in result.stderr
    assert result.stderr.count(b"\n") == 1  # whatever the broker's text holds
    assert len(fake_broker.sessions) == 1


def test_a_broker_that_refuses_durable_queues_too_is_not_asked_for_ever(
    either: Program, fake_broker: FakeBroker
) -> None:
    fake_broker.on(spec.Queue.Declare, close_connection(541, TRANSIENT_REFUSED))
    result = either(url=fake_broker.url)
    assert (result.returncode, result.stdout) == (1, b"")
    assert declarations(fake_broker) == [("hello", False), ("hello", True)]


def test_a_queue_with_other_properties_is_used_on_a_new_channel(
    either: Program, fake_broker: FakeBroker
) -> None:
    fake_broker.on(
        spec.Queue.Declare,
        close_channel(406, "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'hello' in vhost '/'"),
        when=lambda r: not r.method.passive,
    )
    assert finish(either, fake_broker) == success(either)
    assert [r.method.passive for r in fake_broker.methods(spec.Queue.Declare)].count(False) == 1
    assert len(fake_broker.sessions) == 1
    assert len(fake_broker.methods(spec.Channel.Open)) == 2


@pytest.mark.parametrize(
    ("code", "text", "status"),
    [
        (403, "ACCESS_REFUSED - access to queue 'hello' in vhost '/' refused", 77),
        (405, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'hello' in vhost '/'", 1),
    ],
)
def test_another_refusal_is_an_error(
    either: Program, fake_broker: FakeBroker, code: int, text: str, status: int
) -> None:
    fake_broker.on(spec.Queue.Declare, close_channel(code, text))
    result = either(url=fake_broker.url)
    assert (result.returncode, result.stdout) == (status, b"")
    assert result.stderr.startswith(either.name.encode() + b": ") and text.encode() in result.stderr
    assert result.stderr.count(b"\n") == 1


# Names that begin with amq. are the broker's.


def test_send_to_the_private_queue_of_another_client(send: Program, channel: BlockingChannel) -> None:
    name = channel.queue_declare("", exclusive=True).method.queue
    assert name.startswith("amq.gen-")
    result = send("--queue", name, "answer")
    assert (result.returncode, result.stdout, result.stderr) == (0, b" [x] Sent 'answer'\n", b"")
    assert channel.basic_get(name, auto_ack=True)[2] == b"answer"


def test_receive_does_not_declare_a_private_queue(receive: Program, fake_broker: FakeBroker) -> None:
    assert finish(receive, fake_broker, "--queue", "amq.gen-private")[0] == 0
    assert declarations(fake_broker) == []


def test_a_private_queue_that_has_gone_returns_the_message(send: Program) -> None:
    result = send("--queue", "amq.gen-gone", "answer")
    assert (result.returncode, result.stdout) == (4, b"")
    assert b"312 NO_ROUTE" in result.stderr


def direct_reply_to(requester: BlockingChannel, queue: str, channel: BlockingChannel) -> str:
    """The address of a client, for answers that it consumes."""
    channel.queue_declare(queue)
    requester.basic_publish("", queue, b"request", spec.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
    await_messages(channel, queue)
    _method, properties, _body = channel.basic_get(queue, auto_ack=True)
    assert properties is not None
    address: str = properties.reply_to
    assert address.startswith("amq.rabbitmq.reply-to.")
    return address


@pytest.mark.parametrize("args", [("--queue",), ("--exchange", "", "--routing-key")], ids=" ".join)
def test_answering_to_a_direct_reply_to(
    send: Program, queue: str, channel: BlockingChannel, args: tuple[str, ...]
) -> None:
    answers: list[bytes] = []
    channel.basic_consume("amq.rabbitmq.reply-to", lambda _c, _m, _p, body: answers.append(body), auto_ack=True)
    result = send(*args, direct_reply_to(channel, queue, channel), "answer")
    assert (result.returncode, result.stdout, result.stderr) == (0, b" [x] Sent 'answer'\n", b"")
    deadline = time.monotonic() + DEADLINE
    while not answers and time.monotonic() < deadline:
        channel.connection.process_data_events(time_limit=0.1)
    assert answers == [b"answer"]


def test_an_answer_to_a_client_that_has_gone(
    send: Program, queue: str, channel: BlockingChannel, broker_url: str
) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        requester = connection.channel()
        requester.basic_consume("amq.rabbitmq.reply-to", lambda *_: None, auto_ack=True)
        address = direct_reply_to(requester, queue, channel)
    result = send("--queue", address, "answer")
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"404" in result.stderr
