"""The connection is lost under `receive`: nobody gets half a message, and what was printed is counted right."""
from __future__ import annotations

import os
import re
import select
import time
from pathlib import Path

import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, hang_up
from faults import pause
from program import Program
from proxy import Proxy
from receive_support import await_consumer, bodies_left_in, declare_with, proxy, through
from waiting import PATIENCE, await_that
from witness import publish

ACKED = ("--format", "lines", "--ack", "written")


@pytest.mark.parametrize("retry", [(), ("--retry-for", "30")], ids=["given up", "retried"])
def test_a_command_gets_the_whole_body(
    receive: Program, queue: str, channel: BlockingChannel, proxy: Proxy, tmp_path: Path, retry: tuple[str, ...]
) -> None:
    body = os.urandom(3_000_000)
    declare_with(channel, queue, body)
    output, begun = tmp_path / "output", tmp_path / "begun"
    script = f"touch {begun}; sleep 1; cat >> {output}"
    process = receive.start("-q", queue, "-n", "1", *retry, "--", "/bin/sh", "-c", script, url=through(proxy))
    await_that(begun.exists, "the command has begun")
    proxy.cut_after(0)
    assert process.finish(60).returncode == (0 if retry else 69)
    assert output.read_bytes() == body * (2 if retry else 1)
    assert bodies_left_in(channel, queue) == ([] if retry else [body])


@pytest.mark.parametrize("ack", ["auto", "written"])
def test_a_slow_reader_gets_whole_lines(
    receive: Program, queue: str, channel: BlockingChannel, proxy: Proxy, ack: str
) -> None:
    first = [b"%06d" % number + b"x" * 994 for number in range(200)]
    declare_with(channel, queue, *first)
    reading, writing = os.pipe()
    args = ("-q", queue, "--format", "lines", "--ack", ack, "--retry-for", "30")
    process = receive.start(*args, url=through(proxy), stdout=writing)
    os.close(writing)
    got = os.read(reading, 1)  # the pipe is full from here on
    await_consumer(channel, queue)
    proxy.stall()
    pause(3)  # heartbeats are missed meanwhile
    published = False
    deadline = time.monotonic() + PATIENCE
    while b"last\n" not in got:
        assert time.monotonic() < deadline and process.running, process.stderr
        if select.select([reading], [], [], 0.1)[0]:
            got += os.read(reading, 1 << 16)
        if not published and b" again" in process.stderr:
            publish(channel, queue, b"last")
            published = True
    process.interrupt()
    os.close(reading)
    assert process.finish(30).status in (0, 141)
    lines = got.split(b"\n")[:-1]
    assert set(lines) <= {*first, b"last"}  # none torn, none merged
    if ack == "written":
        assert set(lines) | set(bodies_left_in(channel, queue)) >= {*first, b"last"}


def test_a_full_standard_error_changes_nothing(receive: Program, send: Program, queue: str) -> None:
    for program, args in ((send, ["--url", "amqp://127.0.0.1:1/"]), (receive, ["--url", "amqp://127.0.0.1:1/"])):
        program.command = ["/bin/sh", "-c", 'exec "$0" "$@" 2>/dev/full', *program.command]
        assert program(*args).returncode == 69
    assert send("--queue", queue, "--repeat", "3", "x").returncode == 0
    result = receive("--queue", queue, "--count", "3", *ACKED)
    assert (result.returncode, result.stdout) == (0, b"x\nx\nx\n")


@pytest.mark.parametrize("what", ["requeue", "reject"])
def test_a_stream_takes_nothing_back(receive: Program, send: Program, queue: str, tmp_path: Path, what: str) -> None:
    assert send("--queue", queue, "--queue-type", "stream", "x").returncode == 0
    ran = tmp_path / "ran"
    command = ("--on-failure", what, "--", "/usr/bin/touch", str(ran))
    declared = receive("--queue", queue, "--queue-type", "stream", "--offset", "first", *command)
    assert declared.returncode == 64 and b"stream" in declared.stderr
    assert not ran.exists()


def test_a_retry_that_always_ends_at_the_channel_is_given_up(receive: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Channel.Open, hang_up)
    result = receive.start("--retry-for", "2", url=fake_broker.url).finish(12)
    assert result.returncode == 69
    assert re.search(rb"trying again for 2 s", result.stderr)
