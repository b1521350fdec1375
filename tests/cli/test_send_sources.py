"""Where `send` takes its messages from, and where one ends."""
from __future__ import annotations

import os
import random
import socket
import threading
from pathlib import Path

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from program import Program
from send_support import feed, open_pipe, resume_point, summary
from witness import take_all

MIB = 1024 * 1024
EVERY_BYTE = bytes(range(256))


def file_with(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


# MESSAGE and -.


@pytest.mark.parametrize("message", ["%%", "{}", "[a", "-- ", "++", "//", "a\nb", "\\"])
def test_a_message_that_means_something_elsewhere(
    send: Program, queue: str, channel: BlockingChannel, message: str
) -> None:
    assert send("--queue", queue, "--", message).returncode == 0
    assert take_all(channel, queue) == [message.encode()]


def test_a_dash_is_all_of_standard_input_as_one_message(
    send: Program, queue: str, channel: BlockingChannel
) -> None:
    data = EVERY_BYTE + b"\nsecond line\n"
    result = feed(send, data, "--queue", queue, "-")
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.startswith(b" [x] Sent '\\x00") and result.stdout.count(b"\n") == 1
    assert take_all(channel, queue) == [data]


def test_a_dash_stands_in_its_place_among_the_messages(
    send: Program, queue: str, channel: BlockingChannel
) -> None:
    result = feed(send, b"input", "--queue", queue, "a", "-", "b")
    assert (result.returncode, result.stdout) == (0, b" [x] Sent 'a'\n [x] Sent 'input'\n [x] Sent 'b'\n")
    assert take_all(channel, queue) == [b"a", b"input", b"b"]


def test_a_dash_with_nothing_on_standard_input_is_an_empty_message(
    send: Program, queue: str, channel: BlockingChannel
) -> None:
    assert send("--queue", queue, "-").stdout == b" [x] Sent ''\n"
    assert take_all(channel, queue) == [b""]


# --file.


def test_each_file_is_one_message(send: Program, queue: str, channel: BlockingChannel, tmp_path: Path) -> None:
    bodies = [EVERY_BYTE, b"", b"two\nlines\n"]
    files = [file_with(tmp_path, f"{number}", body) for number, body in enumerate(bodies)]
    result = send("--queue", queue, *(word for file in files for word in ("--file", file)))
    assert (result.returncode, result.stdout.count(b"\n"), result.stderr) == (0, 3, b"")
    assert take_all(channel, queue) == bodies


def test_a_file_may_be_standard_input(send: Program, queue: str, channel: BlockingChannel, tmp_path: Path) -> None:
    file = file_with(tmp_path, "file", b"file")
    assert feed(send, b"input", "--queue", queue, "-f", "-", "-f", file).returncode == 0
    assert take_all(channel, queue) == [b"input", b"file"]


@pytest.mark.parametrize("name", ["[1,2]", "[]", "{}", "%%", "a b", "a,b", "-"])
def test_a_files_name_is_taken_as_it_is(
    send: Program, queue: str, channel: BlockingChannel, tmp_path: Path, name: str
) -> None:
    file_with(tmp_path, name, b"found")
    send.command = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(tmp_path), *send.command]
    assert send("--queue", queue, "--file", f"./{name}" if name == "-" else name).returncode == 0
    assert take_all(channel, queue) == [b"found"]


def test_lines_of_files(send: Program, queue: str, channel: BlockingChannel, tmp_path: Path) -> None:
    first = file_with(tmp_path, "first", b"1\n2")  # no newline at its end: the next file starts a new line all the same
    empty = file_with(tmp_path, "empty", b"")
    last = file_with(tmp_path, "last", b"3\n")
    assert send("--queue", queue, "--lines", "-f", first, "-f", empty, "-f", last).returncode == 0
    assert take_all(channel, queue) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("args", [("--file",), ("--lines", "--file")], ids=" ".join)
def test_a_fifo_is_waited_for_and_read_to_its_end(
    send: Program, queue: str, channel: BlockingChannel, tmp_path: Path, args: tuple[str, ...]
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = send.start("--queue", queue, *args, str(fifo))

    def write() -> None:
        fifo.write_bytes(b"x" * 200_000)  # opening it waits for send

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    assert process.finish().returncode == 0
    thread.join()
    assert take_all(channel, queue) == [b"x" * 200_000]


# --lines and --null.


@pytest.mark.parametrize(
    ("data", "bodies"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"a\nb\n", [b"a", b"b"], id="newline at the end"),
        pytest.param(b"a\nb", [b"a", b"b"], id="no newline at the end"),
        pytest.param(b"\n\na\n\n", [b"", b"", b"a", b""], id="empty lines"),
        pytest.param(b"a\r\nb\r\n", [b"a\r", b"b\r"], id="CRLF"),
        pytest.param(b"a\0b\n\0\n", [b"a\0b", b"\0"], id="NUL"),
        pytest.param(EVERY_BYTE, [EVERY_BYTE[:10], EVERY_BYTE[11:]], id="every byte"),
        pytest.param(b" a \n\tb\n", [b" a ", b"\tb"], id="spaces"),
        pytest.param(b"-\n--lines\n", [b"-", b"--lines"], id="dashes"),
    ],
)
def test_lines(send: Program, queue: str, channel: BlockingChannel, data: bytes, bodies: list[bytes]) -> None:
    result = feed(send, data, "--queue", queue, "--lines")
    assert (result.returncode, result.stdout) == (0, b"")
    assert take_all(channel, queue) == bodies
    numbers = summary(result)
    assert (numbers["messages"], numbers["bytes"]) == (len(bodies), sum(map(len, bodies)))


@pytest.mark.parametrize(
    ("data", "bodies"),
    [
        pytest.param(b"a\0b\0", [b"a", b"b"], id="NUL at the end"),
        pytest.param(b"a\0b", [b"a", b"b"], id="no NUL at the end"),
        pytest.param(b"\0a\n\0\0", [b"", b"a\n", b""], id="empty and newline"),
        pytest.param(EVERY_BYTE, [b"", EVERY_BYTE[1:]], id="every byte"),
    ],
)
def test_null(send: Program, queue: str, channel: BlockingChannel, data: bytes, bodies: list[bytes]) -> None:
    assert feed(send, data, "--queue", queue, "--null").returncode == 0
    assert take_all(channel, queue) == bodies


@pytest.mark.parametrize("framing", ["--lines", "--null"])
def test_records_longer_than_any_buffer(
    send: Program, queue: str, channel: BlockingChannel, framing: str
) -> None:
    rng = random.Random(1)
    delimiter = b"\n" if framing == "--lines" else b"\0"
    lengths = [3 * MIB, 0, 65535, 65536, 65537, 131072, 1, 300 * 1024]
    bodies = [rng.randbytes(length).replace(delimiter, b"x") for length in lengths]
    assert feed(send, delimiter.join(bodies), "--queue", queue, framing).returncode == 0
    assert take_all(channel, queue) == bodies


def test_lines_that_come_byte_by_byte(send: Program, queue: str, channel: BlockingChannel) -> None:
    with open_pipe() as pipe:
        process = send.start("--queue", queue, "--lines", stdin=pipe.reading)
        for byte in b"slow\n\nbut sure":
            pipe.write(bytes([byte]))
            pipe.await_read()
        pipe.close()
        assert process.finish().returncode == 0
    assert take_all(channel, queue) == [b"slow", b"", b"but sure"]


def test_standard_input_that_does_not_block(send: Program, queue: str, channel: BlockingChannel) -> None:
    with open_pipe() as pipe:
        os.set_blocking(pipe.reading, False)  # as left behind by some other program
        process = send.start("--queue", queue, "--lines", stdin=pipe.reading)
        pipe.write(b"a\n")
        pipe.await_read()
        pipe.write(b"b\n")
        pipe.close()
        assert process.finish().returncode == 0
    assert take_all(channel, queue) == [b"a", b"b"]


def test_the_resume_point_counts_over_all_files(
    send: Program, queue: str, channel: BlockingChannel, tmp_path: Path
) -> None:
    first = file_with(tmp_path, "first", b'{"payload": "1"}\n{"payload": "2"}\n')
    second = file_with(tmp_path, "second", b'{"payload": "3"}\nno JSON\n')
    result = send("--queue", queue, "--json", "-f", first, "-f", second)
    assert (result.returncode, resume_point(result)) == (65, 4)
    assert take_all(channel, queue) == [b"1", b"2", b"3"]


# Bodies of any length.


@pytest.mark.parametrize("size", [0, 1, 131_064, 131_065, 131_072, 300 * 1024, 16 * MIB])
def test_a_body_of_any_length(
    send: Program, queue: str, channel: BlockingChannel, tmp_path: Path, size: int
) -> None:
    body = random.Random(size).randbytes(size)
    assert send("--queue", queue, "--file", file_with(tmp_path, "body", body)).returncode == 0
    assert take_all(channel, queue) == [body]


# Standard input that nothing reads.

UNREAD = b"send: standard input was not read; to send it, add - (as one message) or --lines (each line)\n"


def test_a_pipe_that_is_not_read_is_mentioned(send: Program, queue: str, channel: BlockingChannel) -> None:
    with open_pipe() as pipe:
        pipe.write(b"data\n")
        result = send("--queue", queue, stdin=pipe.reading)  # it is still open: there is no wait for its end
    assert (result.returncode, result.stdout, result.stderr) == (0, b" [x] Sent 'Hello World!'\n", UNREAD)
    assert take_all(channel, queue) == [b"Hello World!"]


def test_a_file_that_is_not_read_is_mentioned(send: Program, queue: str, tmp_path: Path) -> None:
    with Path(file_with(tmp_path, "data", b"data\n")).open("rb") as file:
        assert send("--queue", queue, stdin=file.fileno()).stderr == UNREAD
        file.seek(0, os.SEEK_END)
        assert send("--queue", queue, stdin=file.fileno()).stderr == b""


def test_a_socket_that_is_not_read_is_mentioned(send: Program, queue: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert send("--queue", queue, stdin=theirs.fileno()).stderr == b""
        ours.sendall(b"data")
        assert send("--queue", queue, stdin=theirs.fileno()).stderr == UNREAD


@pytest.mark.parametrize("args", [("--quiet",), ("a message",), ("-",), ("--lines",)], ids=" ".join)
def test_standard_input_is_not_mentioned(send: Program, queue: str, args: tuple[str, ...]) -> None:
    assert b"was not read" not in feed(send, b"data\n", "--queue", queue, *args).stderr


def test_an_empty_pipe_is_not_mentioned(send: Program, queue: str) -> None:
    with open_pipe() as pipe:
        assert send("--queue", queue, stdin=pipe.reading).stderr == b""
        pipe.close()
        assert send("--queue", queue, stdin=pipe.reading).stderr == b""
    assert send("--queue", queue).stderr == b""  # /dev/null
