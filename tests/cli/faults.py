"""Faults of a broker and of the way to it, while `send` and `receive` are at work, and what became of the messages."""
from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import pika

from program import Process, Program
from proxy import Proxy
from receive_support import await_ready, publish_confirmed, taken_until, witness
from send_support import Pipe, PrivateBroker
from waiting import PATIENCE, await_that

RETRY = ("--retry-for", "60", "--connect-timeout", "1", "--heartbeat", "1")


@dataclass
class Counts:
    faults: int = 0
    sent: int = 0
    confirmed: int = 0
    received: int = 0  # printed by `receive`, or left in the queue
    lost: int = 0
    twice: int = 0

    @property
    def good(self) -> bool:
        return self.lost == 0 and self.confirmed == self.sent

    def add(self, other: Counts) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def __str__(self) -> str:
        return ", ".join(f"{field.name} {getattr(self, field.name)}" for field in fields(self))


class Site:
    """A broker, a proxy in front of it unless it is a cluster, and the two programs."""

    def __init__(self, broker: PrivateBroker, send: Program, receive: Program, folder: Path) -> None:
        self.broker = broker
        self.send = send
        self.receive = receive
        self.folder = folder
        if broker.nodes:
            self.faults: list[Fault] = [kill_a_node, stop_a_node]
            self.declaring = ("--queue-type", "quorum")
            self.url = broker.url
        else:
            self.faults = [kill, stop, freeze, close_connections, cut, stall, memory_alarm]
            self.declaring = ("--durable",)
            self.proxy = Proxy(pika.URLParameters(broker.url).port)
            self.url = f"amqp://guest:guest@127.0.0.1:{self.proxy.port}/%2f"

    @property
    def node(self) -> PrivateBroker:
        return self.broker.nodes[0] if self.broker.nodes else self.broker

    def close(self) -> None:
        if not self.broker.nodes:
            self.proxy.close()


Fault = Callable[[Site, random.Random, Process], None]


def pause(seconds: float) -> None:
    """For a fault to last that long."""
    threading.Event().wait(seconds)


# Each breaks something, mends it, and returns when that is done.


def kill(site: Site, _random: random.Random, _sender: Process) -> None:
    site.broker.run("node", "kill")
    site.broker.run("node", "start")


def stop(site: Site, _random: random.Random, _sender: Process) -> None:
    site.broker.run("node", "stop")
    site.broker.run("node", "start")


def freeze(site: Site, random_: random.Random, _sender: Process) -> None:
    """Only heartbeats find out."""
    pid = int((site.broker.folder / "pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    pause(random_.uniform(3.5, 6))
    os.kill(pid, signal.SIGCONT)


def close_connections(site: Site, _random: random.Random, _sender: Process) -> None:
    site.broker.run("ctl", "close_all_connections", "closed by the test")


def cut(site: Site, random_: random.Random, _sender: Process) -> None:
    assert site.proxy.cut_after(random_.randrange(200_000)).wait(PATIENCE)


def stall(site: Site, random_: random.Random, _sender: Process) -> None:
    site.proxy.stall()
    pause(random_.uniform(0, 3))


def memory_alarm(site: Site, random_: random.Random, sender: Process) -> None:
    site.broker.run("ctl", "set_vm_memory_high_watermark", "0.000001")
    sender.wait_for(lambda: b"takes no messages for now: low on memory" in sender.stderr, "word of the alarm")
    pause(random_.uniform(0, 2))
    site.broker.run("ctl", "set_vm_memory_high_watermark", "0.4")
    sender.wait_for(lambda: b"takes messages again" in sender.stderr, "word of the alarm's end")


def break_a_node(site: Site, random_: random.Random, how: str) -> None:
    """One that the programs are connected to, or the queue's leader, or both, or neither."""
    node = random_.choice(site.broker.nodes)
    node.run("node", how)
    pause(random_.uniform(0, 2))
    node.run("node", "start")


def kill_a_node(site: Site, random_: random.Random, _sender: Process) -> None:
    break_a_node(site, random_, "kill")


def stop_a_node(site: Site, random_: random.Random, _sender: Process) -> None:
    break_a_node(site, random_, "stop")


def printed(path: Path) -> list[bytes]:
    """What was printed in whole lines; the rest is the half of one whose program was killed."""
    return path.read_bytes().split(b"\n")[:-1]


def await_printed(process: Process, path: Path, wanted: set[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not wanted <= set(printed(path)):
        assert process.running, process.finish()
        assert time.monotonic() < deadline, f"{len(wanted - set(printed(path)))} messages are missing: {process.stderr!r}"
        pause(0.1)


class Numbers:
    """0, 1, 2..., a line each and some thousand a second, on a pipe until they are to end."""

    def __init__(self) -> None:
        self.pipe = Pipe()
        self._ended = threading.Event()
        self._count = 0
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # an early end is for the test to see
            while not self._ended.wait(0.01):
                self.pipe.write(b"".join(b"%d\n" % number for number in range(self._count, self._count + 100)))
                self._count += 100
        self.pipe.close()

    def end(self) -> int:
        """How many there were."""
        self._ended.set()
        self._thread.join()
        return self._count


def run_round(site: Site, fault: Fault, random_: random.Random) -> Counts:
    """Sends numbered messages through a durable queue, with one fault in between."""
    queue = f"hello-rabbit-{uuid.uuid4()}"
    output = site.folder / "output"
    to_queue = ("--queue", queue, *site.declaring, *RETRY)
    with open(output, "wb") as opened:
        receiver = site.receive.start(
            *to_queue, "--format", "lines", "--ack", "written", url=site.url, stdout=opened
        )
    await_ready(receiver)
    if fault is kill:
        site.broker.write_declarations()
    source = Numbers()
    sender = site.send.start(*to_queue, "--persistent", "--lines", url=site.url, stdin=source.pipe.reading)
    source.pipe.close_reading()
    try:
        await_that(lambda: output.stat().st_size > 0, "a message is printed")
        pause(random_.uniform(0, 2))
        fault(site, random_, sender)
        pause(random_.uniform(0, 0.5))
    finally:
        count = source.end()
    result = sender.finish(PATIENCE)
    assert result.returncode == 0, result
    confirmed = re.search(rb"(\d+) messages, (\d+) confirmed", result.stderr)
    assert confirmed and int(confirmed[1]) == count, result.stderr
    assert fault in (memory_alarm, kill_a_node, stop_a_node) or b" again; " in result.stderr, f"{fault.__name__} went unnoticed"

    numbers = {b"%d" % number for number in range(count)}
    how_it_ends = random_.choice(["whole", "interrupted", "killed"])
    if how_it_ends == "whole":
        await_printed(receiver, output, numbers)
    if how_it_ends == "killed":
        receiver.kill()
    else:
        receiver.interrupt()
        assert (ended := receiver.finish(PATIENCE)).returncode == 0, ended

    publish_confirmed(site.node.url, queue, b"last")
    left = taken_until(site.node.url, queue, b"last")
    with witness(site.node.url) as channel:
        channel.queue_delete(queue)
    received = Counter(printed(output) + left)
    return Counts(
        faults=1,
        sent=count,
        confirmed=int(confirmed[2]),
        received=received.total(),
        lost=len(numbers - received.keys()),
        twice=sum(times - 1 for times in received.values()),
    )
