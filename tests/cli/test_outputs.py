"""Outputs of every kind, and readers that pause or go: nothing blocks the programs, and nothing is lost in silence."""
from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import tty
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from program import DEADLINE, Process, Program
from receive_support import bodies_left_in, declare_with, fill, lines, measured, numbered
from send_support import PrivateBroker, private_broker, resume_point, take

LINES = ("--format", "lines", "--quiet")
MIB = 1 << 20


@dataclass
class Ends:
    """Where a program writes to, and where a test reads that."""

    reading: int
    writing: int

    def read(self, size: int) -> bytes:
        got = b""
        while len(got) < size and (part := os.read(self.reading, size - len(got))):
            got += part
        return got

    def close_writing(self) -> None:
        os.close(self.writing)
        self.writing = -1


def make_pipe() -> Ends:
    return Ends(*os.pipe())


def make_closed_pipe() -> Ends:
    """One that cannot be opened anew, like another user's."""
    ends = make_pipe()
    os.fchmod(ends.writing, 0)
    return ends


def make_socket() -> Ends:
    reader, writer = socket.socketpair()
    return Ends(reader.detach(), writer.detach())


def make_terminal() -> Ends:
    master, slave = os.openpty()
    tty.setraw(slave)
    return Ends(master, slave)


KINDS = {"pipe": make_pipe, "closed pipe": make_closed_pipe, "socket": make_socket, "terminal": make_terminal}
every_kind = pytest.mark.parametrize("kind", KINDS)


@contextmanager
def output(kind: str) -> Iterator[Ends]:
    ends = KINDS[kind]()
    try:
        yield ends
    finally:
        os.close(ends.reading)
        if ends.writing >= 0:
            os.close(ends.writing)


def start(program: Program, ends: Ends, *args: str, url: str | None = None) -> Process:
    """Without the right of root to open everything."""
    if os.geteuid() == 0 and program.command[0] != "setpriv":
        if not shutil.which("setpriv"):
            pytest.skip("root can open every pipe, and there is no setpriv")
        program.command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *program.command]
    process = program.start(*args, url=url, stdout=ends.writing)
    ends.close_writing()
    return process


# receive.


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    with private_broker(tmp_path_factory.mktemp("impatient"), "heartbeat = 2") as broker:
        yield broker


def test_heartbeats_are_kept_while_readers_pause(
    receive: Program, send: Program, impatient: PrivateBroker
) -> None:
    """All kinds at once, since it takes several heartbeat intervals."""
    names = numbered(range(100_000))
    expected = lines(names)
    words = [str(number).rjust(1000, ".") for number in range(1000)]
    printed = "".join(f" [x] Sent '{word}'\n" for word in words).encode()
    with ExitStack() as stack:
        running: list[tuple[Ends, Process, bytes]] = []
        for kind in KINDS:
            fill(send, kind, names, url=impatient.url)
        for kind in KINDS:
            ends = stack.enter_context(output(kind))
            args = ("--queue", kind, *LINES, "--count", "100000", "--prefetch", "60000")
            running.append((ends, start(receive, ends, *args, url=impatient.url), expected))
            ends = stack.enter_context(output(kind))
            running.append((ends, start(send, ends, "--queue", "sent", *words, url=impatient.url), printed))
        firsts = [ends.read(2) for ends, _process, _expected in running]
        running[0][1].expect_silence(8)
        assert all(process.running for _ends, process, _text in running)
        assert impatient.run("ctl", "list_connections", "name").count("->") == len(running)
        for first, (ends, process, text) in zip(firsts, running, strict=True):
            assert first + ends.read(len(text) - 2) == text
            result = process.finish()
            assert (result.returncode, result.stderr) == (0, b"")


@every_kind
def test_timeout_ends_a_receive_whose_reader_pauses(
    receive: Program, queue: str, channel: BlockingChannel, kind: str
) -> None:
    declare_with(channel, queue, b"x" * MIB)
    with output(kind) as ends:
        process = start(receive, ends, "--queue", queue, *LINES, "--ack", "written", "--timeout", "1")
        assert ends.read(1) == b"x"
        result = process.finish(timeout=6)
        assert result.returncode == 74 and b"reader had stopped" in result.stderr
    assert bodies_left_in(channel, queue) == [b"x" * MIB]


@every_kind
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_receive_whose_reader_pauses(
    receive: Program, queue: str, channel: BlockingChannel, kind: str, number: signal.Signals
) -> None:
    declare_with(channel, queue, b"x" * MIB)
    with output(kind) as ends:
        process = start(receive, ends, "--queue", queue, *LINES, "--ack", "written")
        assert ends.read(1) == b"x"
        process.popen.send_signal(number)
        result = process.finish(timeout=6)
        assert result.returncode == 74 and b"reader had stopped" in result.stderr
    assert bodies_left_in(channel, queue) == [b"x" * MIB]


@every_kind
def test_a_reader_that_goes_on_after_a_signal_gets_everything(
    receive: Program, queue: str, channel: BlockingChannel, kind: str
) -> None:
    declare_with(channel, queue, b"x" * MIB)
    with output(kind) as ends:
        process = start(receive, ends, "--queue", queue, *LINES, "--ack", "written")
        assert ends.read(1) == b"x"
        process.interrupt()
        assert ends.read(MIB) == b"x" * (MIB - 1) + b"\n"
        assert process.finish().returncode == 0
    assert bodies_left_in(channel, queue) == []


@every_kind
def test_the_reader_of_receive_goes(receive: Program, queue: str, channel: BlockingChannel, kind: str) -> None:
    declare_with(channel, queue, b"x" * MIB)
    with output(kind) as ends:
        process = start(receive, ends, "--queue", queue, *LINES, "--ack", "written")
        assert ends.read(1) == b"x"
    result = process.finish(timeout=6)
    assert (result.status, result.stderr) == ((74, b"receive: cannot write to standard output: Input/output error\n")
                                              if kind == "terminal" else (141, b""))  # fmt: skip
    assert bodies_left_in(channel, queue) == [b"x" * MIB]


@every_kind
def test_an_output_that_others_share_stays_as_it_is(receive: Program, queue: str, channel: BlockingChannel, kind: str) -> None:
    declare_with(channel, queue, b"x")
    with output(kind) as ends:
        others = os.dup(ends.writing)
        process = start(receive, ends, "--queue", queue, *LINES, "--count", "1")
        assert ends.read(2) == b"x\n"
        assert not fcntl.fcntl(others, fcntl.F_GETFL) & os.O_NONBLOCK
        assert process.finish().returncode == 0
        os.close(others)


# send.


@every_kind
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_send_whose_reader_pauses(
    send: Program, queue: str, channel: BlockingChannel, kind: str, number: signal.Signals
) -> None:
    words = [str(count).rjust(1000, ".") for count in range(1000)]
    with output(kind) as ends:
        process = start(send, ends, "--queue", queue, *words)
        assert ends.read(2) == b" ["
        process.expect_silence(0.5)
        process.popen.send_signal(number)
        result = process.finish(timeout=8)
        assert result.status == 128 + number
    sent = take(channel, queue)
    assert sent and sent == [word.encode() for word in words[: len(sent)]]
    assert resume_point(result) <= len(sent) + 1


# Standard error.


def test_a_reader_of_standard_error_that_pauses_holds_up_nothing(
    receive: Program, queue: str, channel: BlockingChannel, tmp_path: Path
) -> None:
    """COMMAND fails for each of many messages, and each is a line."""
    declare_with(channel, queue, *numbered(range(500)))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    receive.command = ["/bin/sh", "-c", f'exec "$@" 2>{fifo}', "sh", *receive.command]
    args = ("--queue", queue, "--drain", "--on-failure", "reject", "--", "/bin/false")
    assert measured(lambda: receive(*args)) < DEADLINE
    assert bodies_left_in(channel, queue) == []
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("name", ["/dev/full", "closed"])
def test_a_standard_error_that_cannot_be_written_changes_nothing(
    receive: Program, queue: str, channel: BlockingChannel, name: str
) -> None:
    declare_with(channel, queue, b"x")
    redirection = "2>&-" if name == "closed" else f"2>{name}"
    receive.command = ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *receive.command]
    result = receive("--queue", queue, "--format", "lines", "--count", "1")
    assert (result.returncode, result.stdout) == (0, b"x\n")


# Devices.


@pytest.mark.parametrize(("name", "code"), [("/dev/null", 0), ("/dev/zero", 0), ("/dev/full", 74)])
def test_a_device(receive: Program, queue: str, channel: BlockingChannel, name: str, code: int) -> None:
    declare_with(channel, queue, b"x" * 300_000)
    with open(name, "wb") as device:
        process = receive.start("--queue", queue, *LINES, "--count", "1", stdout=device)
    result = process.finish()
    assert result.returncode == code
    assert (b"No space left on device" in result.stderr) == (code == 74)
    assert len(bodies_left_in(channel, queue)) == (0 if code == 0 else 1)
