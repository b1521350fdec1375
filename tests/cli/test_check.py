"""--check: is the broker there?"""
from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from program import Program
from send_support import private_broker

LINE = re.compile(rb"RabbitMQ [\d.]+\S* at 127\.0\.0\.1:\d+, virtual host '/'\n")


def test_a_broker_that_is_there(either: Program) -> None:
    result = either("--check")
    assert (result.returncode, result.stderr) == (0, b"")
    assert LINE.fullmatch(result.stdout)


def test_quiet(either: Program) -> None:
    result = either("--check", "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_nobody_there(either: Program) -> None:
    result = either("--check", url="amqp://127.0.0.1:1/")
    assert (result.returncode, result.stdout) == (69, b"")
    assert result.stderr == f"{either.name}: cannot connect to 127.0.0.1:1: Connection refused\n".encode()


def test_nothing_is_declared_or_sent(send: Program, queue: str, receive: Program) -> None:
    assert send("--check", "-q", queue).returncode == 0
    assert receive("--check", "-q", queue).returncode == 0
    result = receive("-q", queue, "--no-declare", "--timeout", "1")
    assert b"404 NOT_FOUND" in result.stderr


def test_a_wrong_password_ends_it_at_once(either: Program, broker_url: str, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("wrong\n")
    begun = time.monotonic()
    result = either("--check", "--retry-for", "60", "--password-file", str(password))
    assert (result.returncode, result.stdout) == (77, b"")
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("args", [["hello"], ["--lines"], ["--file", "/dev/null"]])
def test_messages_with_check(send: Program, args: list[str]) -> None:
    result = send("--check", *args, url="amqp://127.0.0.1:1/")
    assert result.returncode == 64
    assert result.stderr == b"send: --check sends nothing: leave the messages out\n"


def test_a_command_with_check(receive: Program) -> None:
    result = receive("--check", "--", "true", url="amqp://127.0.0.1:1/")
    assert result.returncode == 64
    assert result.stderr == b"receive: --check runs nothing: leave COMMAND out\n"


def test_it_waits_for_a_broker_that_starts_later(either: Program, tmp_path: Path) -> None:
    """It begins long before the broker listens, and ends within a second of the broker being ready."""
    with private_broker(tmp_path) as broker:
        broker.run("node", "stop")
        process = either.start("--check", "--retry-for", "120", url=broker.url)
        process.wait_for(lambda: b"Connection refused" in process.stderr, "failed attempt")
        broker.run("node", "start")
        begun = time.monotonic()
        result = process.finish(30)
        took = time.monotonic() - begun
    assert result.returncode == 0
    assert LINE.fullmatch(result.stdout)
    assert took < 1
