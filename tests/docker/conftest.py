"""Fixtures: what docker-compose.yml brings up. scripts/test-docker takes it down."""
from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "cli"))  # its modules serve here, too

from compose import Container, compose, container, up  # noqa: E402
from program import Program, with_default_signals  # noqa: E402


def pytest_configure() -> None:
    with_default_signals()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # fixtures are torn down


@pytest.fixture(scope="session")
def hello() -> None:
    """The broker with send and receive beside it, from nothing, as the file's head says."""
    compose("--profile", "hello", "up", "--detach")


@pytest.fixture
def url(hello: None) -> str:
    return f"amqp://guest:guest@localhost:{os.environ['AMQP_PORT']}"


@pytest.fixture(scope="session")
def image(hello: None) -> str:
    return container("receive").image


@pytest.fixture(scope="session")
def cluster() -> tuple[Container, Container, Container]:
    nodes = ("rabbitmq1", "rabbitmq2", "rabbitmq3")
    up("cluster", *nodes)
    first, second, third = (container(node) for node in nodes)
    return first, second, third


def built(name: str, url: str) -> Iterator[Program]:
    program = Program(name, [os.environ[name.upper()]], lambda: url)
    yield program
    program.stop_all()


@pytest.fixture
def send(url: str) -> Iterator[Program]:
    """That of the host, as is the next."""
    yield from built("send", url)


@pytest.fixture
def receive(url: str) -> Iterator[Program]:
    yield from built("receive", url)
