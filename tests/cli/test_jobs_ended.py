"""`receive --jobs N -- COMMAND` is ended by a signal or loses its broker while eight COMMANDs run."""
from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from job_support import Gates, gates, start
from program import Process, Program
from proxy import Proxy
from receive_support import await_no_consumer, bodies_left_in, declare_with, left_in, numbered, witness
from send_support import PrivateBroker, await_messages, private_broker
from test_receive_command import await_handled
from waiting import PATIENCE


# Signals while eight run.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("options", [(), ("--count", "100"), ("--timeout", "100")], ids=" ".join)
def test_a_signal_waits_for_all_and_starts_no_more(
    receive: Program, queue: str, channel: BlockingChannel, gates: Gates, number: signal.Signals, options: tuple[str, ...]
) -> None:
    declare_with(channel, queue, *numbered(range(20)))
    gates.shut(8)
    process = start(receive, queue, gates, "--jobs", "8", *options)
    process.expect_lines(8)
    process.popen.send_signal(number)
    await_handled(process, number)
    for each in (7, 0, 3, 1, 2, 6, 5, 4):
        gates.open(each)
    result = process.finish()
    assert result.status == (128 + number if options else 0)
    assert sorted(result.stdout.split()) == numbered(range(8))
    assert left_in(channel, queue) == [(body, False) for body in numbered(range(8, 20))]


def test_a_second_signal_ends_at_once(receive: Program, queue: str, channel: BlockingChannel, gates: Gates) -> None:
    declare_with(channel, queue, *numbered(range(10)))
    gates.shut(8)
    process = start(receive, queue, gates, "--jobs", "8")
    process.expect_lines(8)
    process.terminate()
    await_handled(process, signal.SIGTERM)
    process.terminate()
    process.popen.wait(5)
    assert process.popen.returncode == -signal.SIGTERM
    await_messages(channel, queue, 10)  # it had cancelled its consumer, and the broker finds out that it is gone
    assert bodies_left_in(channel, queue) == numbered(range(10))


FAILURES = [("--on-failure", how) for how in ("stop", "requeue", "reject")] + [("--attempts", "1")]


@pytest.mark.parametrize("options", FAILURES, ids=" ".join)
@pytest.mark.parametrize("jobs", [1, 8])
def test_those_that_die_of_the_same_ctrl_c_fail_no_message(
    receive: Program, queue: str, channel: BlockingChannel, jobs: int, options: tuple[str, str]
) -> None:
    """A terminal sends it to all of its foreground."""
    declare_with(channel, queue, *numbered(range(10)))
    receive.command = ["/usr/bin/setsid", *receive.command]
    command = ("--", "/bin/sh", "-c", "echo; exec sleep 60")
    process = receive.start("-q", queue, "--jobs", str(jobs), *options, *command)
    process.expect_lines(jobs)
    os.killpg(process.pid, signal.SIGINT)
    result = process.finish()
    assert b"rejected" not in result.stderr
    assert (result.returncode, bodies_left_in(channel, queue)) == (0, numbered(range(10)))


def test_ctrl_c_does_not_reach_those_with_a_timeout(
    receive: Program, queue: str, channel: BlockingChannel, gates: Gates
) -> None:
    declare_with(channel, queue, *numbered(range(10)))
    gates.shut(8)
    receive.command = ["/usr/bin/setsid", *receive.command]
    process = start(receive, queue, gates, "--jobs", "8", "--command-timeout", "60")
    process.expect_lines(8)
    os.killpg(process.pid, signal.SIGINT)
    await_handled(process, signal.SIGINT)
    for number in range(8):
        gates.open(number)
    assert process.finish().returncode == 0
    assert bodies_left_in(channel, queue) == [b"8", b"9"]


# The broker is lost while eight run.


@pytest.fixture(scope="module")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    with private_broker(tmp_path_factory.mktemp("lossy")) as broker:
        yield broker


class Loss:
    """Eight COMMANDs that wait, with most of their bodies still to come, on a connection that goes through a proxy."""

    def __init__(self, broker: PrivateBroker, folder: Path, queue: str) -> None:
        self.broker = broker
        self.folder = folder
        self.queue = queue
        self.bodies = {str(number): os.urandom(300_000) for number in range(12)}
        self.proxy = Proxy(pika.URLParameters(broker.url).port)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.proxy.port}/%2f?heartbeat=1"
        os.mkfifo(folder / "gate")
        self._gate = os.open(folder / "gate", os.O_RDWR)
        with witness(broker.url) as channel:
            channel.queue_declare(queue, durable=True)
            channel.confirm_delivery()
            for name, body in self.bodies.items():
                properties = pika.BasicProperties(message_id=name, delivery_mode=2)
                channel.basic_publish("", queue, body, properties)
        broker.write_declarations()

    def start(self, receive: Program, *args: str) -> Process:
        text = (
            f'cd {self.folder}; echo $AMQP_MESSAGE_ID; test ! -p gate || cat gate; cat > part.$$; '
            "mv part.$$ $AMQP_MESSAGE_ID.$$"
        )
        options = ("-q", self.queue, "--durable", "--jobs", "8", *args)
        process = receive.start(*options, "--", "/bin/sh", "-c", text, url=self.url)
        process.expect_lines(8)
        return process

    def open(self) -> None:
        (self.folder / "gate").unlink(missing_ok=True)
        if self._gate >= 0:
            os.close(self._gate)
            self._gate = -1

    def close(self) -> None:
        self.open()
        self.proxy.close()

    def written(self) -> Counter[str]:
        """By COMMANDs that have ended well, each of them whole."""
        files = list(self.folder.glob("[0-9]*.*"))
        assert all(file.read_bytes() == self.bodies[file.stem] for file in files)
        return Counter(file.stem for file in files)

    def left(self) -> list[str]:
        with witness(self.broker.url) as channel:
            await_no_consumer(channel, self.queue)
            found = []
            while (message := channel.basic_get(self.queue, auto_ack=True))[0] is not None:
                found.append(message[1].message_id)
            return found


@pytest.fixture
def loss(lossy: PrivateBroker, queue: str, tmp_path: Path) -> Iterator[Loss]:
    made = Loss(lossy, tmp_path, queue)
    yield made
    made.close()


def kill(loss: Loss) -> None:
    loss.broker.run("node", "kill")
    loss.broker.run("node", "start")


def close_connections(loss: Loss) -> None:
    loss.broker.run("ctl", "close_all_connections", "closed by the test")


def cut(loss: Loss) -> None:
    assert loss.proxy.cut_after(0).wait(PATIENCE)


losses = pytest.mark.parametrize("lose", [kill, close_connections, cut])


@losses
def test_without_the_broker_all_that_run_are_finished(receive: Program, loss: Loss, lose: Callable[[Loss], None]) -> None:
    process = loss.start(receive)
    lose(loss)
    assert process.running
    loss.open()
    assert process.finish(30).returncode == 69
    assert process.stderr.count(b"receive: ") == 1, process.stderr
    assert loss.written() == Counter(list(loss.bodies)[:8])
    assert loss.left() == list(loss.bodies)


@losses
def test_all_are_done_when_the_broker_is_back(receive: Program, loss: Loss, lose: Callable[[Loss], None]) -> None:
    process = loss.start(receive, "--retry-for", "60", "--count", "12")
    lose(loss)
    process.wait_for(lambda: b" again; " in process.stderr, "word of the new connection", PATIENCE)
    loss.open()
    assert process.finish(60).returncode == 0
    assert process.stderr.count(b" again; messages whose acks did not arrive come again\n") == 1
    assert loss.written() == Counter(list(loss.bodies)[:8] + list(loss.bodies))
    assert loss.left() == []


def test_the_loss_is_said_before_those_that_run_have_ended(receive: Program, loss: Loss) -> None:
    process = loss.start(receive)
    cut(loss)
    process.wait_for(lambda: b"lost the connection" in process.stderr, "word of the loss", 5)


def test_late_ones_are_ended_together_without_the_broker(receive: Program, loss: Loss) -> None:
    """Each ignores SIGTERM: five seconds later all are killed, not one after the other."""
    text = "trap '' TERM; echo; exec sleep 60 >&- 2>&-"
    options = ("-q", loss.queue, "--durable", "--jobs", "4", "--command-timeout", "2")
    process = receive.start(*options, "--", "/bin/sh", "-c", text, url=loss.url)
    process.expect_lines(4)
    cut(loss)
    assert process.finish(12).returncode == 69
