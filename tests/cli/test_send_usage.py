"""Bad input: its exit code, one line that says what is wrong with what, and no connection made."""
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fake_broker import FakeBroker
from program import Argument, Program, Result
from send_support import feed


def refused(send: Program, fake: FakeBroker, status: int, *args: Argument) -> str:
    """What it says on standard error; the broker has not heard of it."""
    result = send(*args, url=fake.url)
    assert_refused(result, fake, status)
    return result.stderr.decode().splitlines()[0]


def assert_refused(result: Result, fake: FakeBroker, status: int) -> None:
    assert (result.returncode, result.stdout) == (status, b""), result.stderr
    assert result.stderr.startswith(b"send: ") and result.stderr.count(b"\n") == 1, result.stderr
    assert fake.sessions == []


# Files.


@pytest.mark.parametrize("framing", [(), ("--lines",), ("--null",), ("--json",)], ids=" ".join)
def test_a_missing_file(send: Program, fake_broker: FakeBroker, tmp_path: Path, framing: tuple[str, ...]) -> None:
    there, missing = tmp_path / "there", str(tmp_path / "missing")
    there.write_bytes(b"x\n")
    said = refused(send, fake_broker, 66, *framing, "--file", str(there), "--file", missing)
    assert said == f"send: cannot read '{missing}': No such file or directory"


def test_a_directory(send: Program, fake_broker: FakeBroker, tmp_path: Path) -> None:
    said = refused(send, fake_broker, 66, "--file", str(tmp_path))
    assert said == f"send: cannot read '{tmp_path}': Is a directory"


def test_a_file_without_a_name(send: Program, fake_broker: FakeBroker) -> None:
    assert "cannot read ''" in refused(send, fake_broker, 66, "--file", "")


def test_standard_input_that_cannot_be_read(send: Program, fake_broker: FakeBroker, tmp_path: Path) -> None:
    send.command = ["/bin/sh", "-c", f'exec "$0" "$@" <{tmp_path}', *send.command]
    result = send("--lines", url=fake_broker.url)
    assert (result.returncode, result.stdout) == (66, b"")
    assert result.stderr.startswith(b"send: cannot read standard input: Is a directory\n")


def test_a_file_nobody_may_read(send: Program, fake_broker: FakeBroker, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    secret.chmod(0)
    unprivileged = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
    if subprocess.run([*unprivileged, "test", "-x", send.command[0]]).returncode:
        pytest.skip("no other user to run send as")
    tmp_path.chmod(0o755)
    send.command = [*unprivileged, *send.command]
    assert "Permission denied" in refused(send, fake_broker, 66, "--file", str(secret))


# Headers and arguments.


@pytest.mark.parametrize("option", ["--header", "--queue-arg"])
@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "KEY=VALUE"),
        ("key", "KEY=VALUE"),
        ("=value", "key is empty"),
        (":int=1", "key is empty"),
        ("k:integer=1", "no type 'integer'"),
        ("k:=1", "no type ''"),
        ("k:Int=1", "no type 'Int'"),
        ("k:int=", "whole number"),
        ("k:int=one", "whole number"),
        ("k:int=1.5", "whole number"),
        ("k:int=1x", "whole number"),
        ("k:int= 1", "whole number"),
        ("k:int=9223372036854775808", "64 bits"),
        ("k:float=", "not a number"),
        ("k:float=1,5", "not a number"),
        ("k:bool=yes", "neither true nor false"),
        ("k:bool=", "neither true nor false"),
        ("k:timestamp=yesterday", "whole seconds"),
        ("k:timestamp=-1", "whole seconds"),
        ("k:json=", "not JSON"),
        ("k:json={", "not JSON"),
        ('k:json={"!int24": 1}', "no type '!int24'"),
        ("k:json=" + "[" * 520 + "]" * 520, "nested"),
        ("k" * 256 + "=v", "256"),
    ],
    ids=lambda value: value[:20],
)
def test_a_malformed_field(send: Program, fake_broker: FakeBroker, option: str, text: str, word: str) -> None:
    said = refused(send, fake_broker, 64, option, text)
    assert option in said and text[:100] in said and word in said


def test_a_header_nested_beyond_reason(send: Program, fake_broker: FakeBroker) -> None:
    refused(send, fake_broker, 64, "-H", "k:json=" + "[" * 60_000 + "]" * 60_000)


def test_a_header_larger_than_a_frame(send: Program, fake_broker: FakeBroker) -> None:
    headers = [word for number in range(14) for word in ("-H", f"k{number}=" + "v" * 10_000)]
    result = send(*headers, url=fake_broker.url)
    assert (result.returncode, result.stdout) == (64, b"")
    assert b"131064" in result.stderr


# Names and properties.


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (("--queue",), "queue"),
        (("--exchange",), "exchange"),
        (("--exchange", "e", "--routing-key"), "routing key"),
        (("--content-type",), "--content-type"),
        (("--content-encoding",), "--content-encoding"),
        (("--correlation-id",), "--correlation-id"),
        (("--reply-to",), "--reply-to"),
        (("--message-id",), "--message-id"),
        (("--type",), "--type"),
        (("--user-id",), "--user-id"),
        (("--app-id",), "--app-id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("text", ["x" * 256, "é" * 128], ids=["ASCII", "UTF-8"])
def test_a_text_over_255_bytes(
    send: Program, fake_broker: FakeBroker, args: tuple[str, ...], what: str, text: str
) -> None:
    said = refused(send, fake_broker, 64, *args, text)
    assert what in said and "256 bytes" in said and "255" in said


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[("--priority", value) for value in ("256", "-1", "1.5", "high", "")],
        *[("--expiration", value) for value in ("soon", "-1", "1.5", "5s")],
        *[("--timestamp", value) for value in ("yesterday", "-1", "1.5", "")],
        *[("--repeat", value) for value in ("0", "-1", "1.5", "abc", "")],
        *[("--rate", value) for value in ("0", "-1", "abc", "", "nan")],
        *[("--window", value) for value in ("0", "-1", "abc", "")],
        *[("--confirm-timeout", value) for value in ("-1", "abc", "", "nan")],
        *[("--queue-type", value) for value in ("lazy", "")],
        ("--queue", ""),
    ],
)
def test_a_value_out_of_range(send: Program, fake_broker: FakeBroker, option: str, value: str) -> None:
    said = refused(send, fake_broker, 64, f"{option}={value}")
    assert option in said and value in said


@pytest.mark.parametrize("rate", ["0", "0.0"])
def test_a_rate_of_0_is_explained(send: Program, fake_broker: FakeBroker, rate: str) -> None:
    assert "leave --rate out to send without a limit" in refused(send, fake_broker, 64, "--rate", rate)


# Options that contradict each other.


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MESSAGE", "--lines"),
        ("MESSAGE", "--null"),
        ("MESSAGE", "--json"),
        ("MESSAGE", "--file=x"),
        ("--lines", "--json"),
        ("--lines", "--null"),
        ("--null", "--json"),
        ("--queue=q", "--exchange=e"),
        ("--queue=q", "--routing-key=k"),
        ("--durable", "--no-declare"),
        ("--queue-type=quorum", "--no-declare"),
        ("--queue-arg=k=v", "--no-declare"),
        ("--durable", "--exchange=e"),
        ("--queue-type=quorum", "--exchange=e"),
        ("--queue-arg=k=v", "--exchange=e"),
        ("--no-confirm", "--window=5"),
        ("--no-confirm", "--confirm-timeout=5"),
    ],
)
def test_options_that_contradict_each_other(send: Program, fake_broker: FakeBroker, one: str, other: str) -> None:
    for args in ((one, other), (other, one)):
        said = refused(send, fake_broker, 64, *args)
        assert one.partition("=")[0] in said and other.partition("=")[0] in said


@pytest.mark.parametrize("args", [("--durable",), ("--queue-type=quorum",), ("--queue-arg=k=v",)], ids=" ".join)
def test_declaring_options_with_a_routing_key(
    send: Program, fake_broker: FakeBroker, args: tuple[str, ...]
) -> None:
    """No queue would be declared."""
    result = feed(send, b"{}\n", "--json", "--routing-key", "k", *args, url=fake_broker.url)
    assert_refused(result, fake_broker, 64)


@pytest.mark.parametrize(
    "args",
    [("-", "-"), ("-", "a", "-"), ("--file", "-", "--file", "-"), ("--lines", "-f", "-", "-f", "-")],
    ids=" ".join,
)
def test_standard_input_asked_for_twice(send: Program, fake_broker: FakeBroker, args: tuple[str, ...]) -> None:
    assert "standard input" in refused(send, fake_broker, 64, *args)


def test_a_routing_key_without_an_exchange(send: Program, fake_broker: FakeBroker) -> None:
    said = refused(send, fake_broker, 64, "--routing-key", "k")
    assert "--routing-key" in said and "--exchange" in said
