"""docker-compose.yml: a broker, and both programs beside it and on the host."""
from __future__ import annotations

import os
import subprocess
import sys

import pytest

from compose import REPOSITORY, await_that, container, docker, run, run_in_container
from program import Program

pytestmark = pytest.mark.usefixtures("hello")
LINES = b"".join(b"line %d\n" % number for number in range(1000))


def test_the_programs_wait_for_a_healthy_broker_and_say_hello_world() -> None:
    assert container("rabbitmq").is_healthy
    assert container("send").exit_code() == 0
    assert container("send").output() == (b" [x] Sent 'Hello World!'\n", b"")
    container("receive").await_output(b" [x] Received b'Hello World!'\n")


@pytest.mark.parametrize(
    ("trouble", "end"),
    [("set_vm_memory_high_watermark 0.00001", "set_vm_memory_high_watermark 0.6"), ("stop_app", "start_app")],
)
def test_a_broker_that_takes_no_messages_is_not_healthy(trouble: str, end: str) -> None:
    broker = container("rabbitmq")
    check = broker.inspect()["Config"]["Healthcheck"]["Test"][1:]

    def passes() -> bool:
        return run("docker", "exec", broker.name, *check, check=False).returncode == 0

    assert passes()
    docker("exec", broker.name, "rabbitmqctl", *trouble.split())
    try:
        await_that(lambda: not passes(), "check that fails")
    finally:
        docker("exec", broker.name, "rabbitmqctl", *end.split())
    await_that(passes, "check that passes")


def test_from_the_host_to_a_container(send: Program) -> None:
    assert send("--queue", "in", "from the host").returncode == 0
    result = run_in_container("receive", "--queue", "in", "--count", "1", "--timeout", "30", "--format", "lines")
    assert result.stdout == b"from the host\n"


def test_from_a_container_to_the_host(receive: Program) -> None:
    run_in_container("send", "--queue", "out", "from a container")
    result = receive("--queue", "out", "--count", "1", "--timeout", "10", "--format", "lines")
    assert (result.returncode, result.stdout) == (0, b"from a container\n")


def test_a_container_reads_standard_input(receive: Program) -> None:
    run_in_container("send", "--queue", "lines", "--lines", data=LINES)
    result = receive("--queue", "lines", "--count", "1000", "--timeout", "10", "--format", "lines")
    assert (result.returncode, result.stdout) == (0, LINES)


def test_the_exit_code_is_that_of_the_program() -> None:
    result = run_in_container("receive", "--queue", "empty", "--count", "1", "--timeout", "5", check=False)
    assert result.returncode == 2


def test_the_recipes_for_ci(url: str) -> None:
    environment = {"BUILD_TYPE": "Release", **os.environ, "AMQP_URL": url, "HELLO_RABBIT_REQUIRE_BROKER": "1"}
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=short", "test_ci_recipes.py"],
        cwd=REPOSITORY / "tests" / "cli", env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert tests.returncode == 0, tests.stdout[-5000:]
