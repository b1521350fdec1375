"""The progress line on a terminal, the summary, --quiet."""
from __future__ import annotations

import os
import pty
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from program import DEADLINE, Program
from send_support import SUMMARY, Feeder, feed, open_pipe, summary
from witness import take_all

PROGRESS = re.compile(rb"\r\x1b\[Ksend: (\d+) sent, (\d+) confirmed, \d+\.\d MB, \d+ messages/s")
CLEARED = b"\r\x1b[K"


class Terminal:
    """`send` with its standard error on a pseudo-terminal, what it shows there being collected."""

    def __init__(self, send: Program, url: str, args: tuple[str, ...], stdin: int, stdout: int) -> None:
        self.shown = b""
        self._changed = threading.Condition()
        self._master, slave = pty.openpty()
        environment = os.environ | {"AMQP_URL": url, "TERM": "xterm"}
        self._process = subprocess.Popen(
            [*send.command, *args], env=environment, stdin=stdin, stdout=stdout, stderr=slave
        )
        os.close(slave)
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        try:
            while data := os.read(self._master, 65536):
                with self._changed:
                    self.shown += data
                    self._changed.notify_all()
        except OSError:
            pass  # how Linux says that the other side is closed

    def wait_for(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        with self._changed:
            assert self._changed.wait_for(lambda: pattern.search(self.shown), DEADLINE), self.shown[-1000:]
        match = pattern.search(self.shown)
        assert match
        return match

    def finish(self) -> tuple[int, bytes]:
        status = self._process.wait(DEADLINE)
        self._thread.join(DEADLINE)
        return status, self.shown.replace(b"\r\n", b"\n")

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join(DEADLINE)
        os.close(self._master)


@contextmanager
def terminal(
    send: Program, url: str, *args: str, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> Iterator[Terminal]:
    started = Terminal(send, url, args, stdin, stdout)
    try:
        yield started
    finally:
        started.end()


# On a terminal.


def test_progress_is_shown_while_the_stream_runs(send: Program, queue: str, broker_url: str) -> None:
    with open_pipe() as pipe, terminal(send, broker_url, "--lines", "-q", queue, stdin=pipe.reading) as term:
        pipe.write(b"line\n" * 10)
        term.wait_for(re.compile(rb"send: 10 sent, 10 confirmed"))  # with the input still open
        pipe.write(b"line\n" * 5)
        term.wait_for(re.compile(rb"send: 15 sent, 15 confirmed"))
        pipe.close()
        status, shown = term.finish()
    assert status == 0
    assert PROGRESS.match(shown), shown
    last = shown.rpartition(CLEARED)[2]  # the summary stands where the progress was
    assert SUMMARY.fullmatch(last), last


def test_progress_is_not_shown_too_often(send: Program, queue: str, broker_url: str) -> None:
    args = ("--lines", "--rate", "100", "-q", queue)
    with open_pipe() as pipe, terminal(send, broker_url, *args, stdin=pipe.reading) as term:
        pipe.write(b"line\n" * 101)
        pipe.close()
        status, shown = term.finish()
    assert status == 0
    assert 3 <= len(PROGRESS.findall(shown)) <= 12  # in about a second


def test_progress_counts_up(send: Program, queue: str, broker_url: str) -> None:
    args = ("--repeat", "200", "--rate", "200", "-q", queue)
    with terminal(send, broker_url, *args) as term:
        _status, shown = term.finish()
    counts = [int(sent) for sent, _confirmed in PROGRESS.findall(shown)]
    assert counts == sorted(set(counts)) and len(counts) >= 3


def test_the_progress_line_fits_a_terminal(send: Program, queue: str, broker_url: str) -> None:
    args = ("--repeat", "100000", "-q", queue, "--queue-arg", "x-max-length=10")
    with terminal(send, broker_url, *args) as term:
        _status, shown = term.finish()
    assert max(len(match[0]) - len(CLEARED) for match in PROGRESS.finditer(shown)) < 80


def test_a_line_about_a_message_does_not_run_into_the_progress(send: Program, broker_url: str) -> None:
    args = ("--lines", "--exchange", "amq.direct", "--routing-key", "nobody")
    with open_pipe() as pipe, terminal(send, broker_url, *args, stdin=pipe.reading) as term:
        term.wait_for(PROGRESS)
        pipe.write(b"line\n")
        line = rb"send: record 1 returned: 312 NO_ROUTE \(exchange 'amq\.direct', routing key 'nobody'\)"
        term.wait_for(re.compile(re.escape(CLEARED) + line + rb"\r\n"))
        pipe.close()
        assert term.finish()[0] == 4


def test_an_error_does_not_run_into_the_progress(send: Program, queue: str, broker_url: str) -> None:
    with open_pipe() as pipe, terminal(send, broker_url, "--json", "-q", queue, stdin=pipe.reading) as term:
        term.wait_for(PROGRESS)
        pipe.write(b"no JSON\n")
        status, shown = term.finish()
    assert status == 65
    assert CLEARED + b"send: record 1, line 1 of the input: expected a JSON object, found 'n'\n" in shown


@pytest.mark.parametrize("args", [("--lines", "--quiet"), ("a", "b")], ids=" ".join)
def test_no_progress_of_this(send: Program, queue: str, broker_url: str, args: tuple[str, ...]) -> None:
    with terminal(send, broker_url, "--queue", queue, *args) as term:
        assert term.finish()[1] == b""


# Not on a terminal.


def test_no_progress_when_standard_error_is_no_terminal(send: Program, queue: str) -> None:
    result = feed(send, b"x\n" * 101, "--lines", "--rate", "200", "--queue", queue)
    assert SUMMARY.fullmatch(result.stderr), result.stderr


@pytest.mark.parametrize("framing", ["--lines", "--null", "--json"])
def test_a_stream_prints_a_summary_and_nothing_else(send: Program, queue: str, framing: str) -> None:
    record = b'{"payload": "abc"}' if framing == "--json" else b"abc"
    delimiter = b"\0" if framing == "--null" else b"\n"
    begun = time.monotonic()
    result = feed(send, (record + delimiter) * 5, framing, "--queue", queue)
    taken = time.monotonic() - begun
    assert (result.returncode, result.stdout) == (0, b"")
    assert SUMMARY.fullmatch(result.stderr), result.stderr
    numbers = summary(result)
    assert (numbers["messages"], numbers["confirmed"], numbers["bytes"]) == (5, 5, 15)
    assert 0 <= numbers["seconds"] <= taken


def test_the_rate_of_the_summary_is_that_of_the_run(send: Program, queue: str) -> None:
    numbers = summary(feed(send, b"x\n" * 51, "--lines", "--rate", "50", "--queue", queue))
    assert numbers["rate"] == pytest.approx(numbers["messages"] / numbers["seconds"], abs=1)


def test_an_empty_stream_has_a_summary_too(send: Program, queue: str) -> None:
    result = send("--lines", "--queue", queue)
    assert (result.returncode, result.stdout, summary(result)["messages"]) == (0, b"", 0)


def test_an_empty_stream_still_declares_the_queue(send: Program, queue: str, channel: BlockingChannel) -> None:
    assert send("--lines", "--queue", queue).returncode == 0
    assert take_all(channel, queue) == []


@pytest.mark.parametrize("args", [(), ("a", "b"), ("--lines",), ("--repeat", "5"), ("-",)], ids=" ".join)
def test_quiet_says_nothing_at_all(
    send: Program, queue: str, channel: BlockingChannel, args: tuple[str, ...]
) -> None:
    result = feed(send, b"x\n", "--quiet", "--queue", queue, *args)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert len(take_all(channel, queue)) >= 1


def test_quiet_does_not_hide_the_resume_point(send: Program, queue: str) -> None:
    feeder = Feeder(lambda stdin: send.start("--lines", "--quiet", "--queue", queue, stdin=stdin))
    feeder.wait_for(1000)
    feeder.process.interrupt()
    lines = feeder.finish().stderr.splitlines()
    assert len(lines) == 2 and b"interrupted" in lines[0] and b"is number " in lines[1]


def test_each_line_is_there_when_its_message_is_confirmed(send: Program, queue: str) -> None:
    process = send.start("--queue", queue, "--rate", "1", "first", "second", "third")
    process.expect_stdout(b" [x] Sent 'first'\n")
    process.expect_stdout(b" [x] Sent 'first'\n [x] Sent 'second'\n")
    assert process.running
    assert process.finish().stdout.count(b"\n") == 3


@pytest.mark.parametrize("args", ["-", "--lines", "--file -"])
def test_a_closed_standard_input_cannot_be_read(send: Program, queue: str, args: str) -> None:
    send.command = ["/bin/sh", "-c", 'exec "$0" "$@" <&-', *send.command]
    result = send("--queue", queue, *args.split())
    assert (result.returncode, result.stdout) == (66, b"")
    assert result.stderr.startswith(b"send: cannot read standard input: ")
