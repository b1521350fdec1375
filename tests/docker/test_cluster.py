"""docker-compose.yml: a cluster that loses nodes while send and receive are at work."""
from __future__ import annotations

import json
import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from compose import Container, await_that, docker
from program import Process, Program

QUEUE = ("--queue", "numbers", "--queue-type", "quorum", "--retry-for", "120")
SECONDS = 120.0

Cluster = tuple[Container, Container, Container]


@pytest.fixture
def url(cluster: Cluster) -> str:
    """As the head of docker-compose.yml has it."""
    return ",".join(f"amqp://localhost:{os.environ[f'AMQP_PORT{number}']}" for number in (1, 2, 3))


class Numbers:
    """Goes into `send`, a number a line, until it is told to end; comes out of `receive` into a file."""

    def __init__(self, send: Process, path: Path) -> None:
        self.sent = 0
        self._send = send
        self._path = path
        self._end = threading.Event()
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def _write(self) -> None:
        assert self._send.popen.stdin
        with suppress(BrokenPipeError), self._send.popen.stdin as pipe:
            while not self._end.is_set():
                pipe.write(b"%d\n" % self.sent)
                pipe.flush()
                self.sent += 1

    def received(self) -> set[int]:
        return {int(line) for line in self._path.read_bytes().split(b"\n")[:-1]}

    def await_progress(self) -> None:
        """Numbers come that were not sent before now."""
        sent = self.sent
        await_that(lambda: max(self.received(), default=-1) > sent + 500, "progress", SECONDS)

    def end(self) -> None:
        self._end.set()
        self._writer.join()


def ask(node: Container, *args: str) -> Any:
    """rabbitmqctl."""
    return json.loads(docker("exec", node.name, "rabbitmqctl", "--quiet", "--formatter", "json", *args))


def running_nodes(node: Container) -> set[str]:
    return set(ask(node, "cluster_status")["running_nodes"])


def has_three_replicas(node: Container) -> bool:
    """The queue that the test declares. Before its replicas run, RabbitMQ may nack what it is sent."""
    return any(len(queue["online"] or []) == 3 for queue in ask(node, "list_queues", "name", "online"))


def test_three_nodes_form_a_cluster(cluster: Cluster) -> None:
    expected = {"rabbit@rabbitmq1", "rabbit@rabbitmq2", "rabbit@rabbitmq3"}
    await_that(lambda: all(running_nodes(node) == expected for node in cluster), "cluster of three")


def test_nothing_is_lost_when_a_node_is_stopped_and_another_is_killed(
    send: Program, receive: Program, cluster: Cluster, tmp_path: Path
) -> None:
    first, second, _ = cluster
    path = tmp_path / "received"
    with path.open("wb") as output:
        receiver = receive.start(*QUEUE, "--ack", "written", "--format", "lines", stdout=output)
    await_that(lambda: has_three_replicas(first), "queue of three replicas")
    sender = send.start(*QUEUE, "--lines", "--rate", "1000", stdin=subprocess.PIPE)
    numbers = Numbers(sender, path)
    numbers.await_progress()
    first.stop()  # both are connected to it, since its URL comes first
    numbers.await_progress()
    docker("start", first.name)
    first.await_healthy()
    numbers.await_progress()
    second.signal("KILL")
    numbers.await_progress()
    numbers.end()
    sent = sender.finish(SECONDS)
    assert sent.returncode == 0, sent.stderr
    await_that(lambda: numbers.received() == set(range(numbers.sent)), f"{numbers.sent} numbers", SECONDS)
    receiver.terminate()
    received = receiver.finish(SECONDS)
    assert received.returncode == 0, received.stderr
    assert b"lost the connection" in sent.stderr and b"lost the connection" in received.stderr, sent.stderr
