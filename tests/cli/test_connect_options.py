"""Which broker, as whom, how long: what both programs take from options, a config file and the environment."""
from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, close_channel, close_connection, ignore, say_nothing
from program import DEADLINE, Process, Program, Result
from receive_support import READY, WAITING, measured
from test_errors import SENT, assert_failed, nowhere, refusing_port, with_user
from witness import take_all

__all__ = ["nowhere", "refusing_port"]  # fixtures

SLACK = 8.0  # what a loaded machine may add to a program's own time


@contextlib.contextmanager
def environment(program: Program, **variables: str) -> Iterator[None]:
    """For what is started meanwhile; the process, once it runs, is the program itself."""
    command = program.command
    program.command = ["/usr/bin/env", *(f"{name}={value}" for name, value in variables.items()), *command]
    try:
        yield
    finally:
        program.command = command


def assert_usage(result: Result, program: Program, *words: str) -> None:
    assert (result.returncode, result.stdout) == (64, b""), result
    name = program.name.encode()
    assert re.fullmatch(rb"%s: [^\n]+\n" % name, result.stderr), result.stderr
    for word in words:
        assert word.encode() in result.stderr


def write(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def login(fake: FakeBroker) -> tuple[str, str, str]:
    """User, password and virtual host, as they came to the broker."""
    response = fake.await_methods(spec.Connection.StartOk)[-1].method.response
    text = response.decode() if isinstance(response, bytes) else response
    _authorization, user, password = text.split("\0")
    return user, password, fake.await_methods(spec.Connection.Open)[-1].method.virtual_host


@pytest.fixture
def mute_port() -> Iterator[int]:
    """Takes connections, and nobody ever accepts them: they are open, and silent."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


@contextlib.contextmanager
def black_hole(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Its queue of connections is full, so that the next one is not even answered."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((host, port), backlog=0))
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


# Several URLs.


def test_urls_are_tried_in_turn(either: Program, nowhere: str, refusing_port: int, fake_broker: FakeBroker) -> None:
    dead = f"amqp://127.0.0.1:{refusing_port}"
    fake_broker.on(spec.Queue.Declare, close_channel(404, "NOT_FOUND - the end of this test"))
    for number, (args, url) in enumerate(
        [
            (["--url", dead, "--url", fake_broker.url], nowhere),
            (["--url", f"{dead},{fake_broker.url}"], nowhere),
            (["--url", f"{dead}, {fake_broker.url}"], nowhere),
            (["--url", dead, "--url", f"{dead}/a,{fake_broker.url}"], nowhere),
            (["--url", f",{fake_broker.url},"], nowhere),
            ([], f"{dead},{fake_broker.url}"),
            ([], f" {dead} ,\n{fake_broker.url}\n"),
            ([], f"{dead},,{fake_broker.url},"),
        ]
    ):
        result = either(*args, url=url)
        assert (result.returncode, b"the end of this test" in result.stderr) == (1, True), (args, url, result)
        assert login(fake_broker) == ("guest", "guest", "/")
        assert len(fake_broker.methods(spec.Connection.Open)) == number + 1


def test_all_urls_are_named_when_none_answers(either: Program, refusing_port: int) -> None:
    urls = [f"amqp://u:S3cret@{host}:{refusing_port}" for host in ("127.0.0.1", "localhost", "127.0.0.2")]
    result = either("--url", ",".join(urls[:2]), "--url", urls[2])
    assert_failed(result, either, 69, *(f"{host}:{refusing_port}" for host in ("127.0.0.1", "localhost", "127.0.0.2")))


@pytest.mark.parametrize(
    ("user_info", "vhost", "expected"),
    [
        ("guest:a,b", "/%2f", ("guest", "a,b", "/")),
        ("guest:a,amqp", "/%2f", ("guest", "a,amqp", "/")),
        ("a,amqps:b,", "/%2f", ("a,amqps", "b,", "/")),
        ("guest:guest", "/a,b", ("guest", "guest", "a,b")),
        ("guest:guest", "/a,amqp", ("guest", "guest", "a,amqp")),
        ("guest:a%2camqp:%2f%2f", "/a%2c", ("guest", "a,amqp://", "a,")),
    ],
)
def test_a_comma_inside_a_url(
    send: Program, fake_broker: FakeBroker, user_info: str, vhost: str, expected: tuple[str, str, str]
) -> None:
    url = f"amqp://{user_info}@127.0.0.1:{fake_broker.port}{vhost}"
    for several in (url, f"{url},{url}"):
        assert send(url=several).stdout == SENT
        assert login(fake_broker) == expected


@pytest.mark.parametrize("url", ["", ",", " "])
def test_no_url_where_one_belongs(either: Program, nowhere: str, url: str) -> None:
    assert_failed(either("--url", url, url=nowhere), either, 64, "URL")


# What overrides what.


@pytest.mark.parametrize(
    ("variables", "config", "options", "expected"),
    [
        pytest.param({}, "", [], ("uu", "up", "uv"), id="the URL"),
        pytest.param({}, "", ["--user", "o"], ("o", "up", "uv"), id="--user"),
        pytest.param({}, "", ["--vhost", "o"], ("uu", "up", "o"), id="--vhost"),
        pytest.param({}, "", ["--vhost", ""], ("uu", "up", ""), id="the empty --vhost"),
        pytest.param({}, "", ["--vhost", "/%2f,[a]"], ("uu", "up", "/%2f,[a]"), id="--vhost is not decoded"),
        pytest.param({}, "", ["--password-file", "OPTION"], ("uu", "option", "uv"), id="--password-file"),
        pytest.param({"AMQP_PASSWORD": "e@:/%2f"}, "", [], ("uu", "e@:/%2f", "uv"), id="AMQP_PASSWORD"),
        pytest.param({"AMQP_PASSWORD": ""}, "", [], ("uu", "up", "uv"), id="an empty AMQP_PASSWORD is none"),
        pytest.param({"AMQP_PASSWORD": "e"}, "", ["--url", "OTHER"], ("ou", "e", "ov"), id="AMQP_PASSWORD over --url"),
        pytest.param({}, "", ["--url", "OTHER"], ("ou", "op", "ov"), id="--url over AMQP_URL"),
        pytest.param({}, "url = OTHER", [], ("ou", "op", "ov"), id="the file's url over AMQP_URL"),
        pytest.param({}, "url = amqp://h.invalid", ["--url", "OTHER"], ("ou", "op", "ov"), id="--url over the file"),
        pytest.param({}, "user = c\nvhost = c", [], ("c", "up", "c"), id="the file over AMQP_URL"),
        pytest.param({}, "user = c\nvhost = c", ["--user", "o"], ("o", "up", "c"), id="--user over the file"),
        pytest.param({}, "user = c", ["--url", "OTHER"], ("c", "op", "ov"), id="the file's user over --url's part"),
        pytest.param({}, "password-file = CONFIG", [], ("uu", "config", "uv"), id="the file's password-file"),
        pytest.param(
            {"AMQP_PASSWORD": "e"}, "password-file = CONFIG", [], ("uu", "config", "uv"), id="it over AMQP_PASSWORD"
        ),
        pytest.param(
            {"AMQP_PASSWORD": "e"},
            "password-file = CONFIG",
            ["--password-file", "OPTION", "--url", "OTHER"],
            ("ou", "option", "ov"),
            id="--password-file over everything",
        ),
    ],
)
def test_what_overrides_what(
    send: Program,
    fake_broker: FakeBroker,
    tmp_path: Path,
    variables: dict[str, str],
    config: str,
    options: list[str],
    expected: tuple[str, str, str],
) -> None:
    names = {
        "OTHER": f"amqp://ou:op@127.0.0.1:{fake_broker.port}/ov",
        "OPTION": write(tmp_path / "option", "option\n"),
        "CONFIG": write(tmp_path / "config", "config\n"),
    }
    for name, value in names.items():
        config = config.replace(name, value)
    args = [names.get(word, word) for word in options]
    if config:
        args += ["--config", write(tmp_path / "send.conf", config)]
    url = f"amqp://uu:up@127.0.0.1:{fake_broker.port}/uv"
    with environment(send, **variables):
        assert send(*args, url=url).stdout == SENT
    assert login(fake_broker) == expected


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_host_and_port_override_the_urls(either: Program, fake_broker: FakeBroker, host: str) -> None:
    fake_broker.on(spec.Queue.Declare, close_channel(404, "NOT_FOUND - the end of this test"))
    result = either("--host", host, "--port", str(fake_broker.port), url="amqp://u:p@h.invalid:1/v")
    assert b"the end of this test" in result.stderr
    assert login(fake_broker) == ("u", "p", "v")


def test_host_alone_keeps_the_port_and_port_alone_the_host(
    send: Program, nowhere: str, fake_broker: FakeBroker, tmp_path: Path
) -> None:
    port = str(fake_broker.port)
    assert send("--host", "127.0.0.1", url=f"amqp://h.invalid:{port}/").stdout == SENT
    assert send("--port", port, url="amqp://127.0.0.1:1/").stdout == SENT
    config = write(tmp_path / "conf", f"host = 127.0.0.1\nport = {port}\n")
    assert send("--config", config, url=nowhere).stdout == SENT
    assert send("--config", config, "--port", "1", url=nowhere).returncode == 69


def test_an_ipv6_address_as_host(send: Program, nowhere: str) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener:
        port = str(listener.getsockname()[1])
        for host in ("::1", "[::1]"):
            result = send("--host", host, "--port", port, "--connect-timeout", "0.1", url=nowhere)
            assert_failed(result, send, 69, f"[::1]:{port}", "did not answer")


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("a:1", ("--host", "--port")),
        ("[::1]:1", ("--host", "--port")),
        ("h:1:2", ("--host", "--port")),
        ("u:S3cret", ("--host", "--port")),
        ("", ("--host", "empty")),
        ("amqp://h", ("--host", "--url")),
        ("u:S3cret@h", ("--host", "--url")),
        ("u:S3cret@h:1", ("--host", "--url")),
        ("amqp://u:S3cret@h", ("--host", "--url")),
    ],
)
def test_what_is_no_host(either: Program, nowhere: str, host: str, words: tuple[str, ...]) -> None:
    result = either("--host", host, url=nowhere)
    assert_failed(result, either, 64, *words)
    assert b"S3cret" not in result.stderr


# Password files.


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"p", "p"),
        (b"p\n", "p"),
        (b"p\r\n", "p"),
        (b"p\nmore\n", "p"),
        (b" p @:/%2f# \n", " p @:/%2f# "),
        ("pä\n".encode(), "pä"),
        (b"p" * 4000 + b"\n", "p" * 4000),
    ],
)
def test_a_password_file(
    send: Program, fake_broker: FakeBroker, tmp_path: Path, content: bytes, password: str
) -> None:
    assert send("--password-file", write(tmp_path / "p", content), url=fake_broker.url).stdout == SENT
    assert login(fake_broker) == ("guest", password, "/")


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", b"\np\n", b"p\0q\n"])
def test_a_password_file_without_a_password(either: Program, nowhere: str, tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / "p", content)
    assert_failed(either("--password-file", path, url=nowhere), either, 64, "--password-file", path)


def test_a_password_file_that_cannot_be_read(either: Program, nowhere: str, tmp_path: Path) -> None:
    for path, why in ((tmp_path / "missing", "No such file"), (tmp_path, "Is a directory")):
        assert_failed(either("--password-file", str(path), url=nowhere), either, 66, "--password-file", str(path), why)


# Bad values.


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--port", value) for value in ("", "0", "-1", "65536", "abc", "5672x", "1e3", "5672.5", "nan")),
        *(("--connect-timeout", value) for value in ("", "0", "-1", "abc", "1s", "nan", "inf", "3601")),
        *(("--heartbeat", value) for value in ("", "-1", "abc", "1s", "nan", "65536")),
        *(("--retry-for", value) for value in ("", "-1", "abc", "1s", "nan", "inf")),
        *((option, "") for option in ("--config", "--password-file", "--tls-ca", "--tls-key")),
        *((option, None) for option in ("--url", "--host", "--vhost", "--user", "--config", "--retry-for")),
    ],
)
def test_a_bad_value_names_its_option(either: Program, nowhere: str, option: str, value: str | None) -> None:
    assert_usage(either(option, *([] if value is None else [value]), url=nowhere), either, option)


@pytest.mark.parametrize("flag", ["--tls", "--tls-insecure", "--verbose", "--quiet"])
def test_a_flag_takes_no_odd_value(either: Program, nowhere: str, flag: str) -> None:
    assert_usage(either(f"{flag}=perhaps", url=nowhere), either, flag)


def test_a_virtual_host_that_is_too_long(either: Program, nowhere: str) -> None:
    assert_failed(either("--vhost", "v" * 256, url=nowhere), either, 64, "virtual host", "256", "255")


# The config file.


def test_a_config_file(send: Program, nowhere: str, fake_broker: FakeBroker, tmp_path: Path) -> None:
    """Every kind of option, and values with everything in them that some such format or other treats in its own way."""
    config = write(
        tmp_path / "send.conf",
        f"""
# A comment
; another

url = {fake_broker.url}
queue = a queue, [with] #1 = 'odd' "name"
queue-arg = x-expires:int=60000
persistent = true
verbose = false
quiet=true
header = a=b=c
header = "b=#, 'x' # \\n"
header = 'c="'
header = d:json=[1,2]
   header   =   e=  f
type = [x,y]
app-id = "[x,y]"
message-id = "
content-type = ""
correlation-id = '"x"'
""".replace("\n", "\r\n", 5),
    )
    result = send("--config", config, url=nowhere)
    assert (result.returncode, result.stderr) == (0, b"")
    declare = fake_broker.await_methods(spec.Queue.Declare)[0].method
    assert (declare.queue, declare.arguments) == ("a queue, [with] #1 = 'odd' \"name\"", {"x-expires": 60000})
    properties = fake_broker.await_methods(spec.Basic.Publish)[0].properties
    assert properties is not None
    assert properties.headers == {"a": "b=c", "b": "#, 'x' # \\n", "c": '"', "d": [1, 2], "e": "  f"}
    assert (properties.type, properties.app_id, properties.message_id) == ("[x,y]", "[x,y]", '"')
    assert (properties.content_type, properties.correlation_id, properties.delivery_mode) == (None, '"x"', 2)


def test_a_config_file_of_receive(receive: Program, nowhere: str, fake_broker: FakeBroker, tmp_path: Path) -> None:
    config = write(tmp_path / "conf", f"url = {fake_broker.url}\nbind = logs:disk.#\nbind = logs:*.*\ntimeout = 0.2\n")
    assert receive("--config", config, url=nowhere).stdout == WAITING
    keys = [received.method.routing_key for received in fake_broker.methods(spec.Queue.Bind)]
    assert keys == ["disk.#", "*.*"]


def test_several_urls_in_a_config_file(
    either: Program, nowhere: str, refusing_port: int, fake_broker: FakeBroker, tmp_path: Path
) -> None:
    dead = f"amqp://u:S3cret@127.0.0.1:{refusing_port}"
    fake_broker.on(spec.Queue.Declare, close_channel(404, "NOT_FOUND - the end of this test"))
    for text in (
        f"url = {dead},{fake_broker.url}",
        f"url={dead}\nurl={fake_broker.url}",
        f"url='{dead}, {fake_broker.url}'",
    ):
        assert b"the end of this test" in either("--config", write(tmp_path / "c", text), url=nowhere).stderr


def test_the_command_line_comes_before_the_config_file(
    send: Program, fake_broker: FakeBroker, tmp_path: Path
) -> None:
    config = write(tmp_path / "conf", "queue = c\npersistent = true\nheader = a=c\ntype = c\n")
    result = send("--config", config, "--queue", "o", "--header", "a=o", url=fake_broker.url)
    assert result.stdout == SENT
    publish = fake_broker.await_methods(spec.Basic.Publish)[0]
    assert publish.properties is not None
    assert (publish.method.routing_key, publish.properties.headers) == ("o", {"a": "o"})
    assert (publish.properties.type, publish.properties.delivery_mode) == ("c", 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("queue = x\nno-such = S3cret", ("line 2", "--no-such")),
        ("password = S3cret", ("line 1", "--password-file", "AMQP_PASSWORD")),
        ("\n\nnonsense", ("line 3",)),
        ("url amqp://u:S3cret@h/", ("line 1",)),
        ("url amqp://u:S3cret@h/?heartbeat=1", ("line 1",)),
        ("amqp://u:S3c=ret@h/", ("line 1",)),
        ("= S3cret", ("line 1",)),
        ("[section]", ("line 1",)),
        ("MESSAGE = x", ("line 1", "MESSAGE")),
        ("config = other", ("config",)),
        ("version = true", ("version",)),
        ("queue = x\nqueue = y", ("--queue",)),
        ("verbose = perhaps", ("--verbose",)),
        ("port = x", ("--port",)),
        ("port =", ("--port",)),
        (b"\1\2\xff\0", ("line 1",)),
        (b"queue\0", ("line 1",)),
    ],
)
def test_a_config_file_with_a_mistake(
    either: Program, nowhere: str, tmp_path: Path, text: str | bytes, words: tuple[str, ...]
) -> None:
    result = either("--config", write(tmp_path / "conf", text), url=nowhere)
    assert_usage(result, either, *words)
    assert b"S3c" not in result.stderr


def test_a_config_file_that_cannot_be_read(either: Program, nowhere: str, tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        assert_failed(either("--config", str(path), url=nowhere), either, 66, "--config", str(path))


def test_an_empty_config_file(send: Program, fake_broker: FakeBroker, tmp_path: Path) -> None:
    assert send("--config", write(tmp_path / "conf", "\n \n#x"), url=fake_broker.url).stdout == SENT


# Names with several addresses; brokers that are dead in several ways.


def with_hosts(program: Program, path: Path, *addresses: str) -> None:
    """`two.test` has these addresses, in a mount namespace of the program's own."""
    hosts = write(path / "hosts", "".join(f"{address} two.test\n" for address in addresses))
    inside = ["unshare", "--user", "--map-root-user", "--mount"]
    inside += ["/bin/sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]
    try:
        resolved = subprocess.run([*inside, "getent", "ahosts", "two.test"], capture_output=True, timeout=DEADLINE)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if any(address.encode() not in resolved.stdout for address in addresses):
        pytest.skip("no namespace for an /etc/hosts of one's own")
    program.command = [*inside, *program.command]


@pytest.mark.parametrize(
    "addresses", [("::1", "127.0.0.1"), ("127.0.0.9", "127.0.0.1"), ("127.0.0.1", "127.0.0.9")], ids=" ".join
)
def test_all_addresses_of_a_name_are_tried(
    send: Program, fake_broker: FakeBroker, tmp_path: Path, addresses: tuple[str, str]
) -> None:
    with_hosts(send, tmp_path, *addresses)
    assert send(url=f"amqp://two.test:{fake_broker.port}").stdout == SENT


def test_an_address_that_is_a_black_hole(send: Program, fake_broker: FakeBroker, tmp_path: Path) -> None:
    with_hosts(send, tmp_path, "127.0.0.9", "127.0.0.1")
    with black_hole("127.0.0.9", fake_broker.port):
        assert send("--connect-timeout", "0.3", url=f"amqp://two.test:{fake_broker.port}").stdout == SENT


def test_localhost_with_a_broker_on_ipv4_only(either: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Queue.Declare, close_channel(404, "NOT_FOUND - the end of this test"))
    assert b"the end of this test" in either(url=f"amqp://localhost:{fake_broker.port}").stderr


def test_dead_brokers_come_before_the_living(
    either: Program, refusing_port: int, mute_port: int, fake_broker: FakeBroker
) -> None:
    fake_broker.on(spec.Queue.Declare, close_channel(404, "NOT_FOUND - the end of this test"))
    with black_hole() as hole:
        ports = (refusing_port, hole, mute_port, fake_broker.port)
        url = ",".join(f"amqp://127.0.0.1:{port}" for port in ports)
        seconds = measured(lambda: either("--connect-timeout", "0.3", url=url))
    assert fake_broker.methods(spec.Connection.Open)
    assert 0.6 <= seconds < 0.6 + SLACK


@pytest.mark.parametrize("from_url", [False, True])
def test_the_connect_timeout(either: Program, mute_port: int, fake_broker: FakeBroker, from_url: bool) -> None:
    fake_broker.greet = say_nothing
    with black_hole() as hole:
        for port in (mute_port, hole, fake_broker.port):
            url = f"amqp://127.0.0.1:{port}" + ("?connection_timeout=200" if from_url else "")
            begun = time.monotonic()
            result = either(*([] if from_url else ["--connect-timeout", "0.2"]), url=url)
            assert_failed(result, either, 69, f"127.0.0.1:{port}")
            assert 0.2 <= time.monotonic() - begun < 0.2 + SLACK


def test_a_signal_ends_a_connect_that_hangs(either: Program, fake_broker: FakeBroker) -> None:
    fake_broker.greet = say_nothing
    process = either.start("--connect-timeout", "60", "--queue", "x", url=fake_broker.url)
    fake_broker.wait_for(lambda: bool(fake_broker.sessions), "connection")
    process.terminate()
    assert process.finish(SLACK).returncode == (143 if either.name == "send" else 0)


# Heartbeats.


@pytest.mark.parametrize(
    ("args", "query", "offered", "agreed"),
    [
        ([], "", 60, 20),
        (["--heartbeat", "7"], "", 60, 7),
        (["--heartbeat", "6.2"], "", 60, 7),
        (["--heartbeat", "90"], "", 60, 60),
        (["--heartbeat", "90"], "", 0, 90),
        (["--heartbeat", "0"], "", 60, 0),
        ([], "?heartbeat=8", 60, 8),
        (["--heartbeat", "7"], "?heartbeat=8", 60, 7),
    ],
)
def test_the_heartbeat(
    send: Program, fake_broker: FakeBroker, args: list[str], query: str, offered: int, agreed: int
) -> None:
    fake_broker.heartbeat = offered
    assert send(*args, url=fake_broker.url + query).stdout == SENT
    assert fake_broker.await_methods(spec.Connection.TuneOk)[0].method.heartbeat == agreed


def test_the_brokers_own_listing_shows_the_heartbeat(receive: Program, queue: str, broker_ctl: Path) -> None:
    receive.start("--queue", queue, "--heartbeat", "37").expect_stdout(READY)
    listing = subprocess.run(
        [broker_ctl, "-q", "list_connections", "timeout"], check=True, capture_output=True, timeout=60
    )
    assert b"37" in listing.stdout.split()


def test_heartbeats_are_kept_and_missed(receive: Program, fake_broker: FakeBroker) -> None:
    process = receive.start("--heartbeat", "1", url=fake_broker.url)
    process.expect_stdout(READY)
    fake_broker.wait_for(lambda: fake_broker.sessions[0].heartbeats >= 2, "2 heartbeats")
    fake_broker.answer_heartbeats = False
    result = process.finish()
    assert (result.returncode, b"heartbeat" in result.stderr) == (69, True), result.stderr


# --retry-for.


class LateBroker:
    """A port that refuses connections until open(), and from then on leads to the broker."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._sockets = [socket.socket()]
        self._sockets[0].bind(("127.0.0.1", 0))
        port = self._sockets[0].getsockname()[1]
        self.url = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl()

    def open(self) -> None:
        self._sockets[0].listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._sockets[0].accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    @staticmethod
    def _forward(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def late_broker(broker_url: str) -> Iterator[LateBroker]:
    late = LateBroker(broker_url)
    yield late
    late.close()


def await_retries(process: Process, count: int = 1) -> None:
    process.wait_for(lambda: process.stderr.count(b"trying again") >= count, f"{count} retries")


def test_send_to_a_broker_that_starts_later(
    send: Program, late_broker: LateBroker, queue: str, channel: BlockingChannel
) -> None:
    process = send.start("--queue", queue, "--retry-for", "60", "--verbose", url=late_broker.url)
    await_retries(process, 3)
    late_broker.open()
    result = process.finish()
    assert (result.returncode, result.stdout) == (0, SENT)
    assert take_all(channel, queue) == [b"Hello World!"]


def test_receive_from_a_broker_that_starts_later(
    receive: Program, late_broker: LateBroker, queue: str, channel: BlockingChannel
) -> None:
    process = receive.start("--queue", queue, "--retry-for", "60", url=late_broker.url)
    await_retries(process)
    late_broker.open()
    process.expect_stdout(READY)
    channel.basic_publish("", queue, b"x")
    process.expect_stdout(READY + b" [x] Received b'x'\n")


@pytest.mark.parametrize("verbosity", ["--verbose", "--quiet", None])
def test_what_is_said_while_trying(either: Program, late_broker: LateBroker, queue: str, verbosity: str | None) -> None:
    args = ["--queue", queue, "--retry-for", "1.5", *([verbosity] if verbosity else [])]
    result = either(*args, url=late_broker.url)
    port = urlsplit(late_broker.url).port
    refused = f"{either.name}: cannot connect to 127.0.0.1:{port}: Connection refused"
    retries = result.stderr.decode().splitlines()[:-1]
    assert (result.returncode, result.stderr.decode().splitlines()[-1]) == (69, refused)
    if verbosity == "--verbose":
        assert len(retries) >= 2
        assert all(re.fullmatch(re.escape(refused) + r"; trying again in \d\.\d s", line) for line in retries)
    else:
        assert retries == ([] if verbosity else [f"{refused}; trying again for 1.5 s"])


def test_verbose_says_what_it_is_connected_to(either: Program, broker_url: str, queue: str) -> None:
    process = either.start("--verbose", "--queue", queue)
    parts = urlsplit(broker_url)
    broker = f"{parts.hostname}:{parts.port}"
    expected = rf"{either.name}: connected to {broker}, RabbitMQ [\d.]+\S*, virtual host '[^\n]*\n"
    process.wait_for(lambda: bool(re.fullmatch(expected.encode(), process.stderr)), expected)


def test_verbose_names_the_nodes_that_were_passed_over(send: Program, nowhere: str, broker_url: str, queue: str) -> None:
    result = send("--verbose", "--queue", queue, "--url", nowhere, "--url", broker_url)
    first, second, _ = result.stderr.decode().split("\n")
    assert result.returncode == 0
    assert first == f"send: cannot connect to localhost:{urlsplit(nowhere).port}: Connection refused"
    assert second.startswith("send: connected to ")


def test_an_expired_retry(either: Program, nowhere: str) -> None:
    begun = time.monotonic()
    result = either("--retry-for", "1.2", "--quiet", url=nowhere)
    assert_failed(result, either, 69, "Connection refused")
    assert 1.2 <= time.monotonic() - begun < 1.2 + SLACK


@pytest.mark.parametrize("count", [[], ["--count", "1"]], ids=["", "count"])
def test_the_timeout_of_receive_bounds_the_retries(receive: Program, nowhere: str, count: list[str]) -> None:
    begun = time.monotonic()
    result = receive("--timeout", "0.7", "--retry-for", "60", *count, url=nowhere)
    assert (result.returncode, result.stdout) == (69, b"")
    assert b"trying again for 0.7 s" in result.stderr
    assert 0.7 <= time.monotonic() - begun < 0.7 + SLACK


def test_the_timeout_of_receive_bounds_an_attempt(receive: Program, mute_port: int) -> None:
    begun = time.monotonic()
    assert receive("--timeout", "0.5", url=f"amqp://127.0.0.1:{mute_port}").returncode == 69
    assert 0.5 <= time.monotonic() - begun < 0.5 + SLACK


def assert_refused_at_once(program: Program, url: str, *args: str) -> None:
    begun = time.monotonic()
    result = program("--retry-for", "60", *args, url=url)
    assert time.monotonic() - begun < SLACK
    assert_failed(result, program, 77)
    assert b"trying again" not in result.stderr


def test_refusals_end_retrying(either: Program, broker_url: str, refusing_port: int) -> None:
    wrong = with_user(broker_url, "guest", "S3cret")
    assert_refused_at_once(either, wrong)
    assert_refused_at_once(either, broker_url, "--vhost", "no-such-vhost")
    assert_refused_at_once(either, f"amqp://127.0.0.1:{refusing_port},{wrong},{broker_url}")


def test_a_missing_permission_ends_retrying(either: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Queue.Declare, close_channel(403, "ACCESS_REFUSED - configure access refused"))
    assert_refused_at_once(either, fake_broker.url)


def test_a_refusal_after_retries(either: Program, late_broker: LateBroker) -> None:
    process = either.start("--vhost", "no-such-vhost", "--retry-for", "60", url=late_broker.url)
    await_retries(process)
    late_broker.open()
    result = process.finish()
    assert (result.returncode, b"NOT_ALLOWED" in result.stderr) == (77, True)


@pytest.mark.parametrize(
    ("name", "args", "number", "status"),
    [
        ("send", [], signal.SIGINT, 130),
        ("send", [], signal.SIGTERM, 143),
        ("receive", ["--count", "1"], signal.SIGINT, 130),
        ("receive", ["--count", "1"], signal.SIGTERM, 143),
        ("receive", [], signal.SIGTERM, 0),
        ("receive", [], signal.SIGINT, 0),
    ],
)
def test_a_signal_while_retrying(
    request: pytest.FixtureRequest, nowhere: str, name: str, args: list[str], number: signal.Signals, status: int
) -> None:
    program: Program = request.getfixturevalue(name)
    process = program.start("--retry-for", "60", *args, url=nowhere)
    await_retries(process)
    process.popen.send_signal(number)
    assert process.finish(SLACK).returncode == status


# No password is shown.


SECRETS = ["S3cret", "S3@cr:et/?#", "S3 crét%"]


def where_passwords_stand(
    password: str, url: Callable[[str], str], folder: Path
) -> dict[str, tuple[dict[str, str], list[str]]]:
    """For each place: the environment's variables and the arguments."""
    secret, plain = url(f"u:{quote(password, safe='')}@"), {"AMQP_URL": url("u:other@")}
    every_byte = url("u:" + "".join(f"%{byte:02x}" for byte in password.encode()) + "@")
    return {
        "--url": (plain, ["--url", secret]),
        "--url=": (plain, [f"--url={secret}"]),
        "every byte encoded": (plain, ["--url", every_byte]),
        "several URLs": (plain, ["--url", f"{secret},{every_byte}", "--url", secret]),
        "AMQP_URL": ({"AMQP_URL": secret}, []),
        "AMQP_PASSWORD": ({**plain, "AMQP_PASSWORD": password}, []),
        "--password-file": (plain, ["--password-file", write(folder / "password", password)]),
        "--config": (plain, ["--config", write(folder / "config", f"url = {secret}")]),
    }


def assert_no_secret(password: str, *texts: bytes) -> None:
    encoded = "".join(f"%{byte:02x}" for byte in password.encode())
    for text in texts:
        for form in (password, quote(password, safe=""), encoded):
            assert form.encode() not in text, text


@pytest.mark.parametrize("password", SECRETS)
def test_a_running_program_shows_no_password(
    receive: Program, fake_broker: FakeBroker, tmp_path: Path, password: str
) -> None:
    def url(user_info: str) -> str:
        return f"amqp://{user_info}127.0.0.1:{fake_broker.port}/%2f"

    for place, (variables, args) in where_passwords_stand(password, url, tmp_path).items():
        with environment(receive, **variables):
            process = receive.start("--verbose", *args, url="")
        try:
            process.expect_stdout(READY)
            assert login(fake_broker)[1] == password, place
            assert_no_secret(password, Path(f"/proc/{process.pid}/cmdline").read_bytes(), process.stderr)
        finally:
            process.kill()


@pytest.mark.parametrize("password", SECRETS)
def test_a_failing_program_shows_no_password(
    either: Program, refusing_port: int, fake_broker: FakeBroker, tmp_path: Path, password: str
) -> None:
    fake_broker.on(spec.Connection.StartOk, close_connection(403, "ACCESS_REFUSED - Login was refused"))
    for port, status in ((refusing_port, 69), (fake_broker.port, 77)):

        def url(user_info: str, port: int = port) -> str:
            return f"amqp://{user_info}127.0.0.1:{port}/%2f"

        for place, (variables, args) in where_passwords_stand(password, url, tmp_path).items():
            with environment(either, **variables):
                result = either("--verbose", "--retry-for", "0.1", *args, url="")
            assert result.returncode == status, (place, result)
            assert_no_secret(password, result.stdout, result.stderr)


def test_help_shows_no_password(either: Program) -> None:
    for args in (["--help"], ["--url", "amqp://u:S3cret@h", "--help"]):
        with environment(either, AMQP_PASSWORD="S3cret"):
            result = either(*args, url="amqp://u:S3cret@h")
        assert (result.returncode, b"S3cret" in result.stdout + result.stderr) == (0, False)


@pytest.mark.parametrize(
    "word",
    [
        "amqp://u:S3cret@h/",
        "amqps://u:S3cret@h:1/v?heartbeat=5",
        "amqp://u:S3c@ret@h",
        "amqp://u:S3c/ret@h",
        "amqp://u:S3c#ret@h",
        "amqp://u:S3c ret@h",
        "amqp://u:S3cret",
        "amqp://u:S3cret/v",
        "amqp:u:S3cret@h",
        "amqp:/u:S3cret@h",
        "amqps:u:S3cret",
        "http://u:S3cret@h",
        "u:S3cret@h",
        "u:S3cret@h:5672/v",
        "amqp://h:1,amqp://u:S3cret@h",
    ],
)
def test_a_url_where_none_belongs(either: Program, receive: Program, nowhere: str, word: str) -> None:
    result = receive(word, url=nowhere)
    assert_failed(result, receive, 64, "--url")
    for option in ("--port", "--retry-for", "--host", "--no-such-option"):
        result = either(f"{option}={word}", url=nowhere)
        assert result.returncode == 64
        # Without '@' and scheme nothing tells it from another bad value.
        assert b"S3c" not in result.stderr or not word.startswith(("amqp", "http")), result.stderr


def test_a_malformed_url_is_not_shown_in_the_arguments(send: Program, fake_broker: FakeBroker) -> None:
    """As a message it is a message."""
    fake_broker.on(spec.Basic.Publish, ignore)
    words = ["amqp://u:S3c/ret@h", "amqp://u:S3cret", "amqp:u:S3cret@h", "amqp://h:1,amqp://u:S3c@ret@h"]
    words += ["amqp://h:1/v"]
    process = send.start(*words, url=fake_broker.url)
    fake_broker.await_methods(spec.Basic.Publish)
    arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert b"S3c" not in arguments and b"ret@" not in arguments
    assert arguments.endswith(b"\0amqp://h:1/v\0")
    assert fake_broker.await_methods(spec.Basic.Publish, 5)[0].body == words[0].encode()


@pytest.mark.parametrize("args", [["--password", "S3cret"], ["--password=S3cret"]])
def test_there_is_no_password_option(either: Program, nowhere: str, args: list[str]) -> None:
    result = either(*args, url=nowhere)
    assert_usage(result, either, "--password-file", "AMQP_PASSWORD")
    assert b"S3cret" not in result.stderr


@pytest.mark.parametrize("word", ["-pS3cret", "--passwrd=S3cret", "--pass=S3cret"])
def test_an_unknown_option_is_shown_without_its_value(either: Program, nowhere: str, word: str) -> None:
    result = either(word, url=nowhere)
    assert_usage(result, either, word.partition("=")[0][: None if "=" in word else 2])
    assert b"S3cret" not in result.stderr
