"""`receive --format` and `--template`, and what goes to which of the two outputs."""
from __future__ import annotations

import ast
import datetime
import json
import re

import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from program import Process, Program, Result
from receive_support import NOWHERE, READY, WAITING, await_consumer, await_ready, declare_with
from witness import publish

EVERY_BYTE = [bytes([byte]) for byte in range(256)]
TRICKY = [
    b"", b"Hello World!", b"'", b'"', b"'\"", b"\\", b"\\n", b"a\nb", b"\0", b"tab\there",
    "Ünï🐇".encode(), "\u202egnp.exe".encode(), "\x9b2J".encode(), b"\x1b[2J\x07", b"\xff\xfe", b"\xc3",
    b"x" * 200_000, b"\x7f",
]  # fmt: skip
FORMATS = ["hello", "text", "raw", "lines", "null", "json"]
PROPERTIES = spec.BasicProperties(
    content_type="text/plain", content_encoding="utf-8", headers={"k": "v", "n": [None, True]}, delivery_mode=2,
    priority=3, correlation_id="c", reply_to="r", expiration="60000", message_id="m", timestamp=1700000000,
    type="t", user_id="guest", app_id="a",
)  # fmt: skip


def drain(receive: Program, queue: str, *args: str) -> Result:
    result = receive("--queue", queue, "--drain", *args)
    assert result.returncode == 0, result.stderr
    return result


def one(receive: Program, queue: str, channel: BlockingChannel, body: bytes, *args: str) -> bytes:
    declare_with(channel, queue, body)
    return drain(receive, queue, *args).stdout


# The bytes.


@pytest.mark.parametrize("bodies", [EVERY_BYTE, TRICKY], ids=["every byte", "tricky"])
@pytest.mark.parametrize(
    ("name", "before", "after"), [("raw", b"", b""), ("lines", b"", b"\n"), ("null", b"", b"\0")]
)
def test_bytes_and_an_end(
    receive: Program, queue: str, channel: BlockingChannel, name: str, before: bytes, after: bytes, bodies: list[bytes]
) -> None:
    declare_with(channel, queue, *bodies)
    assert drain(receive, queue, "--format", name).stdout == b"".join(before + body + after for body in bodies)


@pytest.mark.parametrize("args", [(), ("--format", "hello")], ids=["default", "hello"])
def test_hello_is_pythons_repr(
    receive: Program, queue: str, channel: BlockingChannel, args: tuple[str, ...]
) -> None:
    bodies = [*EVERY_BYTE, *TRICKY, bytes(range(256))]
    declare_with(channel, queue, *bodies)
    expected = b"".join(f" [x] Received {body!r}\n".encode() for body in bodies)
    assert drain(receive, queue, *args).stdout == WAITING + expected


def test_text_is_a_line_a_message_that_can_be_read_back(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    bodies = [body for body in [*EVERY_BYTE, *TRICKY] if body != b'"']
    declare_with(channel, queue, *bodies)
    printed = drain(receive, queue, "--format", "text").stdout.decode().split("\n")
    assert printed.pop() == "" and len(printed) == len(bodies)
    for line, body in zip(printed, bodies, strict=True):
        escaped = ast.literal_eval('"""' + line.replace('"', '\\"') + '"""')
        assert escaped.encode() == body or escaped.encode("latin-1") == body, line[:100]


def test_text_sends_a_terminal_nothing_but_what_it_shows(
    receive: Program, queue: str, channel: BlockingChannel
) -> None:
    declare_with(channel, queue, *EVERY_BYTE, *TRICKY, *("".join(map(chr, range(0x80, 0x300))).encode(),))
    declare_with(channel, queue, *(chr(c).encode() for c in (0x200B, 0x200E, 0x2028, 0x2029, 0x202A, 0x2066, 0xFEFF)))
    printed = drain(receive, queue, "--format", "text").stdout.decode()
    assert [c for c in printed.replace("\n", "") if not c.isprintable()] == []


@pytest.mark.parametrize("text", ["plain", "Ünï🐇", "a b  c", '{"a": "b"}', "it's"])
def test_text_leaves_printable_text_as_it_is(
    receive: Program, queue: str, channel: BlockingChannel, text: str
) -> None:
    assert one(receive, queue, channel, text.encode(), "--format", "text") == text.encode() + b"\n"


def test_json_is_a_record_of_the_management_api(receive: Program, queue: str, channel: BlockingChannel) -> None:
    channel.queue_declare(queue)
    channel.basic_publish("", queue, "é".encode(), PROPERTIES)
    channel.basic_publish("", queue, b"\xff\0")
    first, second = map(json.loads, drain(receive, queue, "--format", "json").stdout.splitlines())
    properties = {name: value for name, value in vars(PROPERTIES).items() if value is not None}
    assert first == {
        "payload": "é", "payload_encoding": "string", "exchange": "", "routing_key": queue, "redelivered": False,
        "properties": properties,
    }  # fmt: skip
    assert (second["payload"], second["payload_encoding"], second["properties"]) == ("/wA=", "base64", {})


def test_json_is_a_line_a_message(receive: Program, queue: str, channel: BlockingChannel) -> None:
    declare_with(channel, queue, *EVERY_BYTE, *TRICKY)
    printed = drain(receive, queue, "--format", "json").stdout
    assert printed.count(b"\n") == len(EVERY_BYTE) + len(TRICKY)
    printed.decode()


# --template.


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (r"{body}\n", "é\n"),
        (r"{routing_key}\t{size}\0", "QUEUE\t2\0"),
        (r"[{exchange}] {delivery_tag} {redelivered}\r\n", "[] 1 false\r\n"),
        (r"\\{{}}", "\\{}"),
        ("{body:*^5}|{size:03}|{body:.0}", "**é**|002|"),
        ("{content_type} {content_encoding} {delivery_mode} {priority}", "text/plain utf-8 2 3"),
        ("{correlation_id}{reply_to} {expiration} {message_id}", "cr 60000 m"),
        ("{timestamp} {type} {user_id} {app_id}", "1700000000 t guest a"),
        ("{headers}", '{"k":"v","n":[null,true]}'),
        ("no field", "no field"),
    ],
)
def test_template(
    receive: Program, queue: str, channel: BlockingChannel, template: str, expected: str
) -> None:
    channel.queue_declare(queue)
    channel.basic_publish("", queue, "é".encode(), PROPERTIES)
    result = drain(receive, queue, "--template", template)
    assert result.stdout.decode() == expected.replace("QUEUE", queue)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{headers[kind]}", "disk"),
        ("{headers[retries]}|{headers[on]}|{headers[at]}|{headers[none]}", "5|true|1700000000|null"),
        ("{headers[list]}", '["a",null]'),
        ("<{headers[nosuch]}>", "<>"),
        ("{headers[kind]:_>6}", "__disk"),
        ("{headers[a b: {c}]}", "odd"),
    ],
)
def test_template_picks_one_header(
    receive: Program, queue: str, channel: BlockingChannel, template: str, expected: str
) -> None:
    channel.queue_declare(queue)
    headers = {"kind": "disk", "retries": 5, "on": True, "none": None, "list": ["a", None], "a b: {c}": "odd",
               "at": datetime.datetime.fromtimestamp(1700000000, datetime.timezone.utc)}  # fmt: skip
    channel.basic_publish("", queue, b"", spec.BasicProperties(headers=headers))
    assert drain(receive, queue, "--template", template).stdout.decode() == expected


def test_template_of_a_message_without_properties(receive: Program, queue: str, channel: BlockingChannel) -> None:
    template = "{body}<{content_type}{priority}{timestamp}{message_id}>{headers}"
    assert one(receive, queue, channel, b"x", "--template", template) == b"x<>{}"


@pytest.mark.parametrize("body", [*TRICKY, bytes(range(256)), b"{size}", b"%s"], ids=lambda body: repr(body[:20]))
def test_template_keeps_the_bodys_bytes(
    receive: Program, queue: str, channel: BlockingChannel, body: bytes
) -> None:
    assert one(receive, queue, channel, body, "--template", "<{body}>") == b"<" + body + b">"


@pytest.mark.parametrize(
    "template",
    ["{", "}", "{nobody}", "{body", "{body:d}", "{size:q}", "{}", "{0}", "{body!r}", "\\x", "\\", "{body:{size}}",
     "{body:.{delivery_tag}}", "{body:>2000000000}", "{headers[]}", "{headers[kind", "{headers[kind]x}", "{body[0]}",
     "{headers[kind]:d}"],
)
def test_a_bad_template_is_refused_before_connecting(receive: Program, template: str) -> None:
    result = receive("--template", template, url=NOWHERE)
    assert (result.returncode, result.stdout) == (64, b"")
    assert re.fullmatch(rb"receive: [^\n]*--template[^\n]+\n", result.stderr)


def test_an_unknown_format_is_refused_before_connecting(receive: Program) -> None:
    result = receive("--format", "xml", url=NOWHERE)
    assert (result.returncode, result.stdout) == (64, b"")
    assert b"xml" in result.stderr and b"json" in result.stderr


def test_format_and_template_exclude_each_other(receive: Program) -> None:
    assert receive("--format", "raw", "--template", "x", url=NOWHERE).returncode == 64


# Which output.


def interrupted(process: Process) -> Result:
    process.interrupt()
    return process.finish()


@pytest.mark.parametrize("args", [*(("--format", name) for name in FORMATS[1:]), ("--template", "")], ids=" ".join)
def test_the_programs_own_lines_go_to_standard_error(
    receive: Program, queue: str, args: tuple[str, ...]
) -> None:
    process = receive.start("--queue", queue, *args)
    await_ready(process)
    result = interrupted(process)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", READY + b"Interrupted\n")


@pytest.mark.parametrize("name", FORMATS)
def test_quiet_leaves_the_messages_alone(
    receive: Program, queue: str, channel: BlockingChannel, name: str
) -> None:
    channel.queue_declare(queue)
    process = receive.start("--queue", queue, "--quiet", "--format", name)
    await_consumer(channel, queue)
    publish(channel, queue, b"x")
    process.wait_for(lambda: b"x" in process.stdout, "message")
    result = interrupted(process)
    assert (result.returncode, result.stderr) == (0, b"")
    assert READY not in result.stdout and b"Interrupted" not in result.stdout


def test_quiet_says_all_the_same_what_goes_wrong(receive: Program) -> None:
    result = receive("--quiet", url=NOWHERE)
    assert result.returncode == 69 and result.stderr.count(b"\n") == 1
