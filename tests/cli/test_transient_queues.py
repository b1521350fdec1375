"""A RabbitMQ that refuses queues like the tutorial's `hello`: neither durable nor exclusive."""
from __future__ import annotations

from collections.abc import Iterator

import pika
import pytest

from conftest import delete_queue
from program import Program
from receive_support import READY
from send_support import PrivateBroker, private_broker


@pytest.fixture(scope="module")
def refusing(broker_version: tuple[int, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    if broker_version < (3, 13):
        pytest.skip("RabbitMQ can refuse them from 3.13 on")
    folder = tmp_path_factory.mktemp("refusing")
    with private_broker(folder, "deprecated_features.permit.transient_nonexcl_queues = false") as broker:
        yield broker


@pytest.fixture
def hello(refusing: PrivateBroker) -> Iterator[str]:
    yield "hello"
    delete_queue(refusing.url, "hello")


def test_the_broker_refuses_them(refusing: PrivateBroker) -> None:
    with pika.BlockingConnection(pika.URLParameters(refusing.url)) as connection:
        with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as refusal:
            connection.channel().queue_declare("hello")
        assert refusal.value.reply_code == 541
        assert "transient_nonexcl_queues" in refusal.value.reply_text


def test_hello_is_declared_durable(send: Program, refusing: PrivateBroker, hello: str) -> None:
    result = send(url=refusing.url)
    assert (result.returncode, result.stdout, result.stderr) == (0, b" [x] Sent 'Hello World!'\n", b"")
    with pika.BlockingConnection(pika.URLParameters(refusing.url)) as connection:
        declared = connection.channel().queue_declare(hello, durable=True)
        assert declared.method.message_count == 1


@pytest.mark.parametrize("first", ["send", "receive"])
def test_the_two_programs_meet_there(
    send: Program, receive: Program, refusing: PrivateBroker, hello: str, first: str
) -> None:
    if first == "send":
        assert send(url=refusing.url).returncode == 0
    process = receive.start(url=refusing.url)
    process.expect_stdout(READY + (b" [x] Received b'Hello World!'\n" if first == "send" else b""))
    if first == "receive":
        assert send(url=refusing.url).returncode == 0
    process.expect_stdout(READY + b" [x] Received b'Hello World!'\n")


def test_with_a_declaring_option_the_refusal_is_an_error(either: Program, refusing: PrivateBroker) -> None:
    result = either("--queue", "short", "--queue-arg", "x-max-length:int=3", url=refusing.url)
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"541" in result.stderr and b"transient_nonexcl_queues" in result.stderr and b"--durable" in result.stderr
    assert result.stderr.count(b"\n") == 1
