"""Slips on the command line: one line that says what is wrong and what to write, and nothing is done."""
from __future__ import annotations

import re
from pathlib import Path

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker
from program import Argument, Program


def refused(program: Program, fake: FakeBroker, *args: Argument, status: int = 64) -> str:
    """The line it says, without the program's name; the broker has not heard of it."""
    result = program(*args, url=fake.url)
    assert (result.returncode, result.stdout) == (status, b""), result
    assert result.stderr.count(b"\n") == 1, result.stderr
    assert fake.sessions == []
    name, _, said = result.stderr.decode().rstrip("\n").partition(": ")
    assert name == program.name
    return said


# Names of options.


def test_each_name_is_that_of_one_option(either: Program) -> None:
    """CLI11 refuses a name that is there already only among the options of one part."""
    options = re.findall(rb"^  (?:-(.), |    )--([\w-]+)", either("--help").stdout, re.MULTILINE)
    names = [name for option in options for name in option if name]
    assert len(options) > 50
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("args", [("-queue", "jobs", "x"), ("-queue=jobs", "x")], ids=" ".join)
def test_a_long_name_after_one_dash(send: Program, fake_broker: FakeBroker, args: tuple[str, ...]) -> None:
    assert refused(send, fake_broker, *args) == "-queue: a long option takes two dashes, --queue"


@pytest.mark.parametrize(
    ("args", "queue"),
    [(("-qjobs", "x"), "jobs"), (("-vQqjobs", "x"), "jobs"), (("-vQq", "jobs", "x"), "jobs"), (("-q", "ueue", "x"), "ueue")],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_short_options_may_stand_together(
    send: Program, fake_broker: FakeBroker, args: tuple[str, ...], queue: str
) -> None:
    assert send(*args, url=fake_broker.url).returncode == 0
    assert {each.method.queue for each in fake_broker.methods() if hasattr(each.method, "queue")} == {queue}


def test_an_equals_sign_after_a_short_option(either: Program, fake_broker: FakeBroker) -> None:
    assert "write -q NAME or --queue=NAME" in refused(either, fake_broker, "-q=jobs")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("--quue", "--queue"),
        ("--durabel", "--durable"),
        ("--queuetype=quorum", "--queue-type"),
        ("--retry_for", "--retry-for"),
        ("--connect-time", "--connect-timeout"),
        ("--insecure", "--tls-insecure"),
    ],
)
def test_a_misspelt_option(either: Program, fake_broker: FakeBroker, tmp_path: Path, word: str, meant: str) -> None:
    name = word.partition("=")[0]
    assert refused(either, fake_broker, word) == f"there is no option {name}; did you mean {meant}?"
    config = tmp_path / "config"
    config.write_text(f"\n{name[2:]} = x\n")
    said = refused(either, fake_broker, "--config", str(config))
    assert said == f"--config: line 2: there is no option {name}; did you mean {meant}?"


def test_an_option_like_no_other(either: Program, fake_broker: FakeBroker) -> None:
    for word in ("--elephant", "-Y", "--"  + "x" * 1000):
        assert refused(either, fake_broker, word) == f"there is no option {word}; '{either.name} --help' lists them all"


# Values.


def test_an_empty_value_does_not_take_the_next_word(send: Program, fake_broker: FakeBroker) -> None:
    assert refused(send, fake_broker, "--queue=", "x") == "--queue: the name is empty"
    assert send("--content-type=", "x", url=fake_broker.url).stdout == b" [x] Sent 'x'\n"


def test_an_option_is_no_value(either: Program, fake_broker: FakeBroker) -> None:
    said = refused(either, fake_broker, "--queue", "--durable")
    assert said == "--queue needs a value, and --durable is an option; if it is the value, write --queue=--durable"
    assert refused(either, fake_broker, "--queue", "--", "x") == "--queue needs a value"


@pytest.fixture
def nowhere() -> str:
    return "amqp://127.0.0.1:1"


OPTION = re.compile(r"^  (?:-\S, |    )(--[\w-]+)( [A-Za-z].*?)?(?:  |$)", re.MULTILINE)
BAD = ["", "wrong", "9" * 30, "-1"]


def test_every_option_with_every_kind_of_bad_value(either: Program, nowhere: str) -> None:
    """Most take some of these; what is not taken is told in one line that names the option."""
    options = OPTION.findall(either("--help").stdout.decode())
    assert len(options) > 25
    for name, kind in options:
        if name in ("--help", "--version"):
            continue
        runs = [(f"{name}={value}",) for value in BAD] if kind else [(f"{name}=maybe",), (f"{name}=",)]
        runs += [(name,), (name, "--verbose")] if kind else []
        for args in runs:
            result = either(*args, url=nowhere)
            assert result.returncode in (64, 66, 69), (args, result)
            assert result.stdout == b"" and result.stderr.count(b"\n") == 1, (args, result)
            if result.returncode == 64:
                assert name.encode() in result.stderr, (args, result)
            assert result.returncode == 64 or len(args) == 1 and "=" in args[0], (args, result)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--rate", "0"), "--rate: '0' is not a number from 0.000001 to 1000000000; leave --rate out to send without a limit"),
        (("--repeat", "abc"), "--repeat: 'abc' is not a whole number from 1 to 1000000000000"),
        (("--confirm-timeout", "5s"), "--confirm-timeout: '5s' is not a number of seconds from 0 to 1000000000"),
        (("--queue-type", "lazy"), "--queue-type: 'lazy' is none of classic, quorum, stream"),
        (("--lines", "x"), "MESSAGE and --lines cannot be used together"),
        (("--tls-key", "k"), "--tls-key needs --tls-cert"),
        (("--url", "localhost:5672"), "--url: malformed AMQP URL: it must begin with amqp:// or amqps://"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_said(send: Program, fake_broker: FakeBroker, args: tuple[str, ...], said: str) -> None:
    assert refused(send, fake_broker, *args) == said


def test_what_receive_says(receive: Program, fake_broker: FakeBroker) -> None:
    said = refused(receive, fake_broker, "--count", "abc")
    assert said == "--count: 'abc' is not a whole number from 0 to 1000000000000"


@pytest.mark.parametrize("url", ["amqp://user:S3cret", "amqp://u@h:S3cret/v", "S3cret:5672", "u:S3cret@h", "amqp://u:p@S3cret@h"])
def test_no_part_of_a_url_that_may_be_a_password_is_shown(either: Program, fake_broker: FakeBroker, url: str) -> None:
    assert "S3cret" not in refused(either, fake_broker, "--url", url)


# Queues that are there already.


def test_a_quorum_queue_asked_for_where_a_classic_one_is(
    either: Program, queue: str, channel: BlockingChannel
) -> None:
    channel.queue_declare(queue)
    result = either("--queue", queue, "--queue-type", "quorum")
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr.decode().startswith(
        f"{either.name}: cannot declare queue '{queue}': it exists and is not durable, so it is no quorum queue; "
        "leave the declaring options out to use it as it is, delete it first, or take another name (406 "
    ), result.stderr


def test_a_quorum_queue_asked_for_where_a_durable_classic_one_is(
    either: Program, queue: str, channel: BlockingChannel
) -> None:
    channel.queue_declare(queue, durable=True)
    result = either("--queue", queue, "--queue-type", "quorum")
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"it exists with another type; leave" in result.stderr


# Help.


def test_help_fits_80_columns(either: Program) -> None:
    lines = either("--help").stdout.decode().splitlines()
    assert len(lines) > 60
    assert [line for line in lines if len(line) > 80] == []
