"""`receive -- COMMAND` with --exit and --command-timeout: which status means what, and what is late."""
from __future__ import annotations

import os
import select
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from job_support import ECHO, other
from program import DEADLINE, Process, Program
from receive_support import NOWHERE, await_message, bodies_left_in, declare_with, left_in, measured, numbered
from send_support import await_messages, message_count, take
from test_receive_command import dead_letters, run
from witness import publish

MIB = 1024 * 1024


# --exit


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_a_status_that_acks(receive: Program, queue: str, dead_letters: str, channel: BlockingChannel, code: int) -> None:
    publish(channel, queue, *numbered(range(3)))
    result = run(receive, queue, f"{ECHO}; exit {code}", "--exit", f"{code}=ack", "--drain")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"0\n1\n2\n", b"")
    assert left_in(channel, queue) == [] and message_count(channel, dead_letters) == 0


@pytest.mark.parametrize("code", [0, 1, 255])
def test_a_status_that_rejects(
    receive: Program, queue: str, dead_letters: str, channel: BlockingChannel, code: int
) -> None:
    publish(channel, queue, *numbered(range(3)))
    ways = ("--exit", "7=ack", "--exit", f"{code}=reject")
    result = run(receive, queue, f"{ECHO}; test $n = 1 && exit {code}; exit 7", *ways, "--drain")
    assert (result.returncode, result.stdout) == (1, b"0\n1\n2\n")
    assert b"'/bin/sh' exited with status %d; the message was rejected\n" % code in result.stderr
    assert await_message(channel, dead_letters) == b"1"
    assert left_in(channel, queue) == []


@pytest.mark.parametrize("code", [0, 75])
def test_a_status_that_requeues(receive: Program, queue: str, channel: BlockingChannel, code: int) -> None:
    declare_with(channel, queue, b"a", b"b")
    ways = ("--exit", f"{code}=requeue", "--exit", "7=ack")
    result = run(receive, queue, f'{ECHO}; test "$AMQP_REDELIVERED" = true && exit 7; exit {code}', *ways, "--count", "2")
    assert (result.returncode, result.stdout) == (0, b"a\na\nb\nb\n")
    assert left_in(channel, queue) == []


@pytest.mark.parametrize("code", [0, 9])
def test_a_status_that_stops(receive: Program, queue: str, channel: BlockingChannel, code: int) -> None:
    declare_with(channel, queue, *numbered(range(4)))
    ways = ("--exit", f"{code}=stop", "--exit", "7=ack", "--on-failure", "reject")
    result = run(receive, queue, f"{ECHO}; test $n = 1 && exit {code}; exit 7", *ways)
    assert (result.returncode, result.stdout) == (1, b"0\n1\n")
    assert b"status %d; the message goes back to the queue\n" % code in result.stderr
    assert bodies_left_in(channel, queue) == numbered(range(1, 4))


def test_any_other_status_is_what_it_always_was(
    receive: Program, queue: str, dead_letters: str, channel: BlockingChannel
) -> None:
    publish(channel, queue, *numbered(range(5)))
    ways = ("--exit", "3=requeue", "--exit", "4=ack", "--on-failure", "reject")
    result = run(receive, queue, f'{ECHO}; test "$AMQP_REDELIVERED" = true && exit 0; exit $n', *ways, "--drain")
    assert result.returncode == 1
    assert Counter(result.stdout.split()) == Counter([*numbered(range(5)), b"3"])
    assert left_in(channel, queue) == []
    await_messages(channel, dead_letters, 2)
    assert take(channel, dead_letters) == [b"1", b"2"]


def test_a_signal_is_no_status(receive: Program, queue: str, channel: BlockingChannel) -> None:
    """A shell would call it 137, or 9."""
    declare_with(channel, queue, b"")
    assert run(receive, queue, "kill -9 $$", "--exit", "9=ack", "--exit", "137=ack").returncode == 1
    assert bodies_left_in(channel, queue) == [b""]


def test_a_status_that_acks_answers(receive: Program, queue: str, channel: BlockingChannel, other: str) -> None:
    channel.queue_declare(queue)
    for body in (b"0", b"1", b"2"):
        channel.basic_publish("", queue, body, pika.BasicProperties(reply_to=other))
    ways = ("--exit", "1=ack", "--exit", "2=reject")
    run(receive, queue, f"{ECHO}; exit $n", "--reply", *ways, "--drain")
    await_messages(channel, other, 2)
    assert take(channel, other) == [b"0\n", b"1\n"]


@pytest.mark.parametrize("code", [0, 1])
def test_exit_ack_and_stop_go_with_ack_auto(receive: Program, queue: str, channel: BlockingChannel, code: int) -> None:
    declare_with(channel, queue, b"0")
    result = run(receive, queue, f"exit {code}", "--ack", "auto", "--exit", f"{code}=stop", "--exit", "7=ack")
    assert result.returncode == 1 and b"is lost (--ack auto)" in result.stderr


BAD = ["", "3", "=ack", "3=", "3=drop", "3=ACK", "3=ack=ack", "x=ack", "-1=ack", "256=ack", "3 =ack", "3= ack", "0x3=ack"]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_exit_is_refused_before_connecting(receive: Program, text: str) -> None:
    result = receive("--exit", text, "--", "true", url=NOWHERE)
    assert (result.returncode, result.stdout) == (64, b"")
    assert b"--exit" in result.stderr and result.stderr.count(b"\n") == 1


@pytest.mark.parametrize("second", ["3=ack", "3=stop", "03=stop"])
def test_a_status_given_twice_is_refused_before_connecting(receive: Program, second: str) -> None:
    result = receive("--exit", "3=ack", "--exit", second, "--", "true", url=NOWHERE)
    assert (result.returncode, result.stderr) == (64, b"receive: --exit: status 3 is given twice\n")


BAD_USES = [
    (["--exit", "3=ack"], b"--exit"),
    (["--jobs", "2"], b"--jobs"),
    (["--attempts", "2"], b"--attempts"),
    (["--command-timeout", "2"], b"--command-timeout"),
    (["--jobs", "0", "--", "true"], b"--jobs"),
    (["--jobs", "1001", "--", "true"], b"--jobs"),
    (["--command-timeout", "0", "--", "true"], b"--command-timeout"),
    (["--attempts", "0", "--", "true"], b"--attempts"),
    (["--exit", "3=requeue", "--ack", "auto", "--", "true"], b"--exit with --ack auto"),
    (["--exit", "3=reject", "--offset", "first", "--", "true"], b"a stream takes nothing back"),
    (["--attempts", "2", "--offset", "first", "--", "true"], b"--attempts: a stream"),
    (["--attempts", "2", "--queue-type", "stream", "--", "true"], b"--attempts: a stream"),
    (["--attempts", "2", "--ack", "auto", "--", "true"], b"--attempts with --ack auto"),
    (["--attempts", "2", "--on-failure", "reject", "--", "true"], b"--attempts needs a failure that is tried again"),
    (["--attempts", "2", "--on-failure", "stop", "--", "true"], b"--attempts needs a failure that is tried again"),
]


@pytest.mark.parametrize(("args", "words"), BAD_USES, ids=[" ".join(args) for args, _words in BAD_USES])
def test_bad_uses(receive: Program, args: list[str], words: bytes) -> None:
    result = receive(*args, url=NOWHERE)
    assert (result.returncode, result.stdout) == (64, b"")
    assert words in result.stderr and result.stderr.count(b"\n") == 1


# --command-timeout


@contextmanager
def watching(process: Process, count: int) -> Iterator[list[int]]:
    """pidfds of the processes whose numbers it prints: readable once those have ended."""
    process.expect_lines(count)
    opened = [os.pidfd_open(int(pid)) for pid in process.stdout.split()]
    try:
        yield opened
    finally:
        for each in opened:
            if not select.select([each], [], [], 0)[0]:
                signal.pidfd_send_signal(each, signal.SIGKILL)
            os.close(each)


def ended(pidfd: int, timeout: float = DEADLINE) -> bool:
    return bool(select.select([pidfd], [], [], timeout)[0])


def start_late(receive: Program, queue: str, text: str, *args: str) -> Process:
    options = ("-q", queue, "--quiet", "--command-timeout", "1", "--on-failure", "reject")
    return receive.start(*options, *args, "--", "/bin/sh", "-c", text)


@pytest.mark.parametrize("size", [1, 10 * MIB])
@pytest.mark.parametrize("reply", [(), ("--reply",)], ids=["", "reply"])
def test_one_that_hangs_is_terminated_and_has_failed(
    receive: Program, queue: str, dead_letters: str, channel: BlockingChannel, size: int, reply: tuple[str, ...]
) -> None:
    publish(channel, queue, b"x" * size)
    text = "trap 'exit 0' TERM; echo $$ >&2; sleep 60 >&- 2>&- & wait"
    process = start_late(receive, queue, text, "--drain", *reply)
    spent = measured(lambda: process.finish())
    assert process.popen.returncode == 1 and spent < 4
    assert b"'/bin/sh' did not end within 1 s; the message was rejected\n" in process.stderr
    assert await_message(channel, dead_letters) == b"x" * size


def test_one_that_ignores_sigterm_is_killed_5_s_later(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, b"0")
    process = start_late(receive, queue, "trap '' TERM; echo $$; exec sleep 60 >&- 2>&-", "--drain")
    with watching(process, 1) as (command,):
        begun = time.monotonic()
        assert ended(command)
        assert 5 < time.monotonic() - begun < 8
    assert process.finish().returncode == 1


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "], ids=["", "ignores SIGTERM"])
def test_what_it_has_started_ends_with_it(
    receive: Program, queue: str, channel: BlockingChannel, trap: str
) -> None:
    """The child that ignores SIGTERM, too, though COMMAND itself does not."""
    declare_with(channel, queue, b"0")
    text = f"({trap}echo $(exec sh -c 'echo $PPID'); exec sleep 60 >&- 2>&-) & echo $$; wait"
    process = start_late(receive, queue, text, "--drain")
    with watching(process, 2) as processes:
        assert all(ended(each) for each in processes)
    assert process.finish().returncode == 1


def test_one_in_time_is_left_alone(receive: Program, queue: str, channel: BlockingChannel) -> None:
    """So is what it leaves behind."""
    declare_with(channel, queue, b"0")
    process = start_late(receive, queue, "sleep 60 >&- 2>&- & echo $!; sleep 0.5", "-n", "1")
    with watching(process, 1) as (left_behind,):
        assert (process.finish().returncode, process.stderr) == (0, b"")
        assert not ended(left_behind, 1)


def test_each_has_its_own_time(receive: Program, queue: str, channel: BlockingChannel) -> None:
    """Together they take longer than one may."""
    declare_with(channel, queue, *numbered(range(6)))
    process = start_late(receive, queue, f"sleep 0.6; {ECHO}", "--jobs", "2", "--drain")
    result = process.finish()
    assert (result.returncode, result.stderr) == (0, b"")
    assert sorted(result.stdout.split()) == numbered(range(6))


def test_late_ones_go_round_until_their_attempts_are_used_up(
    receive: Program, queue: str, dead_letters: str, channel: BlockingChannel
) -> None:
    publish(channel, queue, b"0")
    options = ("--command-timeout", "0.2", "--attempts", "3", "--drain")
    result = run(receive, queue, "echo; exec sleep 60 >&- 2>&-", *options)
    assert (result.returncode, result.stdout) == (1, b"\n\n\n")
    assert b"did not end within 0.2 s; the message was rejected (attempt 3 of 3)" in result.stderr
    assert await_message(channel, dead_letters) == b"0"
