"""What the tests of `send` share: pipes to its standard input, and its words on standard error."""
from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pika.adapters.blocking_connection import BlockingChannel

from conftest import REPOSITORY, no_broker, read_url
from program import DEADLINE, Argument, Process, Program, Result
from waiting import await_that

SUMMARY = re.compile(
    rb"send: (?P<messages>\d+) messages, (?P<confirmed>\d+|none) confirmed, (?P<bytes>\d+) bytes, "
    rb"(?P<seconds>\d+\.\d{3}) s, (?P<rate>\d+) messages/s\n"
)
RESUME = re.compile(
    rb"send: ended early; the first record not known to be confirmed is number (\d+)"
    rb"(, not counting those named above)?( \(\d+ of its \d+ copies are sent; --repeat \d+ sends the rest\))?"
)


class Pipe:
    """A pipe for a program's standard input."""

    def __init__(self) -> None:
        self.reading, self._writing = os.pipe()

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._writing, view) :]

    def await_read(self) -> None:
        """Waits until all that was written has been read."""

        def unread() -> int:
            count: int = struct.unpack("i", fcntl.ioctl(self._writing, termios.FIONREAD, b"\0" * 4))[0]
            return count

        await_that(lambda: unread() == 0, "the pipe is read", DEADLINE)

    def close_reading(self) -> None:
        os.close(self.reading)
        self.reading = -1

    def close(self) -> None:
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1


@contextmanager
def open_pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    try:
        yield pipe
    finally:
        pipe.close()
        if pipe.reading >= 0:
            pipe.close_reading()


class Feeder:
    """Writes numbered lines, `count` or without end, into a program's standard input, from a thread, until it has
    gone."""

    def __init__(self, start: Callable[[int], Process], width: int = 100, count: float = float("inf")) -> None:
        self.written = 0
        self._count = count
        self._width = width
        self._pipe = Pipe()
        self._changed = threading.Condition()
        self.process = start(self._pipe.reading)
        self._pipe.close_reading()
        self._thread = threading.Thread(target=self._feed)
        self._thread.start()

    def line(self, number: int) -> bytes:
        return str(number).encode().rjust(self._width - 1, b".")

    def _feed(self) -> None:
        try:
            while self.written < self._count:
                first = self.written + 1
                self._pipe.write(b"".join(self.line(number) + b"\n" for number in range(first, first + 50)))
                with self._changed:
                    self.written += 50
                    self._changed.notify_all()
        except BrokenPipeError:
            pass  # an early end is for the test to see
        self._pipe.close()

    def wait_for(self, written: int, timeout: float = DEADLINE) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.written >= written, timeout)

    def finish(self, timeout: float = DEADLINE) -> Result:
        result = self.process.finish(timeout)
        self._thread.join()
        return result


def feed(
    send: Program, data: bytes, *args: Argument, url: str | None = None, timeout: float = DEADLINE
) -> Result:
    """A whole run with `data` on a pipe as standard input."""
    with open_pipe() as pipe:
        process = send.start(*args, url=url, stdin=pipe.reading)
        pipe.close_reading()

        def write() -> None:
            try:
                pipe.write(data)
            except BrokenPipeError:
                pass  # an early end is for the test to see
            pipe.close()

        thread = threading.Thread(target=write)
        thread.start()
        try:
            return process.finish(timeout)
        finally:
            process.kill()
            thread.join()


def take(channel: BlockingChannel, queue: str) -> list[bytes]:
    """What is in a queue, in order; faster than basic.get for many."""
    count = channel.queue_declare(queue, passive=True).method.message_count
    bodies: list[bytes] = []
    while len(bodies) < count:
        for _method, _properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=DEADLINE):
            assert body is not None, f"{len(bodies)} of {count} messages came"
            bodies.append(body)
            if len(bodies) == count:
                break
    channel.cancel()
    return bodies


def message_count(channel: BlockingChannel, queue: str) -> int:
    count: int = channel.queue_declare(queue, passive=True).method.message_count
    return count


def await_messages(channel: BlockingChannel, queue: str, count: int = 1) -> None:
    """Waits until so many messages are in a queue that exists."""
    await_that(lambda: message_count(channel, queue) >= count, f"{count} messages in {queue}", DEADLINE)


def summary(result: Result) -> dict[str, float]:
    """The numbers of the summary line."""
    match = SUMMARY.search(result.stderr)
    assert match, result.stderr[-2000:]
    return {name: float(value) for name, value in match.groupdict().items() if value != b"none"}


def resume_point(result: Result) -> int:
    """The number in the last line of standard error."""
    assert result.stderr.endswith(b"\n"), result.stderr[-2000:]
    match = RESUME.fullmatch(result.stderr.splitlines()[-1])
    assert match, result.stderr[-2000:]
    return int(match[1])


@dataclass(frozen=True)
class PrivateBroker:
    url: str
    folder: Path

    @property
    def nodes(self) -> list[PrivateBroker]:
        """Those of a cluster, each with its own URL."""
        folders = sorted(self.folder.glob("[1-9]"))
        return [PrivateBroker((folder / "url").read_text().strip(), folder) for folder in folders]

    def run(self, program: str, *args: str) -> str:
        """`ctl` or `node`; what it prints."""
        return subprocess.run(
            [self.folder / program, *args], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=90
        ).stdout.decode()

    def write_declarations(self) -> None:
        """What was declared is on disk. RabbitMQ answers before: killed right then, 4.0 comes back without the queue.

        Where it keeps its metadata in Khepri and not in Mnesia there is nothing to wait for. A quorum queue's log is found
        by a name in a table that is written within half a second: killed before, 3.10 comes back with the queue empty,
        whatever it has confirmed.
        """
        write = "begin mnesia:sync_log(), mnesia:dump_log() end"
        self.run("ctl", "eval", f"mnesia:system_info(is_running) =:= yes andalso {write}.")
        self.run("ctl", "eval", "[ok = dets:sync(Table) || Table <- dets:all()].")


@contextmanager
def private_broker(
    folder: Path, *config: str, nodes: int = 1, plugins: Sequence[str] = ()
) -> Iterator[PrivateBroker]:
    """A scripts/broker with lines of its own in rabbitmq.conf and plugins, or a cluster of up to 9."""
    script = REPOSITORY / "scripts" / "broker"
    if not script.exists():
        no_broker(f"there is no {script}")
    options = [word for line in config for word in ("--config", line)]
    options += [word for plugin in plugins for word in ("--plugin", plugin)]
    with subprocess.Popen(
        [script, "--until-eof", "--nodes", str(nodes), "--dir", folder, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            url = read_url(process)
            if url is None:
                process.kill()
                no_broker(f"{script} did not start a broker")
            else:
                yield PrivateBroker(url, folder)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)
