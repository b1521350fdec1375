"""`receive -- COMMAND`: once a message, its status decides what becomes of it."""
from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from program import DEADLINE, Process, Program, Result
from receive_support import (
    NOWHERE,
    WAITING,
    await_message,
    await_ready,
    bodies_left_in,
    declare_with,
    left_in,
    lines,
    numbered,
    witness,
)
from send_support import PrivateBroker, private_broker
from witness import publish

MIB = 1024 * 1024


@pytest.fixture
def dead_letters(channel: BlockingChannel, queue: str) -> str:
    """Declares the queue, with one that gets what is rejected."""
    name: str = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_declare(queue, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": name})
    return name


def run(receive: Program, queue: str, script: str, *args: str, url: str | None = None) -> Result:
    return receive("--queue", queue, "--quiet", *args, "--", "/bin/sh", "-c", script, url=url)


def await_handled(process: Process, number: signal.Signals) -> None:
    """Waits until the program has caught a first signal: the second one is the system's to handle."""
    deadline = time.monotonic() + DEADLINE
    caught = 1 << (number - 1)
    while caught & int(re.findall(r"SigCgt:\t(\w+)", Path(f"/proc/{process.pid}/status").read_text())[0], 16):
        assert time.monotonic() < deadline, f"{number} is not handled"


# What it gets.


@pytest.mark.parametrize("body", [b"", b"Hello World!", bytes(range(256)), b"x" * MIB], ids=lambda body: str(len(body)))
def test_the_body_is_its_input_to_the_last_byte(
    receive: Program, queue: str, channel: BlockingChannel, body: bytes
) -> None:
    declare_with(channel, queue, body)
    result = run(receive, queue, "exec cat", "--count", "1")
    assert (result.returncode, result.stdout, result.stderr) == (0, body, b"")


@pytest.mark.parametrize("script", [":", "exec <&-", "head -c 1 >/dev/null"])
@pytest.mark.parametrize("size", [5, MIB])
def test_a_body_that_it_does_not_read(
    receive: Program, queue: str, channel: BlockingChannel, size: int, script: str
) -> None:
    declare_with(channel, queue, b"x" * size, b"y" * size)
    result = run(receive, queue, script, "--count", "2")
    assert (result.returncode, result.stderr) == (0, b"")
    assert left_in(channel, queue) == []


def test_the_properties_are_its_environment(receive: Program, queue: str, channel: BlockingChannel) -> None:
    channel.queue_declare(queue)
    properties = spec.BasicProperties(
        content_type="text/plain", content_encoding="utf-8", headers={"k": "v", "n": [1, None]}, delivery_mode=2,
        priority=3, correlation_id="a b\nc", reply_to="r", expiration="60000", message_id="é", timestamp=1700000000,
        type="t", user_id="guest", app_id="$(false)",
    )  # fmt: skip
    channel.basic_publish("", queue, b"", properties)
    result = run(receive, queue, "env -0", "--count", "1")
    found = dict(each.split("=", 1) for each in result.stdout.decode().split("\0")[:-1] if each.startswith("AMQP_"))
    headers = json.loads(found.pop("AMQP_HEADERS"))
    assert headers["k"] == "v" and len(headers) == 2
    assert found.pop("AMQP_URL")
    assert found == {
        "AMQP_EXCHANGE": "", "AMQP_ROUTING_KEY": queue, "AMQP_DELIVERY_TAG": "1", "AMQP_REDELIVERED": "false",
        "AMQP_CONTENT_TYPE": "text/plain", "AMQP_CONTENT_ENCODING": "utf-8", "AMQP_DELIVERY_MODE": "2",
        "AMQP_PRIORITY": "3", "AMQP_CORRELATION_ID": "a b\nc", "AMQP_REPLY_TO": "r", "AMQP_EXPIRATION": "60000",
        "AMQP_MESSAGE_ID": "é", "AMQP_TIMESTAMP": "1700000000", "AMQP_TYPE": "t", "AMQP_USER_ID": "guest",
        "AMQP_APP_ID": "$(false)",
    }  # fmt: skip


def test_what_a_message_does_not_have_is_not_in_the_environment(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    """Not even from an outer message's command."""
    declare_with(channel, queue, b"")
    receive.command = ["/usr/bin/env", "AMQP_TYPE=outer", "AMQP_HEADERS={}", "HOME=/home", *receive.command]
    found = run(receive, queue, "env", "--count", "1").stdout.splitlines()
    assert b"HOME=/home" in found
    assert not [each for each in found if each.startswith((b"AMQP_TYPE", b"AMQP_HEADERS", b"AMQP_CONTENT_TYPE"))]


def test_arguments_go_through_without_a_shell(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, b"")
    words = ["-n", "$HOME", "a b", "", "--count", "--", "[1,2]", "*"]
    result = receive("-q", queue, "--quiet", "-n", "1", "--", "/usr/bin/printf", "%s|", *words)
    assert result.stdout == "".join(f"{word}|" for word in words).encode()


def test_its_output_is_the_output(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, *numbered(range(3)))
    result = receive("-q", queue, "-n", "3", "--", "/bin/sh", "-c", "cat; echo; echo e >&2")
    assert result.stdout == b"0\n1\n2\n"
    assert result.stderr == WAITING + b"e\ne\ne\n"


def test_signals_mean_to_it_what_they_always_do(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, b"")
    command = ("/bin/grep", "-E", "Sig(Ign|Blk)", "/proc/self/status")
    result = receive("-q", queue, "-Qn", "1", "--", *command, ignore_sigpipe=True)
    masks = [int(line.split()[1], 16) for line in result.stdout.splitlines()]
    assert len(masks) == 2
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM):
        assert not (masks[0] | masks[1]) & 1 << (number - 1), number


# What becomes of the message.


def test_success_acks(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, *numbered(range(20)))
    assert run(receive, queue, "cat; echo", "--drain").stdout == lines(numbered(range(20)))
    assert left_in(channel, queue) == []


@pytest.mark.parametrize("prefetch", [(), ("--prefetch", "10")], ids=["", "prefetch"])
def test_count_is_exact(
    receive: Program, queue: str, channel: BlockingChannel, prefetch: tuple[str, ...]
) -> None:
    declare_with(channel, queue, *numbered(range(10)))
    assert run(receive, queue, "cat; echo", "--count", "4", *prefetch).stdout == b"0\n1\n2\n3\n"
    assert left_in(channel, queue) == [(body, False) for body in numbered(range(4, 10))]


@pytest.mark.parametrize("options", [(), ("--on-failure", "stop"), ("--prefetch", "5")], ids=" ".join)
def test_failure_stops_and_gives_the_message_back(
    receive: Program, queue: str, channel: BlockingChannel, options: tuple[str, ...]
) -> None:
    declare_with(channel, queue, *numbered(range(9)))
    result = run(receive, queue, 'read -r n; echo $n; test "$n" != 2 || exit 9', *options)
    assert (result.returncode, result.stdout) == (1, b"0\n1\n2\n")
    assert b"status 9" in result.stderr and b"/bin/sh" in result.stderr and result.stderr.count(b"\n") == 1
    assert bodies_left_in(channel, queue) == numbered(range(2, 9))


def test_failure_requeues(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, b"0", b"1")
    script = 'cat; test "$AMQP_REDELIVERED" = true'
    result = run(receive, queue, script, "--on-failure", "requeue", "--count", "2")
    assert (result.returncode, result.stdout) == (0, b"0011")
    assert left_in(channel, queue) == []


def test_failure_rejects(
    receive: Program, queue: str, dead_letters: str, channel: BlockingChannel
) -> None:
    publish(channel, queue, *numbered(range(4)))
    result = run(receive, queue, 'read -r n; test "$n" != 1', "--on-failure", "reject", "--drain")
    assert result.returncode == 1
    assert await_message(channel, dead_letters) == b"1"
    assert left_in(channel, queue) == []


@pytest.mark.parametrize("how", ["reject", "requeue"])
def test_count_is_exact_with_failures(
    receive: Program, queue: str, dead_letters: str, channel: BlockingChannel, how: str
) -> None:
    publish(channel, queue, *numbered(range(9)))
    script = 'test "$AMQP_REDELIVERED" = true' if how == "requeue" else "exit 1"
    result = run(receive, queue, script, "--on-failure", how, "--count", "3")
    assert result.returncode == (1 if how == "reject" else 0)
    assert left_in(channel, queue) == [(body, False) for body in numbered(range(3, 9))]


def script(path: Path, text: str, mode: int = 0o700) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_a_command_that_is_not_there_is_refused_before_connecting(receive: Program) -> None:
    result = receive("--quiet", "--", "/no/such/command", url=NOWHERE)
    assert (result.returncode, result.stdout) == (64, b"")
    assert result.stderr == b"receive: cannot run '/no/such/command': No such file or directory\n"


@pytest.mark.parametrize(
    ("text", "mode", "cause"),
    [
        ("#!/bin/sh\n", 0o600, b"it is not executable (chmod +x makes it so)"),
        ("#!/no/such/sh\n", 0o700, b"its interpreter '/no/such/sh': No such file or directory"),
        ("exit 0\n", 0o700, b"it is neither a program nor a script that begins with #!"),
    ],
)
def test_a_script_that_cannot_be_run_is_refused_before_connecting(
    receive: Program, tmp_path: Path, text: str, mode: int, cause: bytes
) -> None:
    name = script(tmp_path / "work", text, mode)
    result = receive("--quiet", "--", name, url=NOWHERE)
    assert (result.returncode, result.stderr) == (64, b"receive: cannot run '%s': %s\n" % (name.encode(), cause))


def test_a_command_that_goes_away_ends_it(
    receive: Program, queue: str, channel: BlockingChannel, tmp_path: Path
) -> None:
    """It is not the message's fault: even with --on-failure reject, none is rejected."""
    declare_with(channel, queue, b"0", b"1")
    name = script(tmp_path / "work", '#!/bin/sh\nrm "$0"\n')
    result = receive("-q", queue, "--quiet", "--on-failure", "reject", "--", name)
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr == b"receive: cannot run '%s': No such file or directory\n" % name.encode()
    assert bodies_left_in(channel, queue) == [b"1"]


def publish_with(channel: BlockingChannel, queue: str, body: bytes, **properties: object) -> None:
    channel.basic_publish("", queue, body, spec.BasicProperties(**properties))


# In JSON the headers are larger than a variable may be; on the wire they fit into a frame.
LARGE = {"h": "\1" * 60_000}


def test_a_message_too_large_for_the_environment_is_rejected_and_the_next_one_handled(
    receive: Program, queue: str, dead_letters: str, channel: BlockingChannel
) -> None:
    publish(channel, queue, b"0")
    publish_with(channel, queue, b"1", headers=LARGE)
    publish(channel, queue, b"2")
    result = run(receive, queue, "cat; echo", "--on-failure", "reject", "--drain")
    assert result.stdout == b"0\n2\n"
    assert b"AMQP_HEADERS is too large for an environment (360008 bytes)" in result.stderr
    assert await_message(channel, dead_letters) == b"1"
    assert left_in(channel, queue) == []


def test_a_message_too_large_for_the_environment_stops_and_goes_back(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    channel.queue_declare(queue)
    publish_with(channel, queue, b"0", headers=LARGE)
    result = run(receive, queue, "cat; echo")
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"AMQP_HEADERS is too large" in result.stderr and result.stderr.count(b"\n") == 1
    assert bodies_left_in(channel, queue) == [b"0"]


def test_a_property_that_no_environment_can_hold_is_a_failure(
    receive: Program, queue: str, dead_letters: str, channel: BlockingChannel
) -> None:
    publish_with(channel, queue, b"0", type="a\0b")
    publish_with(channel, queue, b"1", headers={"a\0b": "c\0d"})
    result = run(receive, queue, "cat; echo; printf '%s\\n' \"$AMQP_HEADERS\"", "--on-failure", "reject", "--drain")
    assert result.stdout == b'1\n{"a\\u0000b":"c\\u0000d"}\n'
    assert b"AMQP_TYPE holds a NUL byte" in result.stderr
    assert await_message(channel, dead_letters) == b"0"


def test_a_failure_is_noticed_where_the_parent_ignored_the_ends_of_children(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    declare_with(channel, queue, b"0")
    receive.command = ["/bin/sh", "-c", "trap '' CHLD; exec \"$@\"", "sh", *receive.command]
    result = run(receive, queue, "exit 9")
    assert result.returncode == 1 and b"status 9" in result.stderr
    assert bodies_left_in(channel, queue) == [b"0"]


def test_a_command_that_a_signal_kills(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, b"0")
    result = run(receive, queue, "kill -KILL $$")
    assert result.returncode == 1
    assert b"signal 9" in result.stderr
    assert bodies_left_in(channel, queue) == [b"0"]


def test_stop_under_auto_runs_no_further_command(
    receive: Program, queue: str, channel: BlockingChannel, tmp_path: Path
) -> None:
    declare_with(channel, queue, *numbered(range(5)))
    result = run(receive, queue, "echo run; exit 1", "--ack", "auto")
    assert (result.returncode, result.stdout) == (1, b"run\n")
    assert b"lost" in result.stderr


# Signals while it runs.


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 0)])
def test_a_signal_waits_for_it(
    receive: Program, queue: str, channel: BlockingChannel, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    declare_with(channel, queue, b"0", b"1")
    os.mkfifo(tmp_path / "go")
    process = receive.start("-q", queue, "--quiet", "--", "/bin/sh", "-c", f"cat; echo; cat {tmp_path}/go")
    process.expect_stdout(b"0\n")
    process.popen.send_signal(number)
    await_handled(process, number)
    assert process.running
    (tmp_path / "go").write_bytes(b"done\n")
    result = process.finish()
    assert (result.returncode, result.stdout, result.stderr) == (code, b"0\ndone\n", b"")
    assert bodies_left_in(channel, queue) == [b"1"]


def test_a_second_signal_does_not_wait(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, b"0")
    process = receive.start("-q", queue, "--quiet", "--", "/bin/sh", "-c", "echo $$; exec sleep 60 >&- 2>&-")
    process.expect_lines(1)
    command = os.pidfd_open(int(process.stdout))
    try:
        process.interrupt()
        await_handled(process, signal.SIGINT)
        process.interrupt()
        assert process.finish(timeout=5).status == 130
    finally:
        signal.pidfd_send_signal(command, signal.SIGKILL)
        os.close(command)
    # The broker gives the message back once it has seen that the connection is gone.
    assert await_message(channel, queue) == b"0"


# A command longer than the broker's patience.


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    with private_broker(tmp_path_factory.mktemp("impatient"), "heartbeat = 2") as broker:
        yield broker


def test_heartbeats_go_on_while_it_runs(receive: Program, impatient: PrivateBroker) -> None:
    with witness(impatient.url) as channel:
        declare_with(channel, "long", b"0", b"1")
    result = run(receive, "long", "cat; sleep 7; echo", "--count", "1", url=impatient.url)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"0\n", b"")
    with witness(impatient.url) as channel:
        assert left_in(channel, "long") == [(b"1", False)]


def test_a_usage_error_is_found_before_connecting(receive: Program) -> None:
    result = receive("--format", "raw", "--", "true", url=NOWHERE)
    assert (result.returncode, result.stdout) == (64, b"")


def test_the_ready_line_is_on_standard_error(receive: Program, queue: str) -> None:
    process = receive.start("-q", queue, "--", "true")
    await_ready(process)
    process.interrupt()
    assert process.finish().stdout == b""
