"""A cluster of three nodes: scripts/broker's own promises, and that nothing confirmed is lost with a leader."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pika
import pytest

from job_support import Gates, gates, start
from program import Program, Result
from receive_support import await_ready, left_in, publish_confirmed, taken_until, witness
from send_support import Feeder, PrivateBroker, private_broker, summary
from waiting import PATIENCE, await_that

MANY = 100_000
QUORUM = ("--queue-type", "quorum")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    with private_broker(tmp_path_factory.mktemp("cluster"), nodes=3) as broker:
        yield broker


@pytest.fixture
def queue() -> str:
    """The name of a queue nobody else uses; it goes with its broker."""
    return f"hello-rabbit-{uuid.uuid4()}"


@contextmanager
def killed(*nodes: PrivateBroker) -> Iterator[None]:
    """Without those, the hard way; they run again in the end."""
    for node in nodes:
        node.run("node", "kill")
    try:
        yield
    finally:
        for node in nodes:
            node.run("node", "start")


@contextmanager
def frozen(*nodes: PrivateBroker) -> Iterator[None]:
    """They do nothing meanwhile, and the others do not notice."""
    for node in nodes:
        os.kill(int((node.folder / "pid").read_text()), signal.SIGSTOP)
    try:
        yield
    finally:
        for node in nodes:
            os.kill(int((node.folder / "pid").read_text()), signal.SIGCONT)


def name(node: PrivateBroker) -> str:
    """What Erlang calls it."""
    return f"rabbit-{pika.URLParameters(node.url).port}@127.0.0.1"


def names(nodes: list[PrivateBroker]) -> set[str]:
    return {name(node) for node in nodes}


def running(seen_by: PrivateBroker) -> set[str]:
    return set(json.loads(seen_by.run("ctl", "cluster_status", "--formatter", "json"))["running_nodes"])


def replicas(seen_by: PrivateBroker, queue: str, column: str) -> set[str]:
    """The nodes with one of the queue's replicas: its `members`, those `online` or the `leader`."""
    rows = json.loads(seen_by.run("ctl", "list_queues", "--formatter", "json", "name", column))
    (nodes,) = (row[column] for row in rows if row["name"] == queue)
    return {nodes} if isinstance(nodes, str) else set(nodes)


def declare_quorum(node: PrivateBroker, queue: str) -> None:
    """With its leader on that node."""
    with witness(node.url) as channel:
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    assert replicas(node, queue, "leader") == {name(node)}


# scripts/broker --nodes.


def test_its_url_is_those_of_the_nodes(cluster: PrivateBroker) -> None:
    assert cluster.url == ",".join(node.url for node in cluster.nodes)
    assert cluster.url == (cluster.folder / "url").read_text().strip()
    assert len(names(cluster.nodes)) == 3


def test_three_nodes_run(cluster: PrivateBroker) -> None:
    for node in cluster.nodes:
        assert running(node) == names(cluster.nodes)


def test_a_quorum_queue_has_three_members(cluster: PrivateBroker, queue: str) -> None:
    declare_quorum(cluster.nodes[1], queue)
    assert replicas(cluster.nodes[0], queue, "members") == names(cluster.nodes)
    assert replicas(cluster.nodes[0], queue, "online") == names(cluster.nodes)


def test_a_killed_node_comes_back(cluster: PrivateBroker, queue: str) -> None:
    first, second, third = cluster.nodes
    declare_quorum(first, queue)
    with killed(first):
        await_that(lambda: running(second) == names([second, third]), "the others notice")
        publish_confirmed(second.url, queue, b"0")
    for node in cluster.nodes:
        assert running(node) == names(cluster.nodes)
    await_that(lambda: replicas(second, queue, "online") == names(cluster.nodes), "all replicas run")
    publish_confirmed(first.url, queue, b"last")
    assert taken_until(first.url, queue, b"last") == [b"0"]


def test_two_killed_nodes_come_back(cluster: PrivateBroker, queue: str) -> None:
    first, second, third = cluster.nodes
    declare_quorum(third, queue)
    publish_confirmed(third.url, queue, b"0")
    with killed(first, second):
        await_that(lambda: running(third) == names([third]), "the other notices")
    for node in cluster.nodes:
        assert running(node) == names(cluster.nodes)
    await_that(lambda: replicas(third, queue, "online") == names(cluster.nodes), "all replicas run")
    publish_confirmed(second.url, queue, b"last")
    assert taken_until(second.url, queue, b"last") == [b"0"]


# The leader of a quorum queue is killed in the middle.


@pytest.fixture(params=["the program's own node", "another node"])
def leader_and_url(request: pytest.FixtureRequest, cluster: PrivateBroker) -> tuple[PrivateBroker, str]:
    """Where the leader is to be, and the URLs: the connection goes with the leader, or outlives it."""
    leader, *others = cluster.nodes
    order = [leader, *others] if request.param == "the program's own node" else [*others, leader]
    return leader, ",".join(node.url for node in order)


def may_be_twice(result: Result) -> int:
    """How many messages it has said so of."""
    return sum(int(count) for count in re.findall(rb"(\d+) messages [^\n]*twice", result.stderr))


def test_nothing_confirmed_is_lost_with_the_leader(
    send: Program, cluster: PrivateBroker, queue: str, leader_and_url: tuple[PrivateBroker, str]
) -> None:
    leader, url = leader_and_url
    declare_quorum(leader, queue)
    args = ("--lines", "--queue", queue, *QUORUM, "--persistent", "--retry-for", "30", "--url", url)
    feeder = Feeder(lambda stdin: send.start(*args, stdin=stdin, url=url), count=MANY)
    feeder.wait_for(MANY // 2, PATIENCE)  # more than the window: some are confirmed
    with killed(leader):
        assert feeder.written < MANY
        result = feeder.finish(PATIENCE)
        assert b" again; " in result.stderr or not url.startswith(leader.url), result.stderr
        publish_confirmed(cluster.nodes[1].url, queue, b"last")
        arrived = taken_until(cluster.nodes[1].url, queue, b"last")
    once = list(dict.fromkeys(arrived))
    assert len(arrived) - len(once) <= may_be_twice(result)
    confirmed = int(summary(result)["confirmed"])
    assert (result.returncode, result.stdout, confirmed) == (0, b"", MANY), result.stderr
    assert once == [feeder.line(number) for number in range(1, MANY + 1)]


def test_nothing_is_lost_with_the_leader_while_it_is_printed(
    send: Program,
    receive: Program,
    cluster: PrivateBroker,
    queue: str,
    leader_and_url: tuple[PrivateBroker, str],
    tmp_path: Path,
) -> None:
    leader, url = leader_and_url
    declare_quorum(leader, queue)
    feeder = Feeder(lambda stdin: send.start("--lines", "--queue", queue, *QUORUM, stdin=stdin, url=url), count=MANY)
    assert feeder.finish(PATIENCE).returncode == 0
    lines = {feeder.line(number) + b"\n" for number in range(1, MANY + 1)}
    output = tmp_path / "output"

    def printed() -> list[bytes]:
        return output.read_bytes().splitlines(keepends=True)

    args = ("--queue", queue, *QUORUM, "--format", "lines", "--ack", "written", "--retry-for", "60", "--url", url)
    with output.open("wb") as file:
        process = receive.start(*args, stdout=file, url=url)
    await_ready(process)
    await_that(lambda: output.stat().st_size > sum(map(len, lines)) // 10, "a tenth is printed")
    with killed(leader):
        assert len(printed()) < MANY
        await_that(lambda: lines <= set(printed()), "all is printed")
        process.interrupt()
        result = process.finish(PATIENCE)
        assert result.returncode == 0, result.stderr
        assert b" again" in result.stderr or not url.startswith(leader.url), result.stderr
        publish_confirmed(cluster.nodes[1].url, queue, b"last")
        assert taken_until(cluster.nodes[1].url, queue, b"last") == []
    assert set(printed()) == lines  # some perhaps twice: acks on their way to the leader went with it


# The leader alone cannot do what it is told, and yet answers.


def test_drain_waits_for_what_is_on_its_way_back(
    receive: Program, cluster: PrivateBroker, queue: str, gates: Gates
) -> None:
    leader, *others = cluster.nodes
    declare_quorum(leader, queue)
    publish_confirmed(leader.url, queue, b"0")
    gates.shut(1)
    process = start(receive, queue, gates, "--no-declare", "--on-failure", "requeue", "--drain", url=leader.url)
    process.expect_lines(1)
    with frozen(*others):
        gates.open(0, status=1)
        with pytest.raises(subprocess.TimeoutExpired):
            process.popen.wait(1)
    result = process.finish()
    assert (result.returncode, result.stdout) == (1, b"0\n0\n"), result.stderr
    with witness(leader.url) as channel:
        assert left_in(channel, queue) == []
