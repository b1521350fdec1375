"""Runs programs: clean environment, collected output, deadlines instead of sleeps."""
from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

DEADLINE = 15.0

Argument = str | bytes


@dataclass(frozen=True)
class Result:
    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def status(self) -> int:
        """The exit status as a shell shows it: 128 + N for a death by signal N."""
        return self.returncode if self.returncode >= 0 else 128 - self.returncode


def with_default_signals() -> None:
    """Whoever was started in a script's background or by nohup ignores SIGINT, and its children would, too; a handler,
    unlike "ignore", is back to the default after exec."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGPIPE})


def skip_if_sanitized(command: Sequence[Argument]) -> None:
    """A sanitizer has memory, and system calls, of its own."""
    if b"__asan_init" in Path(os.fsdecode(command[0])).read_bytes():
        pytest.skip("built with a sanitizer")


class Process:
    """A started program. Reads its outputs all the time, so it never blocks on a pipe."""

    def __init__(
        self,
        argv: Sequence[Argument],
        env: dict[str, str],
        *,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.PIPE,
        ignore_sigpipe: bool = False,
    ) -> None:
        self.argv = argv
        self.stdout = b""
        self.stderr = b""
        self._open = 0
        self._changed = threading.Condition()
        self.popen = subprocess.Popen(
            argv,
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            restore_signals=not ignore_sigpipe,  # Python itself ignores SIGPIPE
        )
        self._threads = [
            threading.Thread(target=self._collect, args=(name, pipe), daemon=True)
            for name, pipe in (("stdout", self.popen.stdout), ("stderr", self.popen.stderr))
            if pipe is not None
        ]
        self._open = len(self._threads)
        for thread in self._threads:
            thread.start()

    def _collect(self, name: str, pipe: IO[bytes]) -> None:
        while data := os.read(pipe.fileno(), 65536):
            with self._changed:
                setattr(self, name, getattr(self, name) + data)
                self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def wait_for(self, condition: Callable[[], bool], what: str, timeout: float = DEADLINE) -> None:
        """Waits for a condition on the collected output; the program's end ends the wait."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._changed.wait_for(lambda: condition() or self._open == 0, timeout)
            if not condition():  # the condition may be that it has ended, a moment after its outputs have
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.popen.wait(max(deadline - time.monotonic(), 0))
            assert condition(), (
                f"{self.argv}: no {what} within {timeout} s; "
                f"stdout {self.stdout[-2000:]!r}, stderr {self.stderr[-2000:]!r}"
            )

    def expect_stdout(self, expected: bytes, timeout: float = DEADLINE) -> None:
        """Standard output, from the start, becomes exactly this while the program runs."""
        self.wait_for(lambda: len(self.stdout) >= len(expected), f"stdout {expected[-2000:]!r}", timeout)
        assert self.stdout == expected

    def expect_flow(self, expected: bytes, pause: float) -> None:
        """Standard output, from the start, becomes exactly this, and never stands still for `pause` seconds."""
        while (length := len(self.stdout)) < len(expected):
            self.wait_for(lambda: len(self.stdout) > length, f"more than {length} bytes of stdout", pause)
        assert self.stdout == expected

    def expect_lines(self, count: int, timeout: float = DEADLINE) -> None:
        self.wait_for(lambda: self.stdout.count(b"\n") >= count, f"{count} lines", timeout)

    def expect_silence(self, seconds: float) -> None:
        """Nothing on standard output, and no end, for this long."""
        with self._changed:
            spoke = self._changed.wait_for(lambda: bool(self.stdout) or self._open == 0, seconds)
        assert not spoke, f"{self.argv}: stdout {self.stdout!r}, stderr {self.stderr!r}"

    def interrupt(self) -> None:
        self.popen.send_signal(signal.SIGINT)

    def terminate(self) -> None:
        self.popen.send_signal(signal.SIGTERM)

    def finish(self, timeout: float = DEADLINE) -> Result:
        """Waits for the end and everything written before it."""
        try:
            self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.argv} still runs after {timeout} s; stdout {self.stdout[-2000:]!r}, stderr {self.stderr!r}"
            ) from None
        for thread in self._threads:
            thread.join(timeout)
        return Result(self.popen.returncode, self.stdout, self.stderr)

    def peak_kib(self) -> int:
        """The most memory it has had resident so far."""
        skip_if_sanitized(self.argv)
        match = re.search(r"^VmHWM:\s*(\d+) kB$", Path(f"/proc/{self.pid}/status").read_text(), re.MULTILINE)
        assert match
        return int(match[1])

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()
        for thread in self._threads:
            thread.join()
        for pipe in (self.popen.stdout, self.popen.stderr):
            if pipe is not None:
                pipe.close()


class Program:
    """A program to run; call it for a whole run, `start` it to talk with it.

    The environment is the caller's without AMQP_*, plus AMQP_URL: `url`, or the
    broker's when no `url` is given.
    """

    def __init__(self, name: str, command: Sequence[str], broker_url: Callable[[], str]) -> None:
        self.name = name
        self.command = list(command)
        self._broker_url = broker_url
        self._started: list[Process] = []

    def start(
        self,
        *args: Argument,
        url: str | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.PIPE,
        ignore_sigpipe: bool = False,
    ) -> Process:
        env = {name: value for name, value in os.environ.items() if not name.startswith("AMQP_")}
        env["LC_ALL"] = "C"
        env["AMQP_URL"] = self._broker_url() if url is None else url
        process = Process(
            [*self.command, *args], env, stdin=stdin, stdout=stdout, ignore_sigpipe=ignore_sigpipe
        )
        self._started.append(process)
        return process

    def __call__(
        self,
        *args: Argument,
        url: str | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.PIPE,
        ignore_sigpipe: bool = False,
    ) -> Result:
        return self.start(*args, url=url, stdin=stdin, stdout=stdout, ignore_sigpipe=ignore_sigpipe).finish()

    def stop_all(self) -> None:
        for process in self._started:
            process.kill()
