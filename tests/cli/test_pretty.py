"""--format pretty, --color and the progress line of receive, as a terminal gets them."""
from __future__ import annotations

import fcntl
import gzip
import json
import os
import pty
import re
import resource
import struct
import subprocess
import termios
import time

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from program import DEADLINE, Program, skip_if_sanitized
from receive_support import declare_with, fill, numbered, witness
from send_support import await_messages
from witness import publish

TIME = re.compile(rb"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  ", re.MULTILINE)
SGR = re.compile(rb"\x1b\[(?:0|1|2|33|36)m")
PRETTY = ("--drain", "--format", "pretty")


def pretty(receive: Program, queue: str, *args: str) -> bytes:
    """What it prints, without the times."""
    result = receive("-q", queue, "--no-declare", *PRETTY, *args)
    assert result.returncode == 0
    assert TIME.search(SGR.sub(b"", result.stdout))
    return TIME.sub(b"", SGR.sub(b"", result.stdout))


def test_a_message_with_properties(receive: Program, channel: BlockingChannel, queue: str) -> None:
    channel.queue_declare(queue)
    channel.basic_publish(
        "",
        queue,
        b'{"a":[1,2]}',
        pika.BasicProperties(content_type="application/json", delivery_mode=2, headers={"host": "web1"}, priority=3),
    )
    assert pretty(receive, queue) == f"""routing key '{queue}'
  content_type   application/json
  delivery_mode  2 (persistent)
  priority       3
  host           web1
  11 bytes, JSON
    {{
      "a": [
        1,
        2
      ]
    }}
""".encode()


def test_a_compressed_body(receive: Program, channel: BlockingChannel, queue: str) -> None:
    channel.queue_declare(queue)
    body = gzip.compress(b"hello\n")
    channel.basic_publish("", queue, body, pika.BasicProperties(content_encoding="gzip"))
    assert pretty(receive, queue).endswith(b"%d bytes, 6 bytes decompressed, text\n    hello\n" % len(body))


def test_a_letter_that_died_three_times(receive: Program, channel: BlockingChannel, queue: str) -> None:
    """By rejection, by its time and by the length of a queue: three entries."""
    first, second, third = f"{queue}-a", f"{queue}-b", f"{queue}-c"

    def dead_letters_to(key: str, **arguments: object) -> dict[str, object]:
        return {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": key, **arguments}

    channel.queue_declare(queue)
    channel.queue_declare(third, arguments=dead_letters_to(queue, **{"x-max-length": 1}))
    channel.queue_declare(second, arguments=dead_letters_to(third, **{"x-message-ttl": 1}))
    channel.queue_declare(first, arguments=dead_letters_to(second))
    try:
        publish(channel, first, b"it")
        await_messages(channel, first)
        method, _properties, _body = channel.basic_get(first)
        assert method is not None
        channel.basic_reject(method.delivery_tag, requeue=False)
        await_messages(channel, third)
        publish(channel, third, b"another")
        await_messages(channel, queue)
        shown = pretty(receive, queue).decode()
        deaths = re.findall(r"^  x-death +(\S+)", shown, re.MULTILINE)
        assert sorted(deaths) == ["dropped", "expired", "rejected"]
        assert f"rejected once in queue '{first}', published with routing key '{first}', first at " in shown
        assert f"expired once in queue '{second}', published with routing key '{second}', first at " in shown
        assert f"dropped from the full queue once in queue '{third}', published with routing key '{third}'" in shown
    finally:
        for name in (first, second, third):
            channel.queue_delete(name)


def test_a_hundred_headers_and_nested_ones(receive: Program, channel: BlockingChannel, queue: str) -> None:
    channel.queue_declare(queue)
    headers = {f"h{number:02}": number for number in range(100)} | {"nested": {"a": [1, {"b": None}]}}
    channel.basic_publish("", queue, b"", pika.BasicProperties(headers=headers))
    shown = pretty(receive, queue).decode()
    assert [line for line in shown.splitlines() if re.match(r"  h\d\d +\d+$", line)] == [
        f"  h{number:02}     {number}" for number in range(100)
    ]
    assert '  nested  {"a":[1,{"b":null}]}\n' in shown


def test_large_bodies_are_cut(receive: Program, channel: BlockingChannel, queue: str) -> None:
    declare_with(channel, queue, json.dumps(["x" * 50] * 20_000).encode(), b"\0" * (16 << 20), b"y" * (16 << 20))
    shown = pretty(receive, queue)
    assert len(shown) < 20_000
    assert shown.count(b"    ... cut; --format raw prints all of it\n") == 3
    assert b"  1080000 bytes, JSON\n" in shown
    assert b"  16777216 bytes, binary\n" in shown
    assert b"  16777216 bytes, text\n" in shown


def test_nothing_but_colours_reaches_the_terminal(receive: Program, channel: BlockingChannel, queue: str) -> None:
    evil = "\x1b]0;title\x07\x1b[2J\x9b31m\u202e\u200b\u2028\r\b"
    channel.queue_declare(queue)
    properties = pika.BasicProperties(
        content_type=evil, type=evil, headers={evil: evil, "x-death": [{"count": 1, "reason": evil, "queue": evil}]}
    )
    channel.basic_publish("", queue, f"some text before it {evil}".encode(), properties)
    result = receive("-q", queue, *PRETTY, "--color", "always")
    assert SGR.search(result.stdout)
    left = SGR.sub(b"", result.stdout).decode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e]", left)


def on_a_terminal(receive: Program, *args: str, columns: int = 80, env: dict[str, str] | None = None) -> bytes:
    """A whole run with standard output on a terminal; standard error too."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", **(env or {})}
    with subprocess.Popen([*receive.command, *args], env=environment, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:  # the terminal has nobody at its other end any more
                break
            if not data:
                break
            shown += data
        os.close(master)
        assert process.wait(DEADLINE) == 0
    return shown


@pytest.mark.parametrize(
    "color, env, expected",
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"NO_COLOR": ""}, True),
        ([], {"TERM": "dumb"}, False),
        (["--color", "never"], {}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "auto"], {"NO_COLOR": "1"}, False),
    ],
)
def test_colours_on_a_terminal(
    receive: Program, channel: BlockingChannel, broker_url: str, queue: str, color: list[str], env: dict[str, str], expected: bool
) -> None:
    declare_with(channel, queue, b"hi")
    shown = on_a_terminal(receive, "--url", broker_url, "-q", queue, *PRETTY, *color, env=env)
    assert bool(SGR.search(shown)) == expected
    assert b"    hi\r\n" in shown


def test_no_colours_in_a_file_unless_asked_for(receive: Program, channel: BlockingChannel, queue: str) -> None:
    declare_with(channel, queue, b"hi")
    assert b"\x1b" not in receive("-q", queue, *PRETTY).stdout
    declare_with(channel, queue, b"hi")
    assert b"\x1b[1m" in receive("-q", queue, *PRETTY, "--color", "always").stdout


def test_speed(send: Program, receive: Program, queue: str) -> None:
    """20,000 small messages a second into a file; half of it here, beside other tests. The program's part is less."""
    skip_if_sanitized(receive.command)
    count = 40_000
    fill(send, queue, numbered(range(count)))
    with open(os.devnull, "wb") as sink:
        before = processor_time_of_children()
        begun = time.monotonic()
        assert receive.start("-q", queue, *PRETTY, stdout=sink).finish(60).returncode == 0
        assert time.monotonic() - begun < count / 10_000
        assert processor_time_of_children() - before < count / 20_000


def processor_time_of_children() -> float:
    """Seconds, of those that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


# The progress line.


def progress_of(receive: Program, broker_url: str, *args: str, stdout: int = subprocess.DEVNULL) -> bytes:
    """What it writes on a terminal as standard error."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [*receive.command, "--url", broker_url, *args], stdin=subprocess.DEVNULL, stdout=stdout, stderr=slave
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            shown += data
        os.close(master)
        process.wait(DEADLINE)
    return shown


LINE = re.compile(rb"receive: (\d+) received, \d+\.\d MB, \d+ messages/s(?:, (\d+)%)?(?:, \d+ s left)?")


@pytest.mark.parametrize("ending", [["--drain"], ["--count", "50000"]], ids=["drain", "count"])
def test_progress_with_percent_where_the_total_is_known(
    send: Program, receive: Program, broker_url: str, queue: str, ending: list[str]
) -> None:
    fill(send, queue, numbered(range(50_000)))
    shown = progress_of(receive, broker_url, "-q", queue, *ending, "--format", "lines")
    found = LINE.findall(shown)
    assert found, shown
    percents = [int(percent) for _count, percent in found]
    assert percents == sorted(percents) and percents[-1] <= 100
    assert shown.endswith(b"\r\x1b[K"), "the line is removed at the end"


def test_progress_without_percent_where_it_is_not(send: Program, receive: Program, broker_url: str, queue: str) -> None:
    fill(send, queue, numbered(range(60_000)))
    shown = progress_of(receive, broker_url, "-q", queue, "--idle", "0.3", "--format", "lines")
    found = LINE.findall(shown)
    assert found and all(percent == b"" for _count, percent in found)


def test_no_progress_with_quiet(send: Program, receive: Program, broker_url: str, queue: str) -> None:
    fill(send, queue, numbered(range(60_000)))
    assert progress_of(receive, broker_url, "-q", queue, "--drain", "--quiet", "--format", "lines") == b""


def test_no_progress_when_the_messages_are_on_the_terminal(
    receive: Program, channel: BlockingChannel, broker_url: str, queue: str
) -> None:
    declare_with(channel, queue, b"hi")
    shown = on_a_terminal(receive, "--url", broker_url, "-q", queue, "--drain", "--format", "lines")
    assert b"received" not in shown


def test_percent_of_a_file(send: Program, broker_url: str, queue: str, tmp_path: object) -> None:
    """`send` knows how large its input is."""
    with witness(broker_url) as channel:
        channel.queue_declare(queue)
    path = f"{tmp_path}/lines"
    with open(path, "wb") as file:
        file.write(b"".join(b"%020d\n" % number for number in range(60_000)))
    shown = progress_of(send, broker_url, "-q", queue, "--lines", "--file", path)
    percents = [int(percent) for percent in re.findall(rb"messages/s, (\d+)%", shown)]
    assert percents and percents == sorted(percents) and percents[-1] <= 100
