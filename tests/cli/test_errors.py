"""Every ending has its exit code and its line on standard error."""
from __future__ import annotations

import os
import re
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, Greeting, send_bytes
from program import Process, Program, Result
from witness import publish, take_all

READY = b" [*] Waiting for messages. To exit press CTRL+C\n"
SENT = b" [x] Sent 'Hello World!'\n"


def assert_failed(result: Result, program: Program, status: int, *words: str) -> None:
    """Nothing on standard output, one line with these words on standard error."""
    assert (result.returncode, result.stdout) == (status, b""), result
    assert re.fullmatch(f"{program.name}: [^\n]+\n".encode(), result.stderr), result.stderr
    for word in words:
        assert word.encode() in result.stderr


def with_user(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{quote(user)}:{quote(password)}@{parts.netloc.rpartition('@')[2]}").geturl()


@pytest.fixture
def refusing_port() -> Iterator[int]:
    """Bound, so nobody else gets it, and not listened to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def nowhere(refusing_port: int) -> str:
    return f"amqp://localhost:{refusing_port}/"


# Usage: found before anything is connected to.


@pytest.mark.parametrize("option", ["--no-such-option", "-Y"])
def test_an_unknown_option(either: Program, nowhere: str, option: str) -> None:
    result = either(option, url=nowhere)
    assert (result.returncode, result.stdout) == (64, b"")
    assert option.encode() in result.stderr


def test_an_option_without_its_value(either: Program, nowhere: str) -> None:
    result = either("--queue", url=nowhere)
    assert (result.returncode, result.stdout) == (64, b"")
    assert b"--queue" in result.stderr


@pytest.mark.parametrize(
    "url",
    [
        "localhost",
        "http://localhost/",
        "amqp://localhost:port/",
        "amqp://localhost:65536/",
        "amqp://[::1/",
        "amqp://localhost/%zz",
        "amqp://localhost/a/b",
    ],
)
def test_a_bad_url(either: Program, nowhere: str, url: str) -> None:
    assert_failed(either("--url", url, url=nowhere), either, 64, "URL")
    assert_failed(either(url=url), either, 64, "URL")


def test_a_bad_url_is_shown_without_its_password(either: Program, nowhere: str) -> None:
    result = either("--url", "amqp://user:S3cret@localhost:port/", url=nowhere)
    assert_failed(result, either, 64)
    assert b"S3cret" not in result.stderr


@pytest.mark.parametrize("name", ["q" * 256, "é" * 128], ids=["ASCII", "UTF-8"])
def test_a_queue_name_that_is_too_long(either: Program, nowhere: str, name: str) -> None:
    assert_failed(either("--queue", name, url=nowhere), either, 64, "256", "255")


def test_the_longest_queue_name(send: Program, queue: str, broker_url: str, channel: BlockingChannel) -> None:
    name = queue.ljust(255, "q")
    try:
        assert send("--queue", name).stdout == SENT
    finally:
        channel.queue_delete(name)


# Nobody there, or nobody who speaks AMQP 0-9-1.


def test_a_refused_connection(either: Program, refusing_port: int) -> None:
    result = either(url=f"amqp://localhost:{refusing_port}/")
    assert (result.returncode, result.stdout) == (69, b"")
    assert result.stderr.decode() == (
        f"{either.name}: cannot connect to localhost:{refusing_port}: Connection refused\n"
    )


def test_an_unknown_host(either: Program) -> None:
    assert_failed(either(url="amqp://no-such-host.invalid/"), either, 69, "no-such-host.invalid:5672")


@pytest.mark.parametrize(
    "greeting",
    [
        pytest.param(lambda session: None, id="hangs up"),
        pytest.param(send_bytes(b""), id="hangs up when spoken to"),
        pytest.param(send_bytes(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), id="HTTP"),
        pytest.param(send_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n", then_close=False), id="HTTP, kept open"),
        pytest.param(send_bytes(b"\x00\x09\x01AMQP" * 500, then_close=False), id="garbage"),
        pytest.param(send_bytes(b"\xff" * 4096, then_close=False), id="huge frame"),
        pytest.param(send_bytes(b"AMQP\x03\x01\x00\x00"), id="AMQP 1.0"),
        pytest.param(send_bytes(b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x0aX"), id="frame without its end"),
    ],
)
def test_a_peer_that_is_no_broker(either: Program, fake_broker: FakeBroker, greeting: Greeting) -> None:
    fake_broker.greet = greeting
    assert_failed(either(url=fake_broker.url), either, 69, f"127.0.0.1:{fake_broker.port}")


# Refused by the broker.


def test_a_wrong_password(either: Program, broker_url: str) -> None:
    result = either(url=with_user(broker_url, "guest", "Wr0ngOne"))
    assert_failed(result, either, 77, "ACCESS_REFUSED")
    assert b"Wr0ngOne" not in result.stderr


def test_an_unknown_vhost(either: Program, broker_url: str) -> None:
    url = urlsplit(broker_url)._replace(path="/no-such-vhost").geturl()
    assert_failed(either(url=url), either, 77, "no-such-vhost")


@pytest.fixture(scope="module")
def powerless_url(broker_ctl: Path, broker_url: str) -> Iterator[str]:
    """A user who may connect and do nothing more."""
    user, password = f"powerless-{uuid.uuid4()}", uuid.uuid4().hex

    def ctl(*args: str) -> None:
        subprocess.run([broker_ctl, *args], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60)

    vhost = unquote(urlsplit(broker_url).path[1:]) or "/"
    ctl("add_user", user, password)
    ctl("set_permissions", "-p", vhost, user, "^$", "^$", "^$")
    yield with_user(broker_url, user, password)
    ctl("delete_user", user)


def test_a_user_who_may_not_declare(either: Program, queue: str, powerless_url: str) -> None:
    result = either("--queue", queue, url=powerless_url)
    assert_failed(result, either, 77, "ACCESS_REFUSED", queue)


def test_a_queue_exclusive_to_another_connection(either: Program, queue: str, channel: BlockingChannel) -> None:
    channel.queue_declare(queue, exclusive=True)
    assert_failed(either("--queue", queue), either, 1, "RESOURCE_LOCKED", queue)


# The URL.


def test_the_url_option_wins_over_the_environment(
    send: Program, nowhere: str, queue: str, broker_url: str, channel: BlockingChannel
) -> None:
    assert send("--queue", queue, "--url", broker_url, url=nowhere).returncode == 0
    assert take_all(channel, queue) == [b"Hello World!"]
    assert send("--queue", queue, "--url", nowhere).returncode == 69


def test_a_password_on_the_command_line_is_blotted_out(
    receive: Program, nowhere: str, fake_broker: FakeBroker
) -> None:
    process = receive.start("--url", fake_broker.url.replace("guest:guest", "guest:S3cret"), url=nowhere)
    process.expect_stdout(READY)
    arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert b"--url" in arguments and b"S3cret" not in arguments


# Help.


def test_help_lists_the_exit_codes(either: Program, nowhere: str) -> None:
    result = either("--help", url=nowhere)
    assert (result.returncode, result.stderr) == (0, b"")
    codes = {"send": [0, 1, 4, 64, 69, 74, 77, 130, 141, 143], "receive": [0, 1, 64, 69, 74, 77, 141, 143]}
    for code in codes[either.name]:
        assert re.search(rf"^ *(\d+, )*{code}\b".encode(), result.stdout, re.MULTILINE), f"{code} is not listed"


def test_version(either: Program, nowhere: str) -> None:
    result = either("--version", url=nowhere)
    assert (result.returncode, result.stderr) == (0, b"")
    assert re.fullmatch(rf"{either.name} \d+\.\d+\.\d+\n".encode(), result.stdout)


# Standard output.


@pytest.mark.parametrize("args", [[], ["--help"], ["--version"]], ids=" ".join)
def test_a_full_disk(either: Program, queue: str, args: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        result = either("--queue", queue, *args, stdout=full)
    assert_failed(result, either, 74, "No space left on device")


def test_a_closed_stdout(either: Program, queue: str) -> None:
    either.command = ["/bin/sh", "-c", 'exec "$0" "$@" >&-', *either.command]
    assert_failed(either("--queue", queue), either, 74)


@pytest.mark.parametrize("ignore_sigpipe", [False, True])
def test_the_reader_of_send_has_gone(send: Program, queue: str, ignore_sigpipe: bool) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = send("--queue", queue, stdout=writing, ignore_sigpipe=ignore_sigpipe)
    os.close(writing)
    assert (result.status, result.stderr) == (141, b"")


@pytest.mark.parametrize("ignore_sigpipe", [False, True])
def test_the_reader_of_receive_goes(
    receive: Program, queue: str, channel: BlockingChannel, ignore_sigpipe: bool
) -> None:
    reading, writing = os.pipe()
    process: Process = receive.start("--queue", queue, stdout=writing, ignore_sigpipe=ignore_sigpipe)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.readline() == READY
    publish(channel, queue, b"nobody reads this")
    result = process.finish()
    assert (result.status, result.stderr) == (141, b"")
