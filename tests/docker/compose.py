"""docker-compose.yml: its services, and their containers."""
from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = os.environ["COMPOSE_PROJECT_NAME"]
DEADLINE = 240.0  # for a broker, on a machine that has other things to do


def run(*command: str, data: bytes = b"", check: bool = True) -> subprocess.CompletedProcess[bytes]:
    result = subprocess.run(
        command, input=data, cwd=REPOSITORY, capture_output=True, timeout=DEADLINE, check=False
    )
    assert result.returncode == 0 or not check, (
        f"{' '.join(command)}: {result.returncode}, stdout {result.stdout[-2000:]!r}, stderr {result.stderr[-2000:]!r}"
    )
    return result


def docker(*args: str) -> bytes:
    return run("docker", *args).stdout


# Debian 12 has docker-compose 1.29, which cannot `up --wait`.
IS_PLUGIN = run("docker", "compose", "version", check=False).returncode == 0
COMMAND = ("docker", "compose") if IS_PLUGIN else ("docker-compose",)


def compose(*args: str, data: bytes = b"", check: bool = True) -> subprocess.CompletedProcess[bytes]:
    return run(*COMMAND, *args, data=data, check=check)


def run_in_container(
    service: str, *args: str, data: bytes = b"", check: bool = True
) -> subprocess.CompletedProcess[bytes]:
    return compose("run", "--rm", "-T", service, *args, data=data, check=check)


def await_that(condition: Callable[[], bool], what: str, seconds: float = DEADLINE) -> None:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        pause.wait(0.1)


class Container:
    def __init__(self, name: str) -> None:
        self.name = name

    def inspect(self) -> Any:
        return json.loads(docker("container", "inspect", self.name))[0]

    @property
    def image(self) -> str:
        return str(self.inspect()["Image"])

    @property
    def is_running(self) -> bool:
        return bool(self.inspect()["State"]["Running"])

    @property
    def is_healthy(self) -> bool:
        return bool(self.inspect()["State"]["Health"]["Status"] == "healthy")

    def await_healthy(self) -> None:
        await_that(lambda: self.is_healthy, f"healthy {self.name}")

    def output(self) -> tuple[bytes, bytes]:
        """Standard output and standard error."""
        logs = run("docker", "logs", self.name)
        return logs.stdout, logs.stderr

    def await_output(self, text: bytes) -> None:
        await_that(lambda: any(text in output for output in self.output()), f"{text!r} from {self.name}")

    def signal(self, name: str) -> None:
        docker("kill", "--signal", name, self.name)

    def stop(self) -> float:
        """As a user does; the seconds it took."""
        start = time.monotonic()
        docker("stop", "--time", "60", self.name)
        return time.monotonic() - start

    def exit_code(self) -> int:
        return int(docker("wait", self.name))


def container(service: str) -> Container:
    """The one that `up` has made for the service."""
    labels = {"project": PROJECT, "service": service, "oneoff": "False"}
    filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
    (identifier,) = docker("ps", "--all", "--quiet", *filters).decode().split()
    return Container(identifier)


@contextmanager
def started(service: str, *args: str) -> Iterator[Container]:
    """Another container of the service, in the background."""
    name = f"{PROJECT}-{service}-{time.monotonic_ns()}"
    compose("run", "--detach", "--name", name, service, *args)
    try:
        yield Container(name)
    finally:
        docker("rm", "--force", name)


def up(profile: str, *services: str) -> None:
    """The services of the profile, healthy."""
    compose("--profile", profile, "up", "--detach", *(["--wait"] if IS_PLUGIN else []), *services)
    for service in services:
        container(service).await_healthy()
