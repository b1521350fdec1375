"""RabbitMQ's tutorials: docs/tutorials.md, command by command, and programs like the tutorials' own as peers.

Tutorial 1 with the seed's programs is in test_peers.py.
"""
from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pika
import pika.exceptions
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from conftest import REPOSITORY, delete_queue
from program import DEADLINE, Process, Program, Result
from receive_support import READY, await_ready, lines, witness
from send_support import take

DOCUMENT = REPOSITORY / "docs" / "tutorials.md"
PROGRAMS = Path(__file__).resolve().parent / "tutorials"
QUEUES = ["hello", "task_queue", "rpc_queue", "confirms", "full", "hello-python-stream"]
EXCHANGES = ["logs", "direct_logs", "topic_logs"]
TRANSIENT = "--exchange-transient"
FIB = "awk '{ n = $1; a = 0; b = 1; while (n-- > 0) { c = a + b; a = b; b = c } printf \"%d\", a }'"


def delete_all(url: str) -> None:
    for queue in QUEUES:
        delete_queue(url, queue)
    with witness(url) as channel:
        for exchange in EXCHANGES:
            channel.exchange_delete(exchange)


@pytest.fixture(autouse=True)
def clean(broker_url: str) -> Iterator[None]:
    """The tutorials' queues and exchanges are not there at the start, and not left."""
    delete_all(broker_url)
    yield
    delete_all(broker_url)


# The document


@dataclass
class Command:
    text: str
    line: int
    stdout: str = ""
    interrupted: bool = False  # by Ctrl-C, at the end of the section
    after_interrupt: str = ""


@dataclass
class Section:
    title: str
    blocks: list[list[Command]] = field(default_factory=list)

    @property
    def needs_version(self) -> tuple[int, ...]:
        match = re.search(r"\(RabbitMQ (\d+)\.(\d+) and later\)", self.title)
        return (int(match[1]), int(match[2])) if match else (0,)


def parse_block(text: list[tuple[int, str]]) -> list[Command]:
    commands: list[Command] = []
    may_continue = False
    for number, line in text:
        if line.startswith("$ "):
            commands.append(Command(line[2:] + "\n", number))
            may_continue = True
            continue
        assert commands, f"line {number}: output before the first command"
        command = commands[-1]
        if may_continue and line.startswith("> "):
            command.text += line[2:] + "\n"
            continue
        may_continue = False
        if line.startswith("^C"):
            assert not command.interrupted, f"line {number}: a second ^C"
            command.interrupted = True
            line = line[2:]
            if not line:
                continue
        if command.interrupted:
            command.after_interrupt += line + "\n"
        else:
            command.stdout += line + "\n"
    return commands


def parse(document: str) -> list[Section]:
    """The sections, of any level, that have blocks of the kind `console`."""
    sections = [Section("")]
    block: list[tuple[int, str]] | None = None
    kind = ""
    for number, line in enumerate(document.splitlines(), 1):
        if line.startswith("```"):
            if block is None:
                block, kind = [], line[3:]
                assert kind in ("console", "sh"), f"line {number}: a block of the kind {kind!r} is not run"
            else:
                if kind == "console":
                    commands = parse_block(block)
                    assert commands, f"line {number}: the block that ends here has no command"
                    sections[-1].blocks.append(commands)
                block = None
        elif block is not None:
            block.append((number, line))
        elif heading := re.fullmatch(r"##+ (.*)", line):
            sections.append(Section(heading[1]))
    assert block is None, "the last block has no end"
    return [section for section in sections if section.blocks]


SECTIONS = parse(DOCUMENT.read_text()) if DOCUMENT.exists() else []


def await_idle(group: int, deadline: float) -> None:
    """Waits until no `receive` of a process group runs a COMMAND: Ctrl-C would end that, too, and what it has written
    does not tell that it has ended."""

    def runs_a_command() -> bool:
        names: dict[str, str] = {}
        parents: list[str] = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):  # ended in the meantime
                name, rest = path.read_text(errors="replace").split("(", 1)[1].rsplit(")", 1)
                state, parent, its_group = rest.split()[:3]
                if int(its_group) == group and state != "Z":
                    names[path.parent.name] = name
                    parents.append(parent)
        return any(names.get(parent) == "receive" for parent in parents)

    ends = time.monotonic() + deadline
    pause = threading.Event()
    while runs_a_command():
        assert time.monotonic() < ends, f"COMMAND still runs after {deadline} s"
        pause.wait(0.01)


class Terminal:
    """Runs the commands of a block, one after the other, as far as the first that does not end by itself."""

    def __init__(
        self, commands: list[Command], folder: Path, env: dict[str, str], deadline: float = DEADLINE
    ) -> None:
        self._commands = list(commands)
        self._folder = folder
        self._env = env
        self._deadline = deadline
        self._status = 0
        self._started: list[Process] = []
        self._running: tuple[Command, Process] | None = None

    def run(self) -> int:
        """The number of commands that were run to their end."""
        ended = 0
        while self._commands:
            command = self._commands.pop(0)
            process = self._start(command)
            if command.interrupted:
                self._running = command, process
                process.wait_for(
                    lambda: b"[*] Waiting for messages" in process.stdout + process.stderr, "ready line", self._deadline
                )
                return ended
            self._end(command, process)
            ended += 1
        return ended

    def _start(self, command: Command) -> Process:
        # With a session, and so a process group, of its own for Ctrl-C; $? is that of the command before.
        script = f"(exit {self._status})\n{command.text}"
        process = Process(["setsid", "env", "-C", str(self._folder), "bash", "-c", script], self._env)
        self._started.append(process)
        return process

    def _end(self, command: Command, process: Process) -> None:
        result = process.finish(self._deadline)
        expected = command.stdout + command.after_interrupt
        place = f"{DOCUMENT.name}:{command.line}: $ {command.text}standard error: {result.stderr.decode()}"
        assert result.stdout.decode() == expected, place
        self._status = result.status
        shown = bool(self._commands) and self._commands[0].text == "echo $?\n"
        assert self._status == 0 or shown, f"{place}exit code {self._status}"

    def interrupt(self) -> int:
        """Ctrl-C, once all the output is there, and then what is left of the block."""
        if self._running is None:
            return 0
        command, process = self._running
        self._running = None
        if command.stdout:
            expected = command.stdout.encode()
            process.wait_for(lambda: len(process.stdout) >= len(expected), f"stdout {expected!r}", self._deadline)
        await_idle(process.pid, self._deadline)
        os.killpg(process.pid, signal.SIGINT)
        self._end(command, process)
        return 1 + self.run()

    def close(self) -> None:
        for process in self._started:
            if process.running:
                with suppress(ProcessLookupError):  # setsid has not made the group yet
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()


@pytest.fixture
def environment(send: Program, receive: Program, broker_url: str, tmp_path: Path) -> dict[str, str]:
    """`send` and `receive` are on the PATH, and AMQP_URL is the broker's."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in (send, receive):
        (programs / program.name).symlink_to(Path(program.command[0]).resolve())
    env = {name: value for name, value in os.environ.items() if not name.startswith("AMQP_")}
    return env | {"PATH": f"{programs}:{os.environ['PATH']}", "AMQP_URL": broker_url, "LC_ALL": "C"}


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: re.sub(r"\W+", "-", section.title).strip("-").lower())
def test_the_document(
    section: Section, environment: dict[str, str], broker_version: tuple[int, ...], tmp_path: Path
) -> None:
    if broker_version < section.needs_version:
        pytest.skip(f"{section.title}: this is RabbitMQ {'.'.join(map(str, broker_version))}")
    folder = tmp_path / "home"
    folder.mkdir()
    terminals: list[Terminal] = []
    ended = 0
    try:
        for block in section.blocks:
            terminals.append(Terminal(block, folder, environment))
            ended += terminals[-1].run()
        for terminal in terminals:
            ended += terminal.interrupt()
    finally:
        for terminal in terminals:
            terminal.close()
    assert ended == sum(len(block) for block in section.blocks)


def test_the_document_has_all_tutorials_and_each_of_its_blocks_is_run() -> None:
    text = DOCUMENT.read_text()
    assert [line for line in text.splitlines() if re.match(r"## (\d|Streams)", line)] == [
        "## 1. Hello World",
        "## 2. Work queues",
        "## 3. Publish and subscribe",
        "## 4. Routing",
        "## 5. Topics",
        "## 6. Remote procedure call",
        "## 7. Publisher confirms",
        "## Streams",
    ]
    titles = [section.title for section in SECTIONS]
    assert len(set(titles)) == len(titles)
    for heading in re.findall(r"^##+ (.*)$", text, re.MULTILINE):
        assert heading in titles, f"{heading} has no commands"
    assert sum(len(section.blocks) for section in SECTIONS) == text.count("```console\n")
    assert sum(len(block) for section in SECTIONS for block in section.blocks) == len(
        re.findall(r"^\$ ", text, re.MULTILINE)
    )


@pytest.mark.parametrize(
    "document, complaint",
    [
        ("## A\n```console\n```\n", "no command"),
        ("## A\n```console\noutput\n$ send\n```\n", "before the first command"),
        ("## A\n```\n$ send\n```\n", "is not run"),
        ("## A\n```console\n$ send\n", "no end"),
    ],
)
def test_a_block_that_would_not_be_run_is_an_error(document: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        parse(document)


@pytest.mark.parametrize(
    "block, complaint, deadline",
    [
        ("$ echo one\ntwo", "echo one", DEADLINE),
        ("$ echo one", "echo one", DEADLINE),
        ("$ true\none", "true", DEADLINE),
        ("$ false", "exit code 1", DEADLINE),
        ("$ false\n$ echo $?\n0", "echo", DEADLINE),
        ("$ sleep 60", "still runs", 0.5),
        ("$ sleep 60\n^C", "no ready line", 0.5),
        ("$ receive --format lines\nnever sent\n^C", "never sent", 3),
        ("$ receive\n [*] Waiting for messages. To exit press CTRL+C\n^C", "Interrupted", DEADLINE),
    ],
)
def test_what_the_document_gets_wrong_is_found(
    block: str, complaint: str, deadline: float, environment: dict[str, str], tmp_path: Path
) -> None:
    [section] = parse(f"## A\n```console\n{block}\n```\n")
    terminal = Terminal(section.blocks[0], tmp_path, environment, deadline)
    try:
        with pytest.raises(AssertionError, match=complaint):
            terminal.run()
            terminal.interrupt()
    finally:
        terminal.close()


# The peers

Tutorial = Callable[[str], Program]


@pytest.fixture
def tutorial(broker_url: str) -> Iterator[Tutorial]:
    """A program of tutorials/, by its name."""
    programs: list[Program] = []

    def get(name: str) -> Program:
        programs.append(Program(name, [sys.executable, "-u", str(PROGRAMS / f"{name}.py")], lambda: broker_url))
        return programs[-1]

    yield get
    for program in programs:
        program.stop_all()


def start_peer(program: Program, *args: str) -> tuple[Process, bytes]:
    """One that waits for something, ready to get it, and the line in which it says so."""
    process = program.start(*args)
    process.expect_lines(1)
    return process, process.stdout.splitlines(keepends=True)[0]


def assert_succeeded(result: Result) -> None:
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.fixture
def transient_queues(broker_url: str) -> None:
    """For peers that declare queues that are neither durable nor exclusive."""
    try:
        with witness(broker_url) as channel:
            channel.queue_declare("hello")
            channel.queue_delete("hello")
    except pika.exceptions.ConnectionClosedByBroker as error:
        if error.reply_code != 541:
            raise
        pytest.skip("this broker refuses transient queues")


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_the_newest_producer_of_hello(tutorial: Tutorial, receive: Program, first: str) -> None:
    if first == "ours":
        assert receive("--queue-type", "quorum", "--count", "0").returncode == 0
    assert_succeeded(tutorial("send")())
    receive.start().expect_stdout(READY + b" [x] Received b'Hello World!'\n")


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_the_newest_consumer_of_hello(tutorial: Tutorial, send: Program, first: str) -> None:
    """The queue's declaration is as the document says."""
    if first == "ours":
        assert send("--queue-type", "quorum", "--quiet").returncode == 0
    process, ready = start_peer(tutorial("receive"))
    if first == "theirs":
        assert send().returncode == 0
    process.expect_stdout(ready + b" [x] Received b'Hello World!'\n")


@pytest.fixture(params=["classic", "quorum"])
def task_queue(request: pytest.FixtureRequest) -> tuple[list[str], list[str]]:
    """The options of send and receive, and of their peers, for the queue of the older and the newest edition."""
    return (["--durable"], []) if request.param == "classic" else (["--queue-type", "quorum"], ["--quorum"])


def test_tasks_for_our_worker(
    tutorial: Tutorial, receive: Program, channel: BlockingChannel, task_queue: tuple[list[str], list[str]]
) -> None:
    ours, theirs = task_queue
    worker = receive.start(
        "-q", "task_queue", *ours, "--prefetch", "1", "--count", "2", "--timeout", "15",
        "--", "sh", "-c", 'echo "$(cat), delivery mode $AMQP_DELIVERY_MODE"',
    )  # fmt: skip
    await_ready(worker)
    assert_succeeded(tutorial("new_task")(*theirs, "A task.", "Another"))
    result = worker.finish()
    assert (result.returncode, result.stdout) == (0, b"A task., delivery mode 2\nAnother, delivery mode 2\n")
    assert channel.queue_declare("task_queue", passive=True).method.message_count == 0


def test_tasks_for_their_worker(tutorial: Tutorial, send: Program, task_queue: tuple[list[str], list[str]]) -> None:
    ours, theirs = task_queue
    worker, ready = start_peer(tutorial("worker"), *theirs)
    assert_succeeded(send("-q", "task_queue", *ours, "--persistent", "A task.", "Another"))
    worker.expect_stdout(
        ready
        + b" [x] Received A task. (delivery mode 2)\n [x] Done\n"
        + b" [x] Received Another (delivery mode 2)\n [x] Done\n"
    )


def test_one_worker_of_each_kind(tutorial: Tutorial, receive: Program, send: Program) -> None:
    """Each has a task while the other is busy with one."""
    theirs, ready = start_peer(tutorial("worker"))
    ours = receive.start("-q", "task_queue", "--durable", "--prefetch", "1", "--", "sh", "-c", "cat; echo; sleep 1")
    await_ready(ours)
    assert_succeeded(send("-q", "task_queue", "--durable", "--persistent", "one.", "two."))
    theirs.expect_stdout(ready + b" [x] Received one. (delivery mode 2)\n [x] Done\n")
    ours.expect_stdout(b"two.\n")


def test_their_logs_for_us(tutorial: Tutorial, receive: Program) -> None:
    """For each of two subscribers."""
    subscribers = [receive.start("--bind", "logs", "--exchange-type", "fanout", TRANSIENT) for _ in range(2)]
    for subscriber in subscribers:
        subscriber.expect_stdout(READY)
    assert_succeeded(tutorial("emit_log")("info:", "Hello", "World!"))
    for subscriber in subscribers:
        subscriber.expect_stdout(READY + b" [x] Received b'info: Hello World!'\n")


def test_our_logs_for_them(tutorial: Tutorial, send: Program) -> None:
    subscribers = [start_peer(tutorial("receive_logs")) for _ in range(2)]
    assert_succeeded(send("-e", "logs", "--exchange-type", "fanout", TRANSIENT, "info: Hello World!"))
    for subscriber, ready in subscribers:
        subscriber.expect_stdout(ready + b" [x] b'info: Hello World!'\n")


KEYS = {
    "direct": (["warning", "error"], ["info", "warning", "error"], ["warning", "error"]),
    "topic": (
        ["kern.*", "*.critical"],
        ["kern.critical", "kern.info", "mail.critical", "mail.info", "kern.a.b"],
        ["kern.critical", "kern.info", "mail.critical"],
    ),
}


@pytest.mark.parametrize("kind", KEYS)
def test_their_keys_and_our_bindings(tutorial: Tutorial, receive: Program, kind: str) -> None:
    bindings, sent, routed = KEYS[kind]
    binds = [word for key in bindings for word in ("--bind", f"{kind}_logs:{key}")]
    subscriber = receive.start(*binds, "--exchange-type", kind, TRANSIENT, "--template", "{routing_key}={body}\\n")
    await_ready(subscriber)
    emit = tutorial(f"emit_log_{kind}")
    for key in sent:
        assert_succeeded(emit(key, "It", "is", key))
    subscriber.expect_stdout(b"".join(f"{key}=It is {key}\n".encode() for key in routed))


@pytest.mark.parametrize("kind", KEYS)
def test_our_keys_and_their_bindings(tutorial: Tutorial, send: Program, kind: str) -> None:
    bindings, sent, routed = KEYS[kind]
    subscriber, ready = start_peer(tutorial(f"receive_logs_{kind}"), *bindings)
    for key in sent:
        result = send("-e", f"{kind}_logs", "--exchange-type", kind, TRANSIENT, "-k", key, f"It is {key}")
        assert result.returncode == (0 if key in routed else 4), key
    subscriber.expect_stdout(ready + b"".join(f" [x] {key}:It is {key}\n".encode() for key in routed))


def test_every_topic(tutorial: Tutorial, send: Program, receive: Program) -> None:
    ours = receive.start("--bind", "topic_logs:#", "--exchange-type", "topic", TRANSIENT, "--format", "lines")
    await_ready(ours)
    theirs, ready = start_peer(tutorial("receive_logs_topic"), "#")
    assert_succeeded(send("-e", "topic_logs", "-k", "kern.critical", "ours"))
    assert_succeeded(tutorial("emit_log_topic")("anonymous", "theirs"))
    ours.expect_stdout(b"ours\ntheirs\n")
    theirs.expect_stdout(ready + b" [x] kern.critical:ours\n [x] anonymous:theirs\n")


def test_our_request_and_their_server(tutorial: Tutorial, send: Program, transient_queues: None) -> None:
    server, ready = start_peer(tutorial("rpc_server"))
    result = send("-q", "rpc_queue", "--request", "30", "0", "10")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"832040\n0\n55\n", b"")
    server.expect_stdout(ready + b" [.] fib(30)\n [.] fib(0)\n [.] fib(10)\n")


def test_their_client_and_our_server(tutorial: Tutorial, receive: Program) -> None:
    """On a broker that refuses transient queues, too: their client declares only the queue of its answers."""
    server = receive.start("-q", "rpc_queue", "--prefetch", "1", "--reply", "--", "sh", "-c", FIB)
    await_ready(server)
    result = tutorial("rpc_client")("30", "0", "10")
    assert_succeeded(result)
    assert result.stdout == (
        b" [x] Requesting fib(30)\n [.] Got 832040\n"
        b" [x] Requesting fib(0)\n [.] Got 0\n"
        b" [x] Requesting fib(10)\n [.] Got 55\n"
    )
    server.interrupt()
    assert server.finish().returncode == 0


def test_a_server_of_each_kind(tutorial: Tutorial, send: Program, receive: Program, transient_queues: None) -> None:
    """They share the requests, and each request gets its answer."""
    start_peer(tutorial("rpc_server"))
    await_ready(receive.start("-q", "rpc_queue", "--prefetch", "1", "--reply", "--", "sh", "-c", FIB))
    result = send("-q", "rpc_queue", "--request", *map(str, range(1, 9)))
    assert (result.returncode, result.stdout) == (0, b"1\n1\n2\n3\n5\n8\n13\n21\n")


def test_their_confirmed_messages_for_us(tutorial: Tutorial, receive: Program) -> None:
    publisher = tutorial("publisher_confirms")
    assert publisher("early").stdout == b" [x] Returned early\n"
    assert receive("-q", "confirms", "--count", "0").returncode == 0
    messages = [f"message {number}" for number in range(20)]
    result = publisher(*messages)
    assert_succeeded(result)
    assert result.stdout == b"".join(f" [x] Confirmed {message}\n".encode() for message in messages)
    taken = receive("-q", "confirms", "--drain", "--format", "lines")
    assert (taken.returncode, taken.stdout) == (0, lines(message.encode() for message in messages))


@pytest.mark.parametrize("window", ["1", "7", "10000"])
def test_our_confirmed_messages_for_them(send: Program, channel: BlockingChannel, window: str) -> None:
    messages = [f"message {number}" for number in range(20)]
    result = send("-q", "confirms", "--window", window, *messages)
    assert_succeeded(result)
    assert result.stdout == b"".join(f" [x] Sent '{message}'\n".encode() for message in messages)
    assert take(channel, "confirms") == [message.encode() for message in messages]


def test_their_stream_for_us(tutorial: Tutorial, receive: Program, send: Program) -> None:
    """We add to it, and read it as often as we like."""
    assert_succeeded(tutorial("stream_send")("one", "two"))
    assert_succeeded(send("-q", "hello-python-stream", "three"))
    for offset, bodies in (("first", [b"one", b"two", b"three"]), ("1", [b"two", b"three"]), ("last", [b"three"])):
        result = receive(
            "-q", "hello-python-stream", "--offset", offset,
            "--count", str(len(bodies)), "--timeout", "15", "--format", "lines",
        )  # fmt: skip
        assert (result.returncode, result.stdout) == (0, lines(bodies)), offset


def test_our_stream_for_them(tutorial: Tutorial, send: Program) -> None:
    declared = ["--queue-type", "stream", "--queue-arg", "x-max-length-bytes:int=5000000000"]
    assert_succeeded(send("-q", "hello-python-stream", *declared, "one", "two"))
    reader, ready = start_peer(tutorial("stream_receive"))
    reader.expect_stdout(ready + b" [x] 0: one\n [x] 1: two\n")
    assert_succeeded(send("-q", "hello-python-stream", *declared, "three"))
    reader.expect_stdout(ready + b" [x] 0: one\n [x] 1: two\n [x] 2: three\n")
