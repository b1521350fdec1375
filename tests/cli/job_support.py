"""What the tests of `receive -- COMMAND` with more than one job, and of what becomes of its messages, share."""
from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from program import DEADLINE, Process, Program

ECHO = "n=$(cat); echo $n"  # in one write, since others write too


class Gates:
    """COMMANDs that say the body of their message and end when they are told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.command = ("--", "/bin/sh", "-c", f"n=$(cat); echo $n; test ! -p {folder}/$n || exit $(cat {folder}/$n)")

    def shut(self, count: int) -> None:
        """The COMMANDs for 0, 1, 2... wait."""
        for number in range(count):
            os.mkfifo(self._folder / str(number))

    def open(self, number: int, status: int = 0) -> None:
        """It waits, and is to end with this status; the next one for the same message ends at once."""
        fifo = self._folder / str(number)
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                writing = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError as error:
                assert error.errno == errno.ENXIO and time.monotonic() < deadline, f"nobody waits at {fifo}"
        fifo.unlink()
        os.write(writing, b"%d" % status)
        os.close(writing)

    def remove(self) -> None:
        """Nobody waits any more."""
        for fifo in self._folder.iterdir():
            writing = os.open(fifo, os.O_RDWR)
            fifo.unlink()
            os.close(writing)


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Gates]:
    (tmp_path / "gates").mkdir()
    made = Gates(tmp_path / "gates")
    yield made
    made.remove()


def start(receive: Program, queue: str, gates: Gates, *args: str, url: str | None = None) -> Process:
    return receive.start("-q", queue, "--quiet", *args, *gates.command, url=url)


@pytest.fixture
def other(channel: BlockingChannel) -> str:
    """Another queue, for this connection alone."""
    name: str = channel.queue_declare("", exclusive=True).method.queue
    return name
