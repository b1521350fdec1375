"""Both programs with no options, and Ctrl-C."""
from __future__ import annotations

import os
import random
import threading

import pika
import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, Received, ignore, say_nothing
from program import DEADLINE, Program
from witness import publish, take_all

SENT = b" [x] Sent 'Hello World!'\n"
READY = b" [*] Waiting for messages. To exit press CTRL+C\n"
RECEIVED = b" [x] Received b'Hello World!'\n"


def test_send_prints_the_seeds_line(send: Program, hello: str) -> None:
    result = send()
    assert (result.returncode, result.stdout, result.stderr) == (0, SENT, b"")


def test_send_puts_hello_world_into_hello(send: Program, hello: str, channel: BlockingChannel) -> None:
    assert send().returncode == 0
    assert take_all(channel, hello) == [b"Hello World!"]


def test_receive_prints_the_seeds_lines(receive: Program, hello: str, channel: BlockingChannel) -> None:
    process = receive.start()
    process.expect_stdout(READY)
    publish(channel, hello, b"Hello World!")
    process.expect_stdout(READY + RECEIVED)
    process.interrupt()
    result = process.finish()
    assert (result.returncode, result.stdout, result.stderr) == (0, READY + RECEIVED + b"Interrupted\n", b"")


def test_the_pair(send: Program, receive: Program, hello: str) -> None:
    assert send().stdout == SENT
    process = receive.start()
    process.expect_stdout(READY + RECEIVED)
    assert send().stdout == SENT
    process.expect_stdout(READY + RECEIVED * 2)


def test_each_argument_is_a_message(send: Program, queue: str, channel: BlockingChannel) -> None:
    result = send("--queue", queue, "a", "b", "c")
    assert (result.returncode, result.stdout, result.stderr) == (
        0,
        b" [x] Sent 'a'\n [x] Sent 'b'\n [x] Sent 'c'\n",
        b"",
    )
    assert take_all(channel, queue) == [b"a", b"b", b"c"]


@pytest.mark.parametrize("message", ["", " ", "[1,2]", "[]", '{"a": 1}', "a,b", '"a b"', "'a'", "a=b", "%d{}", "a;b"])
def test_an_argument_is_sent_byte_for_byte(
    send: Program, queue: str, channel: BlockingChannel, message: str
) -> None:
    result = send("--queue", queue, message)
    assert (result.returncode, result.stdout) == (0, f" [x] Sent {message!r}\n".encode())
    assert take_all(channel, queue) == [message.encode()]


def test_a_message_after_two_dashes_is_no_option(send: Program, queue: str, channel: BlockingChannel) -> None:
    assert send("--queue", queue, "--", "--help", "-q").stdout == b" [x] Sent '--help'\n [x] Sent '-q'\n"
    assert take_all(channel, queue) == [b"--help", b"-q"]


def test_send_leaves_standard_input_alone(send: Program, queue: str) -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"not for send\n")
        assert send("--queue", queue, stdin=reading).stdout == SENT  # and the pipe is still open: no wait for its end
        os.set_blocking(reading, False)
        assert os.read(reading, 100) == b"not for send\n"
    finally:
        os.close(reading)
        os.close(writing)


def test_a_message_is_on_stdout_before_the_next_one_comes(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    process = receive.start("--queue", queue)
    process.expect_stdout(READY)
    expected = READY
    for number in range(5):
        publish(channel, queue, str(number).encode())
        expected += f" [x] Received b'{number}'\n".encode()
        process.expect_stdout(expected)


def test_receive_is_ready_only_when_it_consumes(receive: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Consume, ignore)
    process = receive.start(url=fake_broker.url)
    consume = fake_broker.await_methods(spec.Basic.Consume)[0]
    process.expect_silence(0.3)
    consume.reply(spec.Basic.ConsumeOk(consume.method.consumer_tag or "tag"))
    process.expect_stdout(READY)


def test_sigterm_is_an_ordinary_end_of_a_watch(receive: Program, queue: str) -> None:
    process = receive.start("--queue", queue)
    process.expect_stdout(READY)
    process.terminate()
    result = process.finish()
    assert (result.returncode, result.stderr) == (0, b"")


def test_ctrl_c_says_goodbye_to_the_broker(receive: Program, fake_broker: FakeBroker) -> None:
    process = receive.start(url=fake_broker.url)
    process.expect_stdout(READY)
    process.interrupt()
    assert process.finish().returncode == 0
    assert len(fake_broker.methods(spec.Basic.Cancel)) == 1
    assert len(fake_broker.methods(spec.Connection.Close)) == 1


def test_what_comes_before_the_cancel_ok_is_printed(receive: Program, fake_broker: FakeBroker) -> None:
    def deliver_first(received: Received) -> None:
        tag = received.method.consumer_tag
        received.session.deliver(received.channel, b"1", consumer_tag=tag, delivery_tag=1)
        received.session.deliver(received.channel, b"x" * 300_000, consumer_tag=tag, delivery_tag=2)
        received.reply(spec.Basic.CancelOk(tag))

    fake_broker.on(spec.Basic.Cancel, deliver_first)
    process = receive.start(url=fake_broker.url)
    process.expect_stdout(READY)
    process.interrupt()
    result = process.finish()
    late = b" [x] Received b'1'\n [x] Received b'" + b"x" * 300_000 + b"'\n"
    assert (result.returncode, result.stdout) == (0, READY + late + b"Interrupted\n")


def test_a_second_ctrl_c_does_not_wait_for_the_broker(receive: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Cancel, ignore)
    process = receive.start(url=fake_broker.url)
    process.expect_stdout(READY)
    process.interrupt()
    fake_broker.await_methods(spec.Basic.Cancel)
    process.interrupt()
    assert process.finish(timeout=3).status == 130


def test_ctrl_c_while_connecting_ends_the_program(either: Program, fake_broker: FakeBroker) -> None:
    fake_broker.greet = say_nothing
    process = either.start(url=fake_broker.url)
    fake_broker.wait_for(lambda: len(fake_broker.sessions) == 1, "connection")
    process.interrupt()
    assert process.finish(timeout=5).status in (0, 130)


def test_ctrl_c_while_send_waits_for_the_confirm(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, ignore)
    process = send.start(url=fake_broker.url)
    fake_broker.await_methods(spec.Basic.Publish)
    process.interrupt()
    result = process.finish(timeout=5)
    assert (result.returncode, result.stdout) == (130, b"")


class Stream:
    """Publishes numbered messages on a connection and thread of its own."""

    def __init__(self, url: str, queue: str, count: int) -> None:
        self._url, self._queue, self._count = url, queue, count
        self._thread = threading.Thread(target=self._publish)
        self._thread.start()

    def _publish(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            publish(channel, self._queue, *(str(number).encode() for number in range(self._count - 1)))
            channel.confirm_delivery()  # the last one's confirm covers all before it
            publish(channel, self._queue, str(self._count - 1).encode())

    def join(self) -> None:
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()


def received_lines(numbers: range) -> bytes:
    return b"".join(b" [x] Received b'%d'\n" % number for number in numbers)


def assert_nothing_lost(stdout: bytes, left: list[bytes], count: int) -> None:
    printed = stdout.count(b"\n") - 2
    assert stdout == READY + received_lines(range(printed)) + b"Interrupted\n"
    assert left == [str(number).encode() for number in range(printed, count)]


@pytest.mark.parametrize("seed", range(5))
def test_ctrl_c_in_a_stream_loses_nothing(
    receive: Program, queue: str, channel: BlockingChannel, broker_url: str, seed: int
) -> None:
    count = 3000
    process = receive.start("--queue", queue)
    process.expect_stdout(READY)
    stream = Stream(broker_url, queue, count)
    process.expect_lines(1 + random.Random(seed).randrange(1, count * 2 // 3))
    process.interrupt()
    result = process.finish()
    stream.join()
    assert (result.returncode, result.stderr) == (0, b"")
    assert_nothing_lost(result.stdout, take_all(channel, queue), count)


def test_ctrl_c_while_the_reader_is_slow_loses_nothing(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    count = 4000  # more than a pipe holds
    channel.queue_declare(queue)
    publish(channel, queue, *(str(number).encode() for number in range(count)))
    reading, writing = os.pipe()
    process = receive.start("--queue", queue, stdout=writing)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        stdout = pipe.read(1)
        process.interrupt()
        stdout += pipe.read()
    result = process.finish()
    assert (result.returncode, result.stderr) == (0, b"")
    assert_nothing_lost(stdout, take_all(channel, queue), count)


def test_a_deleted_queue_ends_receive(receive: Program, queue: str, channel: BlockingChannel) -> None:
    process = receive.start("--queue", queue)
    process.expect_stdout(READY)
    channel.queue_delete(queue)
    result = process.finish()
    assert (result.returncode, result.stdout) == (1, READY)
    assert result.stderr.startswith(b"receive: ") and queue.encode() in result.stderr
    assert result.stderr.count(b"\n") == 1
