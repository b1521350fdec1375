"""`send --json`: records of section 5 of the design."""
from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker
from field_types import typed_fields
from program import Program, Result
from send_support import feed, open_pipe, resume_point, summary
from witness import take_all

__all__ = ["typed_fields"]


def send_records(send: Program, queue: str, *records: Any, args: tuple[str, ...] = ()) -> Result:
    return feed(send, b"".join(json.dumps(each).encode() + b"\n" for each in records), "--json", "-q", queue, *args)


def properties_of(channel: BlockingChannel, queue: str) -> dict[str, Any]:
    method, properties, _body = channel.basic_get(queue, auto_ack=True)
    assert method is not None, f"{queue} is empty"
    return {name: value for name, value in vars(properties).items() if value is not None}


FULL_PROPERTIES = {
    "content_type": "text/plain", "content_encoding": "utf-8", "headers": {"k": "v"}, "delivery_mode": 2,
    "priority": 3, "correlation_id": "c", "reply_to": "r", "expiration": "60000", "message_id": "m",
    "timestamp": 1700000000, "type": "t", "user_id": "guest", "app_id": "a", "cluster_id": "x",
}  # fmt: skip


@pytest.mark.parametrize(
    ("record", "body"),
    [
        ({}, b""),
        ({"payload": "text"}, b"text"),
        ({"payload": "Ünï\u0000\n🐇"}, "Ünï\0\n🐇".encode()),
        ({"payload": "text", "payload_encoding": "string"}, b"text"),
        ({"payload": "/wD+", "payload_encoding": "base64"}, b"\xff\0\xfe"),
        ({"payload": "/w==", "payload_encoding": "base64"}, b"\xff"),
        ({"payload": "", "payload_encoding": "base64"}, b""),
        ({"payload_encoding": "base64"}, b""),
        ({"redelivered": True, "properties": {}}, b""),
        ({"payload": "x", "properties": []}, b"x"),
    ],
    ids=ascii,
)
def test_a_record_with_fields_left_out(
    send: Program, queue: str, channel: BlockingChannel, record: dict[str, Any], body: bytes
) -> None:
    result = send_records(send, queue, record)
    assert (result.returncode, result.stdout) == (0, b"")
    assert take_all(channel, queue) == [body]


def test_every_byte_in_base64(send: Program, queue: str, channel: BlockingChannel) -> None:
    body = bytes(range(256)) * 2000
    record = {"payload": base64.b64encode(body).decode(), "payload_encoding": "base64"}
    assert send_records(send, queue, record).returncode == 0
    assert take_all(channel, queue) == [body]


def test_a_record_of_the_management_api(send: Program, queue: str, channel: BlockingChannel) -> None:
    """As POST /api/queues/vhost/name/get of RabbitMQ gives it."""
    channel.queue_declare(queue)
    record = {
        "payload_bytes": 4, "redelivered": False, "exchange": "", "routing_key": queue, "message_count": 17,
        "properties": FULL_PROPERTIES, "payload": "body", "payload_encoding": "string",
    }  # fmt: skip
    result = feed(send, json.dumps(record).encode(), "--json", "--no-declare")
    assert result.returncode == 0
    method, properties, body = channel.basic_get(queue, auto_ack=True)
    assert method is not None
    assert body == b"body"
    assert {name: getattr(properties, name) for name in FULL_PROPERTIES} == FULL_PROPERTIES


@pytest.mark.parametrize("name", [name for name in FULL_PROPERTIES])
def test_one_property(send: Program, queue: str, channel: BlockingChannel, name: str) -> None:
    assert send_records(send, queue, {"properties": {name: FULL_PROPERTIES[name]}}).returncode == 0
    assert properties_of(channel, queue) == {name: FULL_PROPERTIES[name]}


@pytest.mark.usefixtures("typed_fields")
@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, ("V", None)),
        (True, ("t", True)),
        (7, ("l", 7)),
        (-(2**63), ("l", -(2**63))),
        (0.25, ("d", 0.25)),
        ("é", ("S", "é")),
        ([], []),
        ({}, {}),
        ([1, {"a": [None]}], [("l", 1), {"a": [("V", None)]}]),
        ({"!int8": -128}, ("b", -128)),
        ({"!uint8": 255}, ("B", 255)),
        ({"!int16": -32768}, ("s", -32768)),
        ({"!uint16": 65535}, ("u", 65535)),
        ({"!int32": -(2**31)}, ("I", -(2**31))),
        ({"!uint32": 2**32 - 1}, ("i", 2**32 - 1)),
        ({"!float": 0.5}, ("f", 0.5)),
        ({"!double": 1}, ("d", 1.0)),
        ({"!decimal": {"scale": 2, "value": 314}}, ("D", (2, 314))),
        ({"!timestamp": 1700000000}, ("T", 1700000000)),
        ({"!bytes": "/w=="}, ("x", b"\xff")),
        ({"!string": "/w=="}, ("S", b"\xff")),
        ({"!table": [["!x", 1]]}, {"!x": ("l", 1)}),
        ({"!a": 1, "b": 2}, {"!a": ("l", 1), "b": ("l", 2)}),
    ],
    ids=ascii,
)
def test_a_header_has_the_tagged_type(
    send: Program, queue: str, channel: BlockingChannel, value: object, field: object
) -> None:
    assert send_records(send, queue, {"properties": {"headers": {"k": value}}}).returncode == 0
    assert properties_of(channel, queue) == {"headers": {"k": field}}


@pytest.mark.usefixtures("typed_fields")
@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"!uint64": 2**64 - 1}, ("L", 2**64 - 1)),
        ({"!double": "inf"}, ("d", float("inf"))),
        ({"!float": "-inf"}, ("f", float("-inf"))),
    ],
)
def test_what_rabbitmq_does_not_take_goes_out_all_the_same(
    send: Program, fake_broker: FakeBroker, value: object, field: object
) -> None:
    record = {"properties": {"headers": {"k": value}}}
    assert feed(send, json.dumps(record).encode(), "--json", url=fake_broker.url).returncode == 0
    (publish,) = fake_broker.methods(spec.Basic.Publish)
    assert publish.properties is not None and publish.properties.headers == {"k": field}


# Where records go.


@pytest.mark.parametrize(
    ("args", "record", "address"),
    [
        ((), {}, ("", "hello")),
        ((), {"routing_key": "k"}, ("", "k")),
        ((), {"exchange": "e"}, ("e", "")),
        ((), {"exchange": "e", "routing_key": "k"}, ("e", "k")),
        (("--queue", "q"), {}, ("", "q")),
        (("--queue", "q"), {"exchange": "e", "routing_key": "k"}, ("", "q")),
        (("--exchange", "x"), {}, ("x", "")),
        (("--exchange", "x"), {"exchange": "e", "routing_key": "k"}, ("x", "k")),
        (("--exchange", ""), {"exchange": "e", "routing_key": "k"}, ("", "k")),
        (("--routing-key", "y"), {"exchange": "e", "routing_key": "k"}, ("e", "y")),
        (("--routing-key", "y"), {}, ("", "y")),
        (("--exchange", "x", "--routing-key", "y"), {"exchange": "e", "routing_key": "k"}, ("x", "y")),
    ],
    ids=lambda value: "" if isinstance(value, tuple) and len(value) == 2 and value[0] in ("", "e", "x") else str(value),
)
def test_the_command_line_wins_over_the_record(
    send: Program, fake_broker: FakeBroker, args: tuple[str, ...], record: dict[str, str], address: tuple[str, str]
) -> None:
    assert feed(send, json.dumps(record).encode(), "--json", *args, url=fake_broker.url).returncode == 0
    (publish,) = fake_broker.methods(spec.Basic.Publish)
    assert (publish.method.exchange, publish.method.routing_key) == address


def test_properties_of_the_command_line_win_over_the_records(
    send: Program, queue: str, channel: BlockingChannel
) -> None:
    record = {"properties": {"app_id": "record", "type": "record", "headers": {"a": 1, "b": 2}}}
    assert send_records(send, queue, record, {}, args=("--app-id", "line", "-H", "b=line")).returncode == 0
    first = properties_of(channel, queue)
    assert first == {"app_id": "line", "type": "record", "headers": {"a": 1, "b": "line"}}
    assert properties_of(channel, queue) == {"app_id": "line", "headers": {"b": "line"}}


# What is no record.

DEEP = "[" * 513 + "]" * 513
VERY_DEEP = "[" * 400_000 + "]" * 400_000

BAD_LINES = {
    "no JSON": "{",
    "plain text": "text",
    "a string": '"text"',
    "an array of arrays": "[[]]",
    "an array of strings": '["text"]',
    "cut": '{"payload": "x"',
    "cut in a string": '{"payload": "x',
    "no comma": '{"payload": "x" "exchange": ""}',
    "a bracket of the wrong kind": '{"payload": "x"]',
    "a bad escape": r'{"payload": "\x"}',
    "a bad literal": '{"redelivered": flase}',
    "unknown field": '{"paylod": "x"}',
    "invalid UTF-8": b'{"payload": "\xff"}',
    "payload is a number": '{"payload": 1}',
    "payload is a number too large for one": '{"payload": 1e999}',
    "payload is null": '{"payload": null}',
    "payload is nested": '{"payload": %s}' % VERY_DEEP,
    "unknown encoding": '{"payload": "x", "payload_encoding": "hex"}',
    "base64, cut": '{"payload": "abc", "payload_encoding": "base64"}',
    "base64, other characters": '{"payload": "ab$=", "payload_encoding": "base64"}',
    "base64, padding inside": '{"payload": "a=bc", "payload_encoding": "base64"}',
    "exchange is a number": '{"exchange": 1}',
    "exchange too long": '{"exchange": "%s"}' % ("e" * 256),
    "routing key too long": '{"routing_key": "%s"}' % ("k" * 256),
    "properties is a string": '{"properties": "x"}',
    "unknown property": '{"properties": {"colour": "red"}}',
    "priority too large": '{"properties": {"priority": 256}}',
    "priority is a string": '{"properties": {"priority": "1"}}',
    "expiration is a number": '{"properties": {"expiration": 5}}',
    "expiration is no number": '{"properties": {"expiration": "soon"}}',
    "negative timestamp": '{"properties": {"timestamp": -1}}',
    "property too long": '{"properties": {"type": "%s"}}' % ("t" * 256),
    "headers is a string": '{"properties": {"headers": "x"}}',
    "unknown tag": '{"properties": {"headers": {"k": {"!int24": 1}}}}',
    "tag out of range": '{"properties": {"headers": {"k": {"!int8": 128}}}}',
    "integer out of range": '{"properties": {"headers": {"k": 18446744073709551615}}}',
    "header name too long": '{"properties": {"headers": {"%s": 1}}}' % ("k" * 256),
    "nested too deep": '{"properties": {"headers": {"k": %s}}}' % DEEP,
    "nested far too deep": '{"properties": {"headers": {"k": %s}}}' % VERY_DEEP,
    "headers larger than a frame": '{"properties": {"headers": {"k": "%s"}}}' % ("v" * 140_000),
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_is_named_and_all_before_it_is_sent(
    send: Program, queue: str, channel: BlockingChannel, line: str | bytes
) -> None:
    channel.queue_declare(queue)
    good = [json.dumps({"routing_key": queue, "payload": str(number)}).encode() for number in (1, 2, 4)]
    bad = line if isinstance(line, bytes) else line.encode()
    result = feed(send, b"\n".join([*good[:2], bad, good[2]]), "--json", "--no-declare")
    assert take_all(channel, queue) == [b"1", b"2"]
    assert result.returncode == 65, result.stderr[-300:]
    assert re.search(rb"\Asend: record 3, line [345] of the input: [^\n]*\n", result.stderr), result.stderr[-300:]
    assert resume_point(result) == 3
    assert len(result.stderr) < 2000


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Jb"], ids=ascii)
def test_what_a_bad_record_holds_does_not_break_the_message(send: Program, queue: str, name: str) -> None:
    result = send_records(send, queue, {name: 1}, args=("--quiet",))
    assert result.returncode == 65
    assert result.stderr.count(b"\n") == 1 and b"\x1b" not in result.stderr


def test_quiet_still_names_the_bad_record_and_the_resume_point(send: Program, queue: str) -> None:
    result = feed(send, b"{}\n{\n", "--json", "--quiet", "--queue", queue)
    assert result.returncode == 65
    lines = result.stderr.splitlines()
    assert len(lines) == 2 and b"line 2" in lines[0] and resume_point(result) == 2


def test_a_bad_first_record_needs_one_line(send: Program, queue: str) -> None:
    result = feed(send, b'{"payload": x}\n{}\n', "--json", "--queue", queue)
    assert (result.returncode, result.stdout) == (65, b"")
    assert result.stderr == b"send: record 1, line 1 of the input: not JSON near '{\"payload\": x'\n"


def test_the_line_is_that_of_the_fault(send: Program, queue: str) -> None:
    result = feed(send, b'{}\n{\n "payload":\n  nul,\n "exchange": ""}\n', "--json", "--queue", queue)
    assert (result.returncode, resume_point(result)) == (65, 2)
    assert result.stderr.startswith(b"send: record 2, line 4 of the input: not JSON near '  nul,'\n")


def test_the_line_of_a_record_that_cannot_be_sent_is_that_of_its_beginning(send: Program, queue: str) -> None:
    too_long = b'{}\n\n{\n"exchange":\n"' + b"e" * 256 + b'"}'
    result = feed(send, too_long, "--json", "--no-declare", "--quiet")
    assert (result.returncode, resume_point(result)) == (65, 2)
    assert b"send: record 2, line 3 of the input: " in result.stderr


def test_the_line_is_counted_in_its_file(send: Program, queue: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("{}\n{}\n")
    (tmp_path / "b").write_text('{}\n{"colour": "red"}\n')
    result = send("--json", "--queue", queue, "-f", str(tmp_path / "a"), "-f", str(tmp_path / "b"))
    assert (result.returncode, resume_point(result)) == (65, 4)
    assert result.stderr.startswith(b"send: record 4, line 2 of '%s': there is no field " % bytes(tmp_path / "b"))


def test_headers_are_taken_as_deep_as_they_can_be_read_back(send: Program, receive: Program, queue: str) -> None:
    def header(depth: int) -> str:
        return "[" * depth + "]" * depth

    def record(depth: int) -> bytes:
        return b'{"properties": {"headers": {"k": %s}}}\n' % header(depth).encode()

    refused = feed(send, b"{}\n" + record(2000), "--json", "--queue", queue)
    match = re.search(rb"send: record 2, line 2 of the input: .* nested more than (\d+) deep\n", refused.stderr)
    assert match and refused.returncode == 65, refused.stderr
    deepest = int(match[1])
    assert send("--queue", queue, "-H", f"k:json={header(deepest + 1)}").returncode == 64
    assert feed(send, record(deepest + 1), "--json", "--queue", queue).returncode == 65
    assert send("--queue", queue, "-H", f"k:json={header(deepest)}").returncode == 0
    assert feed(send, record(deepest), "--json", "--queue", queue).returncode == 0
    got = receive("--queue", queue, "--drain", "--format", "json")
    assert got.returncode == 0, got.stderr
    headers = [json.loads(line)["properties"].get("headers") for line in got.stdout.splitlines()]
    assert headers == [None, {"k": json.loads(header(deepest))}, {"k": json.loads(header(deepest))}]


# Line breaks and arrays.

THREE = [{"payload": text} for text in ('{"a', "]}", '\\"')]

STREAMS = {
    "no line breaks": "".join(json.dumps(each) for each in THREE),
    "one line": " ".join(json.dumps(each) for each in THREE),
    "empty lines": "\r\n\r\n".join(json.dumps(each) for each in THREE),
    "indented": "\n".join(json.dumps(each, indent=4) for each in THREE),
    "an array": json.dumps(THREE),
    "an indented array": json.dumps(THREE, indent=4) + "\n",
    "arrays and objects": json.dumps(THREE[:2]) + " [] " + json.dumps(THREE[2]),
    "a byte order mark": "\ufeff" + json.dumps(THREE),
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS.keys())
def test_a_stream_of_values(send: Program, queue: str, channel: BlockingChannel, stream: str) -> None:
    result = feed(send, stream.encode(), "--json", "--queue", queue)
    assert (result.returncode, result.stdout, summary(result)["confirmed"]) == (0, b"", 3)
    assert take_all(channel, queue) == [each["payload"].encode() for each in THREE]


def test_the_array_of_the_management_api(send: Program, queue: str, channel: BlockingChannel) -> None:
    channel.queue_declare(queue)
    records = [
        {
            "payload_bytes": 1, "redelivered": False, "exchange": "", "routing_key": queue, "message_count": 9,
            "properties": FULL_PROPERTIES, "payload": str(number), "payload_encoding": "string",
        }
        for number in range(3)
    ]  # fmt: skip
    assert feed(send, json.dumps(records).encode(), "--json", "--no-declare").returncode == 0
    assert take_all(channel, queue) == [b"0", b"1", b"2"]


def test_an_element_of_an_array_is_sent_when_it_is_complete(send: Program, fake_broker: FakeBroker) -> None:
    with open_pipe() as pipe:
        process = send.start("--json", url=fake_broker.url, stdin=pipe.reading)
        pipe.write(b'[\n  {"payload":\n "1"')
        pipe.await_read()
        assert fake_broker.methods(spec.Basic.Publish) == []
        pipe.write(b"}")
        fake_broker.await_methods(spec.Basic.Publish)
        pipe.write(b', {"payload": "2"}')
        assert fake_broker.await_methods(spec.Basic.Publish, 2)[1].body == b"2"
        pipe.write(b"]")
        pipe.close()
        assert process.finish().returncode == 0


@pytest.mark.parametrize(("cut", "line"), [('[{}, {"payload"', 1), ("[{},\n{}\n", 3), ("[{},\n{},", 2)])
def test_an_array_that_is_cut_is_told(
    send: Program, queue: str, channel: BlockingChannel, cut: str, line: int
) -> None:
    result = feed(send, cut.encode(), "--json", "--queue", queue)
    whole = cut.count("{}")
    assert (result.returncode, resume_point(result)) == (65, whole + 1)
    assert result.stderr.startswith(
        b"send: record %d, line %d of the input: the input ends in the middle of " % (whole + 1, line)
    )
    assert len(take_all(channel, queue)) == whole


def test_an_array_takes_the_memory_of_a_record(send: Program, queue: str) -> None:
    record = json.dumps({"payload": "x" * 1000}).encode()
    with open_pipe() as pipe:
        process = send.start("--json", "--queue", queue, "--queue-arg", "x-max-length=10", stdin=pipe.reading)
        pipe.write(b"[" + b",".join([record] * 60_000))
        pipe.await_read()
        peak = process.peak_kib()
        pipe.write(b"]")
        pipe.close()
        result = process.finish()
    assert (result.returncode, summary(result)["confirmed"]) == (0, 60_000)
    assert peak < 32 * 1024


# Properties that the command line removes.


def test_an_empty_option_drops_the_property_of_the_record(
    send: Program, queue: str, channel: BlockingChannel
) -> None:
    texts = [name for name, value in FULL_PROPERTIES.items() if isinstance(value, str) and name != "cluster_id"]
    args = tuple(word for name in texts for word in ("--" + name.replace("_", "-"), ""))
    record = {"properties": FULL_PROPERTIES | {"user_id": "somebody else"}}
    assert send_records(send, queue, record, {}, args=args).returncode == 0
    kept = {name: value for name, value in FULL_PROPERTIES.items() if name not in texts}
    assert properties_of(channel, queue) == kept
    assert properties_of(channel, queue) == {}


def test_an_empty_user_id_alone(send: Program, queue: str, channel: BlockingChannel) -> None:
    record = {"properties": {"user_id": "somebody else", "type": "t"}}
    assert send_records(send, queue, record, args=("--user-id", "")).returncode == 0
    assert properties_of(channel, queue) == {"type": "t"}
