"""Failed deliveries, as a quorum queue counts them: what was never looked at does not count where the broker can tell,
what COMMAND failed on does. docs/acks.md says what is to be expected of which version."""
from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from program import DEADLINE, Program, Result
from receive_support import await_consumer, await_no_consumer, fill, numbered
from send_support import await_messages, message_count
from waiting import await_that

LIMIT = 20  # RabbitMQ 4's own
RUNS = 25
MANY = 3000
FEW = 16  # what is asked for where giving back counts
WRITTEN = ("--format", "lines", "--quiet", "--ack", "written")


@pytest.fixture
def version(channel: BlockingChannel) -> tuple[int, int]:
    """The broker's."""
    properties = channel.connection._impl.server_properties
    assert properties is not None and properties["product"] == "RabbitMQ"
    major, minor, *_ = properties["version"].split(".")
    return int(major), int(minor)


@pytest.fixture
def dead(channel: BlockingChannel) -> Iterator[str]:
    """A queue for dead letters."""
    name: str = channel.queue_declare("", exclusive=True).method.queue
    yield name


@pytest.fixture(params=["quorum", "classic"])
def counted(
    request: pytest.FixtureRequest, send: Program, queue: str, dead: str, channel: BlockingChannel
) -> str:
    """0 to MANY - 1, where messages given back too often end in the queue `dead`."""
    arguments = {"x-queue-type": request.param, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    if request.param == "quorum":
        arguments["x-delivery-limit"] = LIMIT
    channel.queue_declare(queue, durable=True, arguments=arguments)
    fill(send, queue, numbered(range(MANY)))
    await_messages(channel, queue, MANY)
    return queue


def left(channel: BlockingChannel, queue: str, count: int) -> list[tuple[bytes, int]]:
    """Empties a queue of so many: (body, x-delivery-count), in order."""
    found: list[tuple[bytes, int]] = []
    await_no_consumer(channel, queue)
    await_messages(channel, queue, count)
    if count == 0:
        return found
    for _method, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=DEADLINE):
        assert body is not None, f"{len(found)} of {count} messages came"
        found.append((body, int((properties.headers or {}).get("x-delivery-count", 0))))
        if len(found) == count:
            break
    channel.cancel()
    return found


def stopped_reader(receive: Program, queue: str, *options: str) -> tuple[bytes, Result]:
    """Reads one line, then goes: what `receive | head -1` does."""
    reading, writing = os.pipe()
    process = receive.start("--queue", queue, *options, stdout=writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        line = pipe.readline()
    return line, process.finish()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_costs_nothing(
    receive: Program, counted: str, dead: str, channel: BlockingChannel, number: signal.Signals
) -> None:
    """What was fetched and not printed is given back where that does not count, and printed where it does."""
    printed: list[bytes] = []
    for _ in range(RUNS):
        process = receive.start("--queue", counted, *WRITTEN)
        process.expect_lines(1)
        process.popen.send_signal(number)
        result = process.finish()
        assert (result.returncode, result.stderr) == (0, b"")
        printed += result.stdout.splitlines()
        if len(printed) == MANY:  # a classic queue's run takes many
            break
        await_no_consumer(channel, counted)
    found = left(channel, counted, MANY - len(printed))
    assert printed + [body for body, _count in found] == numbered(range(MANY))
    assert {count for _body, count in found} <= {0}
    assert message_count(channel, dead) == 0


def test_a_run_whose_command_is_stopped_costs_nothing(
    receive: Program, counted: str, dead: str, channel: BlockingChannel, version: tuple[int, int]
) -> None:
    """COMMAND holds one message; with --prefetch 10 nine more are fetched, and never given to it."""
    for run in range(RUNS):
        process = receive.start("--queue", counted, "--quiet", "--prefetch", "10", "--", "/bin/cat")
        process.wait_for(lambda: bool(process.stdout), "a message")
        process.terminate()
        assert process.finish().returncode == 0
        await_no_consumer(channel, counted)
        if version < (4, 3) and run == 2:
            break
    count = message_count(channel, counted)
    found = left(channel, counted, count)
    bodies = [body for body, _count in found]
    assert bodies == numbered(range(MANY - count, MANY)) and message_count(channel, dead) == 0
    counts = {count for _body, count in found}
    assert counts <= ({0} if version >= (4, 3) else {0, 1, 2, 3})


def test_readers_that_leave_drop_nothing(
    receive: Program, counted: str, dead: str, channel: BlockingChannel, version: tuple[int, int]
) -> None:
    """What cannot be printed is given back. Where that counts, it counts for few, and each run gets further."""
    for _ in range(RUNS):
        line, result = stopped_reader(receive, counted, *WRITTEN)
        assert line.endswith(b"\n") and result.status in (0, 141)
        await_no_consumer(channel, counted)
        if message_count(channel, counted) == 0:  # a pipe holds what a classic queue's run takes at once
            break
    count = message_count(channel, counted)
    found = left(channel, counted, count)
    assert [body for body, _count in found] == numbered(range(MANY - count, MANY))
    assert message_count(channel, dead) == 0
    counts = [count for _body, count in found]
    if version >= (4, 3):
        assert set(counts) == {0}
    else:
        assert all(count <= FEW for count in counts) and not any(counts[FEW:])


def test_a_full_disk_costs_what_was_fetched(
    receive: Program, counted: str, dead: str, channel: BlockingChannel, version: tuple[int, int]
) -> None:
    for _ in range(3):
        with open("/dev/full", "wb") as full:
            assert receive("--queue", counted, *WRITTEN, stdout=full).returncode == 74
        await_no_consumer(channel, counted)
    found = left(channel, counted, MANY)
    assert [body for body, _count in found] == numbered(range(MANY))
    counts = [count for _body, count in found]
    if version >= (4, 3):
        assert set(counts) == {0}
    else:
        assert set(counts[:FEW]) <= {0, 3} and not any(counts[FEW:])


def test_count_leaves_the_rest_untouched(
    receive: Program, counted: str, dead: str, channel: BlockingChannel
) -> None:
    for run in range(RUNS):
        result = receive("--queue", counted, "--format", "lines", "--quiet", "--count", "2")
        assert result.stdout.splitlines() == numbered(range(2 * run, 2 * run + 2))
    found = left(channel, counted, MANY - 2 * RUNS)
    assert found == [(body, 0) for body in numbered(range(2 * RUNS, MANY))]


# What COMMAND failed on.


@pytest.fixture
def poisoned(queue: str, dead: str, channel: BlockingChannel) -> str:
    """One message, in a quorum queue with a delivery limit of 3."""
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": 3, "x-dead-letter-exchange": "",
                 "x-dead-letter-routing-key": dead}  # fmt: skip
    channel.queue_declare(queue, durable=True, arguments=arguments)
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"poison")
    return queue


def test_a_poison_message_that_is_requeued_ends_at_its_limit(
    receive: Program, poisoned: str, dead: str, channel: BlockingChannel
) -> None:
    command = ("--", "/bin/sh", "-c", "echo run; exit 1")
    process = receive.start("--queue", poisoned, "--quiet", "--on-failure", "requeue", *command)
    await_that(lambda: message_count(channel, dead) == 1, "the message is dead-lettered")
    process.terminate()
    result = process.finish()
    assert (result.returncode, result.stdout) == (0, b"run\n" * 4)
    assert message_count(channel, poisoned) == 0


def test_a_poison_message_that_stops_each_run_ends_at_its_limit(
    receive: Program, poisoned: str, dead: str, channel: BlockingChannel
) -> None:
    for run in range(1, 5):
        result = receive("--queue", poisoned, "--quiet", "--", "/bin/false")
        assert result.returncode == 1
        await_no_consumer(channel, poisoned)
        if run < 4:
            await_messages(channel, poisoned, 1)
    await_messages(channel, dead, 1)
    assert message_count(channel, poisoned) == 0


def test_stop_leaves_the_order(receive: Program, counted: str, channel: BlockingChannel) -> None:
    script = 'read -r n; test "$n" != 3'
    assert receive("-q", counted, "--quiet", "--prefetch", "10", "--", "/bin/sh", "-c", script).returncode == 1
    found = left(channel, counted, MANY - 3)
    assert [body for body, _count in found] == numbered(range(3, MANY))


def test_an_interrupted_command_has_not_failed(
    receive: Program, poisoned: str, channel: BlockingChannel, version: tuple[int, int]
) -> None:
    """Ctrl-C reaches COMMAND as well, which dies of it."""
    process = receive.start("--queue", poisoned, "--", "/bin/sh", "-c", "echo $$; exec sleep 60 >&- 2>&-")
    process.expect_lines(1)
    await_consumer(channel, poisoned)
    process.interrupt()
    os.kill(int(process.stdout), signal.SIGINT)
    assert process.finish().returncode == 0
    assert left(channel, poisoned, 1) == [(b"poison", 0 if version >= (4, 3) else 1)]
