"""`receive --jobs N -- COMMAND`: some at once, never more, and what becomes of each message."""
from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from job_support import ECHO, Gates, gates, start
from program import DEADLINE, Program
from receive_support import await_message, bodies_left_in, declare_with, fill, left_in, numbered
from send_support import message_count, take
from test_receive_command import await_handled, dead_letters, run, script
from waiting import await_that
from witness import publish

MIB = 1024 * 1024


def most_at_once(output: bytes) -> int:
    """Of COMMANDs that write + when they begin and - before they end."""
    now = most = 0
    for sign in output.split():
        now += 1 if sign == b"+" else -1
        most = max(most, now)
    return most


# As many as asked for.


@pytest.mark.parametrize("options", [(), ("--prefetch", "50"), ("--where", "delivery_mode=2"), ("--ack", "auto")], ids=" ".join)
def test_so_many_at_once_and_never_more(receive: Program, send: Program, queue: str, options: tuple[str, ...]) -> None:
    fill(send, queue, numbered(range(60)), "--persistent")
    unmatched = ("--unmatched", "take") if "--where" in options else ()
    ending = ("--idle", "0.5") if "auto" in options else ("--drain",)
    result = run(receive, queue, "echo +; sleep 0.05; echo -", "--jobs", "5", *ending, *options, *unmatched)
    assert result.returncode == 0
    assert (result.stdout.count(b"+"), most_at_once(result.stdout)) == (60, 5)


def test_one_at_a_time_unless_asked_for(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, *numbered(range(10)))
    result = run(receive, queue, "echo +; echo -", "--drain", "--prefetch", "10")
    assert result.stdout == b"+\n-\n" * 10


def test_other_consumers_get_the_rest(receive: Program, queue: str, channel: BlockingChannel, gates: Gates) -> None:
    declare_with(channel, queue, *numbered(range(10)))
    gates.shut(3)
    process = start(receive, queue, gates, "--jobs", "3")
    process.expect_lines(3)
    assert take(channel, queue) == numbered(range(3, 10))
    for number in range(3):
        gates.open(number)
    process.interrupt()
    assert process.finish().returncode == 0


def test_a_slow_message_does_not_hold_back_the_acks_of_later_ones(
    receive: Program, queue: str, channel: BlockingChannel, gates: Gates
) -> None:
    declare_with(channel, queue, *numbered(range(10)))
    gates.shut(10)
    process = start(receive, queue, gates, "--jobs", "2")
    for number in range(1, 9):
        gates.open(number)
    process.expect_lines(10)
    process.popen.kill()  # its COMMANDs still have its output
    assert left_in(channel, queue) == [(b"0", True), (b"9", True)]


@pytest.mark.parametrize("kind", ["classic", "quorum"])
@pytest.mark.parametrize(("count", "jobs"), [(10, 4), (3, 8), (8, 8), (1, 4)])
def test_count_is_exact(
    receive: Program, send: Program, queue: str, channel: BlockingChannel, kind: str, count: int, jobs: int
) -> None:
    fill(send, queue, numbered(range(20)), "--queue-type", kind)
    ends = ("--queue-type", kind, "--count", str(count), "--jobs", str(jobs))
    result = run(receive, queue, ECHO, *ends)
    assert result.returncode == 0
    assert sorted(result.stdout.split(), key=int) == numbered(range(count))
    assert left_in(channel, queue) == [(body, False) for body in numbered(range(count, 20))]


def test_count_is_exact_with_failures(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, *numbered(range(20)))
    result = run(
        receive, queue, f'{ECHO}; test "$AMQP_REDELIVERED" = true', "--on-failure", "requeue", "-n", "6", "--jobs", "4"
    )
    assert result.returncode == 0
    assert len(bodies_left_in(channel, queue)) == 14
    assert max(Counter(result.stdout.split()).values()) == 2


def test_drain_waits_for_those_that_run(receive: Program, queue: str, channel: BlockingChannel, gates: Gates) -> None:
    declare_with(channel, queue, *numbered(range(6)))
    gates.shut(2)
    process = start(receive, queue, gates, "--drain", "--jobs", "3")
    process.expect_lines(6)
    with pytest.raises(subprocess.TimeoutExpired):
        process.popen.wait(1)
    gates.open(1)
    gates.open(0)
    assert process.finish().returncode == 0
    assert left_in(channel, queue) == []


def test_a_message_sent_back_by_one_is_drained_too(
    receive: Program, queue: str, channel: BlockingChannel, gates: Gates
) -> None:
    """The queue was empty while it was being worked on."""
    declare_with(channel, queue, b"0")
    gates.shut(1)
    process = start(receive, queue, gates, "--drain", "--jobs", "2", "--on-failure", "requeue")
    process.expect_lines(1)
    gates.open(0, status=1)
    assert process.finish().stdout == b"0\n0\n"
    assert left_in(channel, queue) == []


def test_a_large_body_and_small_ones_at_once(
    receive: Program, queue: str, channel: BlockingChannel, tmp_path: Path
) -> None:
    """The large one is not read until all others are done."""
    large = os.urandom(10 * MIB)
    declare_with(channel, queue, large, *numbered(range(30)))
    os.mkfifo(tmp_path / "gate")
    text = f'test "$AMQP_DELIVERY_TAG" != 1 || read -r go < {tmp_path}/gate; md5sum'
    process = receive.start("-q", queue, "-Q", "--drain", "--jobs", "4", "--", "/bin/sh", "-c", text)
    process.expect_lines(30)
    (tmp_path / "gate").write_bytes(b"go\n")
    result = process.finish()
    assert result.returncode == 0
    sums = [line.split()[0].decode() for line in result.stdout.splitlines()]
    assert sums[-1] == hashlib.md5(large).hexdigest()
    assert sorted(sums[:-1]) == sorted(hashlib.md5(body).hexdigest() for body in numbered(range(30)))


def test_replies_come_as_the_answers_are_done(
    receive: Program, queue: str, channel: BlockingChannel, gates: Gates
) -> None:
    answers = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_declare(queue)
    for number in range(20):
        properties = pika.BasicProperties(reply_to=answers, correlation_id=f"c{number}")
        channel.basic_publish("", queue, b"%d" % number, properties)
    gates.shut(1)
    process = start(receive, queue, gates, "--drain", "--reply", "--jobs", "4")
    got = {}
    for method, properties, body in channel.consume(answers, auto_ack=True, inactivity_timeout=DEADLINE):
        assert method is not None, got
        got[properties.correlation_id] = body
        if len(got) == 19:
            gates.open(0)
        if len(got) == 20:
            break
    assert got == {f"c{number}": b"%d\n" % number for number in range(20)}
    assert list(got)[-1] == "c0"
    assert process.finish().returncode == 0


# Failures of one of them.


def test_a_failure_that_stops_waits_for_the_others(
    receive: Program, queue: str, channel: BlockingChannel, gates: Gates
) -> None:
    declare_with(channel, queue, *numbered(range(8)))
    gates.shut(4)
    process = start(receive, queue, gates, "--jobs", "4")
    process.expect_lines(4)
    gates.open(2, status=9)
    process.wait_for(lambda: b"status 9" in process.stderr, "word of the failure")
    for number in (3, 1, 0):
        gates.open(number)
    result = process.finish()
    assert (result.returncode, result.stdout.count(b"\n")) == (1, 4)
    assert left_in(channel, queue) == [(b"2", True), *((body, False) for body in numbered(range(4, 8)))]


def test_a_command_that_goes_away_ends_it_when_the_others_are_done(
    receive: Program, queue: str, channel: BlockingChannel, tmp_path: Path
) -> None:
    """It is not the message's fault: it goes back. The one that runs is acked."""
    declare_with(channel, queue, *numbered(range(4)))
    go, gate = tmp_path / "go", tmp_path / "gate"
    os.mkfifo(go)
    os.mkfifo(gate)
    each = {0: f"echo > {go}; cat {gate}", 1: f'read -r go < {go}; rm "$0"; echo gone'}
    text = "#!/bin/sh\nread -r n\ncase $n in " + "".join(f"{n}) {what};; " for n, what in each.items()) + "esac\n"
    name = script(tmp_path / "work", text)
    process = receive.start("-q", queue, "--quiet", "--on-failure", "reject", "--jobs", "2", "--", name)
    process.expect_stdout(b"gone\n")
    gate.write_bytes(b"done\n")
    result = process.finish()
    assert (result.returncode, result.stdout) == (1, b"gone\ndone\n")
    assert result.stderr == b"receive: cannot run '%s': No such file or directory\n" % name.encode()
    assert bodies_left_in(channel, queue) == [b"2", b"3"]


def test_one_that_a_signal_kills_has_failed(
    receive: Program, queue: str, dead_letters: str, channel: BlockingChannel
) -> None:
    publish(channel, queue, *numbered(range(8)))
    text = 'read -r n; test "$n" != 3 || kill -SEGV $$; echo $n'
    result = run(receive, queue, text, "--jobs", "4", "--on-failure", "reject", "--drain")
    assert result.returncode == 1 and b"killed by signal 11" in result.stderr
    assert sorted(result.stdout.split()) == [b"0", b"1", b"2", b"4", b"5", b"6", b"7"]
    assert await_message(channel, dead_letters) == b"3"


@pytest.mark.parametrize("text", ["exec <&-; echo done", "head -c 1 >/dev/null; echo done"])
def test_those_that_close_their_input_early(receive: Program, queue: str, channel: BlockingChannel, text: str) -> None:
    declare_with(channel, queue, *[b"x" * MIB] * 8)
    result = run(receive, queue, text, "--jobs", "4", "--drain")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"done\n" * 8, b"")
    assert left_in(channel, queue) == []


def test_under_ack_auto_all_that_came_is_run_before_the_end(
    receive: Program, queue: str, channel: BlockingChannel, gates: Gates
) -> None:
    """They are off the queue: a signal does not lose them."""
    declare_with(channel, queue, *numbered(range(12)))
    gates.shut(4)
    process = start(receive, queue, gates, "--ack", "auto", "--jobs", "4")
    process.expect_lines(4)
    await_that(lambda: message_count(channel, queue) == 0, "all are on their way")
    process.terminate()
    await_handled(process, signal.SIGTERM)
    for number in range(4):
        gates.open(number)
    result = process.finish()
    assert result.returncode == 0
    assert sorted(result.stdout.split() + bodies_left_in(channel, queue), key=int) == numbered(range(12))


def test_only_what_matches_is_run_and_the_rest_stays_in_order(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    channel.queue_declare(queue)
    for number in range(30):
        channel.basic_publish("", queue, b"%d" % number, pika.BasicProperties(type="a" if number % 3 else "b"))
    result = run(receive, queue, ECHO, "--where", "type=b", "--jobs", "3", "--drain")
    assert result.returncode == 0
    assert sorted(result.stdout.split(), key=int) == numbered(range(0, 30, 3))
    assert bodies_left_in(channel, queue) == [b"%d" % number for number in range(30) if number % 3]
