"""The seed's programs, and Pika, as peers of ours."""
from __future__ import annotations

import random
import re

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from program import Program
from witness import publish, take_all

READY = b" [*] Waiting for messages. To exit press CTRL+C\n"
SENT = b" [x] Sent 'Hello World!'\n"
RECEIVED = b" [x] Received b'Hello World!'\n"


def test_the_seeds_send_is_received(seed_send: Program, receive: Program, hello: str) -> None:
    process = receive.start()
    process.expect_stdout(READY)
    assert seed_send().stdout == SENT
    process.expect_stdout(READY + RECEIVED)


def test_the_seeds_receive_gets_what_send_sends(send: Program, seed_receive: Program, hello: str) -> None:
    process = seed_receive.start()
    process.expect_stdout(READY)
    assert send().stdout == SENT
    process.expect_stdout(READY + RECEIVED)


@pytest.fixture(params=["classic", "quorum"])
def durable_hello(request: pytest.FixtureRequest, hello: str, channel: BlockingChannel) -> str:
    """`hello` as RabbitMQ's newer tutorials declare it."""
    channel.queue_declare(hello, durable=True, arguments={"x-queue-type": request.param})
    return hello


def test_send_uses_a_durable_hello_as_it_is(send: Program, durable_hello: str, channel: BlockingChannel) -> None:
    result = send()
    assert (result.returncode, result.stdout, result.stderr) == (0, SENT, b"")
    assert take_all(channel, durable_hello) == [b"Hello World!"]


def test_receive_uses_a_durable_hello_as_it_is(
    receive: Program, durable_hello: str, channel: BlockingChannel
) -> None:
    publish(channel, durable_hello, b"Hello World!")
    process = receive.start()
    process.expect_stdout(READY + RECEIVED)
    process.interrupt()
    result = process.finish()
    assert (result.returncode, result.stdout, result.stderr) == (0, READY + RECEIVED + b"Interrupted\n", b"")


def assert_shown_as_repr(receive: Program, queue: str, channel: BlockingChannel, bodies: list[bytes]) -> None:
    channel.queue_declare(queue)
    publish(channel, queue, *bodies)
    expected = READY + b"".join(f" [x] Received {body!r}\n".encode() for body in bodies)
    receive.start("--queue", queue).expect_stdout(expected)


def test_every_byte_is_shown_as_in_pythons_repr(receive: Program, queue: str, channel: BlockingChannel) -> None:
    assert_shown_as_repr(receive, queue, channel, [bytes([byte]) for byte in range(256)])


def test_bodies_are_shown_as_in_pythons_repr(receive: Program, queue: str, channel: BlockingChannel) -> None:
    rng = random.Random(2)
    quotes = [b"", b"'", b'"', b"'\"", b"\\", b"\\'", bytes(range(256)), "Xin chào 🐇".encode()]
    noise = [rng.randbytes(rng.randrange(200)) for _ in range(100)]
    assert_shown_as_repr(receive, queue, channel, quotes + noise)


def test_a_body_of_many_frames_is_shown_whole(receive: Program, queue: str, channel: BlockingChannel) -> None:
    assert_shown_as_repr(receive, queue, channel, [random.Random(3).randbytes(400_000)])


def shown(body: bytes) -> bytes:
    """Python's repr of the text, with \\xNN for each byte that is no UTF-8."""
    text = repr(body.decode("utf-8", "surrogateescape"))
    return re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", text).encode()


@pytest.mark.parametrize(
    "body",
    [
        "Xin chào thế giới".encode(),
        "🐇 日本語 Ελλάδα".encode(),
        "e\N{COMBINING ACUTE ACCENT}".encode(),
        b"it's",
        b'a "quoted" word',
        b"'both\"",
        b"back\\slash",
        b"\t\r\n\x01\x1b[31mred\x7f",
        "\x85\xa0\xad".encode(),
        "\u200b\u2028\u202e\u3000\ufeff\ue000\U0010ffff".encode(),
        b"\xff\xfe",
        b"caf\xe9 au lait",
        b"cut \xf0\x9f\x90",
        b"overlong \xc0\xaf",
        b"surrogate \xed\xa0\x80",
        b"beyond \xf4\x90\x80\x80",
    ],
    ids=ascii,
)
def test_sent_text_is_shown_as_in_pythons_repr(
    send: Program, queue: str, channel: BlockingChannel, body: bytes
) -> None:
    result = send("--queue", queue, body)
    assert (result.returncode, result.stdout) == (0, b" [x] Sent " + shown(body) + b"\n")
    assert take_all(channel, queue) == [body]


def test_a_sent_text_of_1_kib_is_shown_whole(send: Program, queue: str) -> None:
    assert send("--queue", queue, "x" * 1024).stdout == b" [x] Sent '" + b"x" * 1024 + b"'\n"


@pytest.mark.parametrize("body", [b"x" * 1025, b"x" * 100_000, "x".encode() + "é".encode() * 2000], ids=len)
def test_a_longer_sent_text_is_cut_and_its_size_given(
    send: Program, queue: str, channel: BlockingChannel, body: bytes
) -> None:
    result = send("--queue", queue, body)
    assert result.stdout.startswith(b" [x] Sent '" + body[:1000]) and result.stdout.count(b"\n") == 1
    assert str(len(body)).encode() in result.stdout
    assert len(result.stdout) < 1200 and b"\\x" not in result.stdout
    assert take_all(channel, queue) == [body]
