"""Fixtures: the broker, a Pika witness, a queue of one's own, the programs."""
from __future__ import annotations

import os
import select
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

import installed as installing
from fake_broker import FakeBroker
from program import DEADLINE, Program, with_default_signals

REPOSITORY = Path(__file__).resolve().parents[2]
SEED = Path(__file__).resolve().parent / "seed"
BROKER_START_SECONDS = 120
RESOURCE_LOCKED = 405


def pytest_configure() -> None:
    with_default_signals()


def no_broker(why: str) -> None:
    if os.environ.get("HELLO_RABBIT_REQUIRE_BROKER") == "1":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def read_url(broker: subprocess.Popen[bytes]) -> str | None:
    """The line scripts/broker prints once it accepts connections."""
    assert broker.stdout is not None
    if not select.select([broker.stdout], [], [], BROKER_START_SECONDS)[0]:
        return None
    return broker.stdout.readline().decode().strip() or None


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path | None]]:
    """The broker's URL and, if known, the folder of a scripts/broker node."""
    if url := os.environ.get("AMQP_URL"):
        folder = os.environ.get("BROKER_DIR")
        yield url, Path(folder) if folder else None
        return
    script = REPOSITORY / "scripts" / "broker"
    if not script.exists():
        no_broker(f"no AMQP_URL and no {script}")
    folder = tmp_path_factory.mktemp("broker")
    with subprocess.Popen(
        [script, "--until-eof", "--dir", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            started = read_url(process)
            if started is None:
                process.kill()
                no_broker(f"{script} did not start a broker")
            else:
                yield started, folder
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)


@pytest.fixture(scope="session")
def broker_url(broker: tuple[str, Path | None]) -> str:
    return broker[0]


@pytest.fixture(scope="session")
def broker_ctl(broker: tuple[str, Path | None]) -> Path:
    """rabbitmqctl of the broker under test."""
    if broker[1] is None:
        pytest.skip("BROKER_DIR is not set: no rabbitmqctl for this broker")
    return broker[1] / "ctl"


@pytest.fixture(scope="session")
def broker_version(broker_url: str) -> tuple[int, ...]:
    """Of RabbitMQ, for what is not the same in each."""
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        version = connection._impl.server_properties["version"]
    return tuple(int(part) for part in version.split("-")[0].split("."))


@pytest.fixture
def channel(broker_url: str) -> Iterator[BlockingChannel]:
    """The witness."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    yield connection.channel()
    if connection.is_open:
        connection.close()


def delete_queue(broker_url: str, name: str) -> None:
    """RabbitMQ 4 may hold an exclusive queue for a moment after the connection that owned it has been closed."""
    deadline = time.monotonic() + DEADLINE
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        while True:
            try:
                connection.channel().queue_delete(queue=name)
                return
            except pika.exceptions.ChannelClosedByBroker as error:
                if error.reply_code != RESOURCE_LOCKED or time.monotonic() > deadline:
                    raise


@pytest.fixture
def queue(broker_url: str) -> Iterator[str]:
    """The name of a queue nobody else uses; it is not declared yet."""
    name = f"hello-rabbit-{uuid.uuid4()}"
    yield name
    delete_queue(broker_url, name)


@pytest.fixture
def hello(broker_url: str) -> Iterator[str]:
    """`hello` itself, not there at the start."""
    delete_queue(broker_url, "hello")
    yield "hello"
    delete_queue(broker_url, "hello")


@pytest.fixture
def fake_broker() -> Iterator[FakeBroker]:
    fake = FakeBroker()
    yield fake
    fake.close()


def built(request: pytest.FixtureRequest, name: str) -> Program:
    path = Path(os.environ.get(name.upper(), REPOSITORY / "build" / "release" / name))
    if not path.exists():
        pytest.fail(f"{path} is not built; {name.upper()} says where it is", pytrace=False)
    return Program(name, [str(path)], lambda: request.getfixturevalue("broker_url"))


def seed(request: pytest.FixtureRequest, name: str) -> Program:
    command = [sys.executable, "-u", str(SEED / f"{name}.py")]
    return Program(name, command, lambda: request.getfixturevalue("broker_url"))


@pytest.fixture
def send(request: pytest.FixtureRequest) -> Iterator[Program]:
    program = built(request, "send")
    yield program
    program.stop_all()


@pytest.fixture
def receive(request: pytest.FixtureRequest) -> Iterator[Program]:
    program = built(request, "receive")
    yield program
    program.stop_all()


@pytest.fixture(params=["send", "receive"])
def either(request: pytest.FixtureRequest) -> Iterator[Program]:
    """Each of the two programs, for what they share."""
    program = built(request, request.param)
    yield program
    program.stop_all()


@pytest.fixture
def seed_send(request: pytest.FixtureRequest) -> Iterator[Program]:
    program = seed(request, "send")
    yield program
    program.stop_all()


@pytest.fixture
def seed_receive(request: pytest.FixtureRequest) -> Iterator[Program]:
    program = seed(request, "receive")
    yield program
    program.stop_all()


@pytest.fixture(scope="session", params=[None, "rabbit-"], ids=["as built", "with a prefix"])
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The prefix of the programs' names, and where they are installed."""
    return installing.install(request.param, tmp_path_factory.mktemp("install"))


@pytest.fixture(params=installing.PROGRAMS)
def installed(request: pytest.FixtureRequest, installation: tuple[str, Path]) -> installing.Installed:
    prefix, root = installation
    return installing.Installed(root, request.param, prefix)
