"""docs/cookbook.md: every command of every recipe, as it stands there.

The test of a recipe is called after the recipe's heading. Queues, exchanges and files have the names that the page
gives them, in virtual hosts and a folder of their own.
"""
from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pika.exceptions
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from conftest import REPOSITORY
from program import DEADLINE, Process, Result
from proxy import Proxy
from receive_support import await_no_consumer, await_ready, bodies_left_in, lines, numbered, witness
from send_support import SUMMARY, await_messages, message_count
from test_tutorials import environment
from waiting import await_that

__all__ = ["environment"]  # a fixture

DOCUMENT = REPOSITORY / "docs" / "cookbook.md"
KINDS = ("sh", "ini")
QUEUE = re.compile(r"(?:--queue |--to-queue |x-dead-letter-routing-key=)([\w.]+)")
EXCHANGE = re.compile(r"(?:--exchange |--to-exchange |--bind ')(\w+)")
A_QUEUE, AN_EXCHANGE = "somebodys-queue", "somebodys-exchange"  # that are not the page's
WORK = '[ "$(cat)" != bad ]'
GATED_WORK = """
    job=$(cat)
    echo "$job" >> begun
    until [ -e open ]; do sleep 0.05; done
    [ "$job" != bad ] && echo "$job" >> done"""


# The document


@dataclass
class Block:
    kind: str
    text: str = ""


@dataclass
class Section:
    title: str
    blocks: list[Block] = field(default_factory=list)

    @property
    def test(self) -> str:
        return "test_" + re.sub(r"\W+", "_", self.title).strip("_").lower()


def parse(document: str) -> list[Section]:
    """The recipes."""
    sections: list[Section] = []
    block: Block | None = None
    for number, line in enumerate(document.splitlines(), 1):
        if line.lstrip().startswith("```"):
            if block is not None:
                assert block.text, f"line {number}: the block that ends here is empty"
                block = None
                continue
            block = Block(line[3:])
            assert block.kind in KINDS, f"line {number}: a block of the kind {line!r} is not run"
            assert sections, f"line {number}: a block that belongs to no recipe"
            sections[-1].blocks.append(block)
        elif block is not None:
            block.text += line + "\n"
        elif heading := re.fullmatch(r"### (.*)", line):
            sections.append(Section(heading[1]))
    assert block is None, "the last block has no end"
    return sections


SECTIONS = parse(DOCUMENT.read_text()) if DOCUMENT.exists() else []


def names(pattern: re.Pattern[str]) -> set[str]:
    return {name for section in SECTIONS for block in section.blocks for name in pattern.findall(block.text)}


class Recipe:
    """Runs the blocks of a section, as a shell script that ends at the first command that fails."""

    def __init__(self, section: Section, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env
        self._section = section
        self._started: list[Process] = []
        self._run: set[int] = set()

    def run(self, number: int = 0, *, code: int = 0, swap: tuple[str, str] = ("", "")) -> Result:
        """A block, to its end; `swap` replaces what would take too long to wait for."""
        result = self._start(number, swap).finish()
        assert result.returncode == code, f"{self.text(number)}{result}"
        return result

    def start(self, number: int = 0) -> Process:
        """A block whose one command goes on until it is interrupted."""
        text = re.sub(r"(\\|\||&&)\n", "", self.text(number))
        assert text.count("\n") == 1, f"what follows the first command would not be run:\n{text}"
        return self._start(number)

    def text(self, number: int) -> str:
        self._run.add(number)
        return self._section.blocks[number].text

    def shell(self, script: str) -> Process:
        process = Process(["setsid", "env", "-C", str(self.folder), "bash", "-e", "-c", script], self.env)
        self._started.append(process)
        return process

    def interrupt(self, process: Process) -> Result:
        """Ctrl-C."""
        os.killpg(process.pid, signal.SIGINT)
        return process.finish()

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def program(self, name: str, script: str) -> Path:
        path = self.write(name, f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def read(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def close(self) -> None:
        for process in self._started:
            if process.running:
                with suppress(ProcessLookupError):  # setsid has not made the group yet
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()

    def all_was_run(self) -> None:
        missing = [block.text for number, block in enumerate(self._section.blocks) if number not in self._run]
        assert not missing, f"{self._section.title}: not run:\n{''.join(missing)}"

    def _start(self, number: int, swap: tuple[str, str] = ("", "")) -> Process:
        text = self.text(number)
        assert self._section.blocks[number].kind == "sh"
        assert swap[0] in text
        return self.shell(text.replace(*swap) if swap[0] else text)


# The brokers


def virtual_host(url: str, ctl: Path) -> Iterator[str]:
    """The URL of a virtual host that nobody else uses."""
    name = f"cookbook-{uuid.uuid4()}"
    subprocess.run([ctl, "add_vhost", name], check=True, stdin=subprocess.DEVNULL, timeout=60)
    user = urlsplit(url).username or "guest"
    permissions = ["set_permissions", "-p", name, user, ".*", ".*", ".*"]
    subprocess.run([ctl, *permissions], check=True, stdin=subprocess.DEVNULL, timeout=60)
    yield f"{url.rpartition('/')[0]}/{name}"
    subprocess.run([ctl, "delete_vhost", name], check=True, stdin=subprocess.DEVNULL, timeout=60)


@pytest.fixture(scope="session")
def broker_url(broker: tuple[str, Path | None], broker_ctl: Path) -> Iterator[str]:
    """In place of conftest's: nothing here touches queues that somebody else has on this broker."""
    yield from virtual_host(broker[0], broker_ctl)


@pytest.fixture(scope="session")
def other_url(broker: tuple[str, Path | None], broker_ctl: Path) -> Iterator[str]:
    yield from virtual_host(broker[0], broker_ctl)


@pytest.fixture
def other(other_url: str) -> Iterator[BlockingChannel]:
    """The witness on the other broker."""
    with witness(other_url) as channel:
        channel.confirm_delivery()
        yield channel


@pytest.fixture
def channel(channel: BlockingChannel) -> BlockingChannel:
    """The witness, which has what it publishes confirmed."""
    channel.confirm_delivery()
    return channel


@pytest.fixture
def recipe(
    request: pytest.FixtureRequest, environment: dict[str, str], broker_url: str, tmp_path: Path
) -> Iterator[Recipe]:
    """The one that the test is called after; all of its blocks have to be run."""
    [section] = [section for section in SECTIONS if section.test == request.node.originalname]
    folder = tmp_path / "home"
    folder.mkdir()
    recipe = Recipe(section, folder, environment)
    urls = [broker_url]
    if "other_url" in request.fixturenames:
        urls.append(request.getfixturevalue("other_url"))
        environment["OTHER_URL"] = urls[1]
    yield recipe
    recipe.close()
    for url in urls:
        with witness(url) as channel:
            for queue in {A_QUEUE, *names(QUEUE)}:
                channel.queue_delete(queue)
            for exchange in {AN_EXCHANGE, *names(EXCHANGE)}:
                channel.exchange_delete(exchange)
    recipe.all_was_run()


def declare(channel: BlockingChannel, queue: str, kind: str = "classic", dead_letters: str | None = None) -> None:
    arguments = {"x-queue-type": kind} if kind != "classic" else {}
    if dead_letters is not None:
        arguments |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead_letters}
    channel.queue_declare(queue, durable=True, arguments=arguments)


def put(channel: BlockingChannel, queue: str, *bodies: bytes, **properties: object) -> None:
    for body in bodies:
        channel.basic_publish("", queue, body, pika.BasicProperties(**properties), mandatory=True)


def get(channel: BlockingChannel, queue: str) -> tuple[pika.spec.Basic.GetOk, pika.BasicProperties, bytes]:
    """The next message, taken off the queue."""
    await_messages(channel, queue)
    method, properties, body = channel.basic_get(queue, auto_ack=True)
    assert method is not None
    return method, properties, body


def die(channel: BlockingChannel, queue: str, *, expired: bool = False) -> None:
    """Rejects the next message of a queue, or lets it expire."""
    method, properties, body = channel.basic_get(queue)
    assert method is not None
    if expired:
        channel.basic_ack(method.delivery_tag)
        properties.expiration = "0"
        channel.basic_publish("", queue, body, properties, mandatory=True)
    else:
        channel.basic_reject(method.delivery_tag, requeue=False)


def exists(url: str, queue: str) -> bool:
    with witness(url) as channel:
        try:
            channel.queue_declare(queue, passive=True)
        except pika.exceptions.ChannelClosedByBroker as error:
            assert error.reply_code == 404
            return False
    return True


# Dead letters


def test_keep_messages_that_fail_in_a_dead_letter_queue(recipe: Recipe, channel: BlockingChannel) -> None:
    recipe.program("work.sh", WORK)
    declare(channel, "orders", "quorum", dead_letters="orders.dead")
    put(channel, "orders", b"1", b"bad", b"2")
    recipe.run(code=1)
    assert bodies_left_in(channel, "orders") == []
    await_messages(channel, "orders.dead")
    assert bodies_left_in(channel, "orders.dead") == [b"bad"]
    recipe.run()


def test_send_dead_letters_back_to_where_they_came_from(recipe: Recipe, channel: BlockingChannel) -> None:
    declare(channel, "orders.dead")
    declare(channel, A_QUEUE, dead_letters="orders.dead")
    channel.exchange_declare(AN_EXCHANGE, "direct")
    for key in ("eu", "us"):
        channel.queue_bind(A_QUEUE, AN_EXCHANGE, key)
        channel.basic_publish(AN_EXCHANGE, key, key.encode(), mandatory=True)
        die(channel, A_QUEUE)
    await_messages(channel, "orders.dead", 2)
    assert b"2 messages moved" in recipe.run().stderr
    for key in ("eu", "us"):
        method, _properties, body = get(channel, A_QUEUE)
        assert (method.exchange, method.routing_key, body) == (AN_EXCHANGE, key, key.encode())
    assert bodies_left_in(channel, "orders.dead") == []


def test_send_only_some_dead_letters_back(recipe: Recipe, channel: BlockingChannel) -> None:
    declare(channel, "orders.dead")
    declare(channel, "orders", dead_letters="orders.dead")
    deaths = [("acme", True), ("acme inc", False), ("other", False), ("other", True)]
    for number, (customer, expired) in enumerate(deaths):
        put(channel, "orders", b"%d" % number, headers={"customer": customer})
        die(channel, "orders", expired=expired)
        await_messages(channel, "orders.dead", number + 1)
    recipe.run()
    assert bodies_left_in(channel, "orders") == [b"0", b"3", b"1"]
    assert bodies_left_in(channel, "orders.dead") == [b"2"]


def test_try_a_failed_job_again_after_a_pause(recipe: Recipe, channel: BlockingChannel) -> None:
    recipe.program("work.sh", 'echo "$(date +%s.%N) $(cat)" >> tries; [ $(wc -l < tries) -ge 2 ]')
    recipe.run(0)
    worker = recipe.start(1)
    put(channel, "jobs", b"a job")
    await_messages(channel, "jobs.retry")
    await_that(lambda: len(recipe.read("tries")) == 2, "the second try")
    worker.terminate()
    assert worker.finish().returncode == 0
    (first, one), (second, other) = (line.split(maxsplit=1) for line in recipe.read("tries"))
    assert one == other == "a job"
    assert 4.9 < float(second) - float(first)
    assert bodies_left_in(channel, "jobs") == bodies_left_in(channel, "jobs.retry") == []


# Looking


def test_look_at_a_queue_without_taking_anything(recipe: Recipe, channel: BlockingChannel) -> None:
    declare(channel, "orders")
    bodies = [b"order %d." % number for number in range(60)]
    put(channel, "orders", *bodies, content_type="text/x-order")
    shown = recipe.run(0).stdout
    assert re.findall(rb"order \d+\.", shown) == bodies[:5]
    assert shown.count(b"text/x-order") == 5
    recipe.run(1)
    assert [json.loads(line)["payload"].encode() for line in recipe.read("sample.json")] == bodies[:50]
    assert bodies_left_in(channel, "orders") == bodies


def test_watch_a_topic(recipe: Recipe, channel: BlockingChannel) -> None:
    watching = recipe.start()
    await_ready(watching)
    declare(channel, A_QUEUE)
    channel.queue_bind(A_QUEUE, "events", "#")
    for key in ("order.new", "invoice.new", "order.eu.paid"):
        channel.basic_publish("events", key, b"42", mandatory=True)
    watching.expect_stdout(b"order.new\t42\norder.eu.paid\t42\n")
    assert recipe.interrupt(watching).returncode == 0
    assert bodies_left_in(channel, A_QUEUE) == [b"42"] * 3


def test_read_the_last_hour_of_a_stream(recipe: Recipe, channel: BlockingChannel) -> None:
    declare(channel, "readings", "stream")
    bodies = numbered(range(100))
    put(channel, "readings", *bodies)
    for _ in range(2):
        assert recipe.run().stdout == lines(bodies)


# Files


def orders(channel: BlockingChannel, queue: str) -> list[tuple[dict[str, object], bytes]]:
    """What is in a queue, with all properties."""
    found = [get(channel, queue) for _ in range(message_count(channel, queue))]
    return [(dict(vars(properties)), body) for _method, properties, body in found]


def test_save_a_queue_to_a_file_and_restore_it(recipe: Recipe, channel: BlockingChannel) -> None:
    declare(channel, "orders")
    channel.queue_bind("orders", "amq.topic", "order.eu")
    headers = {"n": 1, "tags": ["a", None]}
    properties = pika.BasicProperties("text/plain", headers=headers, delivery_mode=2, type="order")
    bodies = [b"1", "ä\n".encode(), b"\xff\0", b""]

    def publish() -> None:
        for body in bodies:
            channel.basic_publish("amq.topic", "order.eu", body, properties, mandatory=True)

    publish()
    expected = orders(channel, "orders")
    publish()
    recipe.run()
    assert len(recipe.read("orders.json")) == len(bodies)
    assert orders(channel, "orders") == expected


def test_change_the_headers_of_all_messages_in_a_queue(recipe: Recipe, channel: BlockingChannel) -> None:
    if shutil.which("jq") is None:
        recipe.text(0)
        pytest.skip("no jq")
    declare(channel, "orders")
    put(channel, "orders", b"1", b"\xff", content_type="text/plain", headers={"zone": 7, "customer": "acme"})
    put(channel, "orders", b"3")
    recipe.run()
    assert [(found["content_type"], found["headers"], body) for found, body in orders(channel, "orders")] == [
        ("text/plain", {"customer": "acme", "region": "eu"}, b"1"),
        ("text/plain", {"customer": "acme", "region": "eu"}, b"\xff"),
        (None, {"region": "eu"}, b"3"),
    ]


def test_send_files_with_their_content_type(recipe: Recipe, channel: BlockingChannel) -> None:
    names = ["report.pdf", "reports/a.pdf", "reports/b and c.pdf"]
    for name in [*names, "reports/notes.txt"]:
        recipe.write(name, f"%PDF {name}\n\0")
    for number in range(2):
        assert recipe.run(number).stdout == b""
    assert [(found["content_type"], body) for found, body in orders(channel, "reports")] == [
        ("application/pdf", f"%PDF {name}\n\0".encode()) for name in names
    ]


def test_write_each_message_to_a_file_of_its_own(recipe: Recipe, channel: BlockingChannel) -> None:
    declare(channel, "reports")
    bodies = [b"one", b"\0\xff\n", b""]
    put(channel, "reports", *bodies)
    recipe.run()
    assert sorted(path.read_bytes() for path in recipe.folder.glob("report.*")) == sorted(bodies)
    assert bodies_left_in(channel, "reports") == []


def test_send_a_log_as_it_grows(recipe: Recipe, channel: BlockingChannel) -> None:
    """Through a rotation of the log, and through a loss of the connection."""
    declare(channel, "log")
    log = recipe.write("app.log", "old\n")
    proxy = Proxy(urlsplit(recipe.env["AMQP_URL"]).port or 5672)
    recipe.env["AMQP_URL"] = re.sub(r":\d+/", f":{proxy.port}/", recipe.env["AMQP_URL"])
    written: list[bytes] = []

    def append() -> None:
        """Lines, until the last of them is in the queue."""
        before = message_count(channel, "log")

        def arrives() -> bool:
            written.append(b"line %d" % len(written))
            with log.open("ab") as file:
                file.write(written[-1] + b"\n")
            time.sleep(0.05)
            return message_count(channel, "log") > before

        await_that(arrives, "a line of the log")

    process = recipe.start()
    append()  # tail has begun somewhere in between
    log.rename(recipe.folder / "app.log.1")
    append()
    cut = proxy.cut_after(1)
    with log.open("ab") as file:
        file.write(b"before the cut\n")
    assert cut.wait(DEADLINE)
    append()
    recipe.interrupt(process)
    proxy.close()
    sent = list(dict.fromkeys(bodies_left_in(channel, "log")))  # after a lost connection, one may be there twice
    assert b"old" not in sent and b"before the cut" in sent
    sent.remove(b"before the cut")
    assert sent == written[written.index(sent[0]) :][: len(sent)]


# Moving


def test_turn_a_classic_queue_into_a_quorum_queue(
    recipe: Recipe, channel: BlockingChannel, broker_url: str, broker_ctl: Path
) -> None:
    name = urlsplit(broker_url).path[1:]
    ctl = Path(recipe.env["PATH"].split(":")[0]) / "rabbitmqctl"
    ctl.write_text(f'#!/bin/sh\nexec {broker_ctl} "$@" --vhost {name}\n')
    ctl.chmod(0o700)
    declare(channel, "orders")
    put(channel, "orders", b"1", b"2", b"3")
    recipe.run()
    declare(channel, "orders", "quorum")
    await_messages(channel, "orders", 3)
    assert bodies_left_in(channel, "orders") == [b"1", b"2", b"3"]
    assert not exists(broker_url, "orders.new")


def test_split_a_queue(recipe: Recipe, channel: BlockingChannel) -> None:
    declare(channel, "orders")
    for key in ("order.us", "order.new.us", "bus"):
        channel.queue_bind("orders", "amq.direct", key)
        channel.basic_publish("amq.direct", key, key.encode(), mandatory=True)
        put(channel, "orders", b"eu " + key.encode(), headers={"region": "eu"})
    recipe.run()
    assert bodies_left_in(channel, "orders.eu") == [b"eu order.us", b"eu order.new.us", b"eu bus"]
    method, _properties, body = get(channel, "orders.us")
    assert (method.exchange, method.routing_key, body) == ("", "orders.us", b"order.us")
    assert bodies_left_in(channel, "orders.us") == [b"order.new.us"]
    assert bodies_left_in(channel, "orders") == [b"bus"]


def test_move_a_queue_to_another_broker(recipe: Recipe, channel: BlockingChannel, other: BlockingChannel) -> None:
    declare(channel, "orders")
    put(channel, "orders", b"1", b"2", headers={"region": "eu"})
    recipe.run()
    assert message_count(channel, "orders") == 0
    assert [(found["headers"], body) for found, body in orders(other, "orders")] == [
        ({"region": "eu"}, b"1"),
        ({"region": "eu"}, b"2"),
    ]


def test_mirror_an_exchange_to_another_broker(
    recipe: Recipe, channel: BlockingChannel, other: BlockingChannel
) -> None:
    for each in (channel, other):
        each.exchange_declare("events", "topic")
        declare(each, A_QUEUE)
        each.queue_bind(A_QUEUE, "events", "#")

    def publish(key: str) -> None:
        channel.basic_publish("events", key, key.encode(), mandatory=True)

    def arrived() -> tuple[str, str, bytes]:
        method, _properties, body = get(other, A_QUEUE)
        return method.exchange, method.routing_key, body

    process = recipe.start()
    await_ready(process)
    publish("order.new")
    assert arrived() == ("events", "order.new", b"order.new")
    assert recipe.interrupt(process).returncode == 0
    publish("meanwhile")
    process = recipe.start()
    assert arrived() == ("events", "meanwhile", b"meanwhile")
    assert recipe.interrupt(process).returncode == 0
    assert bodies_left_in(channel, A_QUEUE) == [b"order.new", b"meanwhile"]


# Work


def test_run_a_pool_of_workers(recipe: Recipe, channel: BlockingChannel) -> None:
    recipe.program("work.sh", GATED_WORK)
    recipe.run(0)
    jobs = ["bad", *(f"job {number}" for number in range(8))]
    put(channel, "jobs", *(job.encode() for job in jobs))
    worker = recipe.start(1)
    await_that(lambda: len(recipe.read("begun")) == 4, "four jobs at once")
    time.sleep(0.3)
    assert sorted(recipe.read("begun")) == jobs[:4]
    recipe.write("open", "")
    await_messages(channel, "jobs.dead")
    await_that(lambda: len(recipe.read("done")) == 8, "all jobs done")
    worker.terminate()
    assert worker.finish().returncode == 0
    assert sorted(recipe.read("done")) == jobs[1:]
    assert recipe.read("begun").count("bad") == 3
    assert bodies_left_in(channel, "jobs.dead") == [b"bad"]
    assert bodies_left_in(channel, "jobs") == []


def test_run_the_workers_as_a_systemd_service(recipe: Recipe, channel: BlockingChannel) -> None:
    unit = recipe.text(0)
    receive = shutil.which("receive", path=recipe.env["PATH"])
    work = recipe.program("work.sh", GATED_WORK)
    settings = recipe.write("jobs.env", f"AMQP_URL={recipe.env.pop('AMQP_URL')}\n")
    for there, here in (
        ("/usr/local/bin/receive", receive),
        ("/usr/local/bin/work.sh", work),
        ("/etc/jobs.env", settings),
    ):
        assert unit.count(there) == 1
        unit = unit.replace(there, str(here))
    if verify := shutil.which("systemd-analyze"):
        path = recipe.write("jobs.service", unit)
        result = subprocess.run(
            [verify, "verify", path], capture_output=True, stdin=subprocess.DEVNULL, timeout=DEADLINE
        )
        assert (result.returncode, [line for line in result.stderr.splitlines() if b"jobs.service" in line]) == (0, [])
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(unit)
    service = parser["Service"]
    assert service["KillMode"] == "mixed"

    declare(channel, "jobs", "classic")
    put(channel, "jobs", b"1", b"2")
    environment_file = shlex.quote(service["EnvironmentFile"])
    process = recipe.shell(f"set -a; . {environment_file}; exec {service['ExecStart']}")
    await_that(lambda: len(recipe.read("begun")) == 2, "two jobs begin")
    process.terminate()  # the main process alone, as KillMode says
    await_no_consumer(channel, "jobs")  # a quorum queue counts one that has been cancelled until its jobs are done
    put(channel, "jobs", b"3")
    recipe.write("open", "")
    assert process.finish().returncode == 0
    assert sorted(recipe.read("done")) == ["1", "2"]
    assert bodies_left_in(channel, "jobs") == [b"3"]

    prevented = service["RestartPreventExitStatus"].split()
    refused = re.sub(r"//[^@]*@", "//nobody:wrong@", settings.read_text())
    for url, arguments in ((settings.read_text(), "--no-such-option"), (refused, "")):
        settings.write_text(url)
        command = service["ExecStart"].replace(" --queue", f" {arguments} --queue")
        result = recipe.shell(f"set -a; . {environment_file}; exec {command}").finish()
        assert str(result.returncode) == prevented.pop(0), result
    assert prevented == []


def test_do_one_job_and_end(recipe: Recipe, channel: BlockingChannel) -> None:
    recipe.program("work.sh", WORK)
    declare(channel, "jobs")
    recipe.run(code=2)
    put(channel, "jobs", b"good", b"bad", b"good")
    recipe.run(code=0)
    assert message_count(channel, "jobs") == 2
    recipe.run(code=1)
    assert bodies_left_in(channel, "jobs") == [b"bad", b"good"]


def test_ask_a_service_from_a_shell_script(recipe: Recipe) -> None:
    recipe.program("price.sh", '[ "$(cat)" = apples ] && echo 3')
    service = recipe.start(0)
    await_ready(service)
    assert recipe.run(1).stdout == b"apples cost 3\n"
    assert recipe.interrupt(service).returncode == 0
    result = recipe.run(1, swap=("--timeout 10", "--timeout 0.5"))
    assert result.stdout == b""
    assert result.stderr.endswith(b"no price: exit code 2\n")


# CI and tests


def pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def test_wait_until_the_broker_is_ready(recipe: Recipe) -> None:
    url = recipe.env["AMQP_URL"]
    recipe.env["AMQP_URL"] = re.sub(r"//[^@]*@", "//nobody:wrong@", url)
    recipe.run(code=77)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # nobody listens there yet
        recipe.env["AMQP_URL"] = re.sub(r":\d+/", f":{listener.getsockname()[1]}/", url)
        recipe.run(code=69, swap=("--retry-for 60", "--retry-for 0.5"))
        process = recipe.start()
        process.wait_for(lambda: b"trying again for 60 s" in process.stderr, "first attempt")
        listener.listen()
        listener.settimeout(DEADLINE)
        client, _ = listener.accept()
        with client, socket.create_connection(("127.0.0.1", urlsplit(url).port or 5672)) as broker:
            for pair in ((client, broker), (broker, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()
            result = process.finish()
    assert result.returncode == 0
    assert result.stdout.startswith(b"RabbitMQ ")


def test_start_with_an_empty_queue(recipe: Recipe, channel: BlockingChannel) -> None:
    declare(channel, "results")
    put(channel, "results", b"1", b"2", b"3")
    assert recipe.run().stderr == b"receive: queue 'results': 3 messages purged\n"
    assert message_count(channel, "results") == 0


def test_wait_for_a_message_and_compare_it(recipe: Recipe, channel: BlockingChannel) -> None:
    recipe.write("expected.txt", "all\nis well\n")
    process = recipe.start()
    await_ready(process)
    put(channel, "results", b"all\nis well\n")
    result = process.finish()
    assert (result.returncode, result.stdout) == (0, b"")
    put(channel, "results", b"all\nis lost\n", b"all\nis well\n", b"the next")
    assert b"> is lost\n" in recipe.run(code=1).stdout
    recipe.run()
    assert bodies_left_in(channel, "results") == [b"the next"]
    recipe.run(code=2, swap=("--timeout 30", "--timeout 0.5"))


def test_put_load_on_a_queue(recipe: Recipe, channel: BlockingChannel) -> None:
    recipe.write("messages.txt", "".join(f"{number}\n" for number in range(30)))
    first, second = (match.groupdict() for match in SUMMARY.finditer(recipe.run().stderr))
    assert first["confirmed"] == b"10000" and float(first["seconds"]) > 1.9
    assert second["confirmed"] == b"30" and float(second["seconds"]) > 0.25
    assert bodies_left_in(channel, "load") == [b"a message"] * 10000 + numbered(range(30))


def test_measure_the_time_from_sending_to_receiving(recipe: Recipe) -> None:
    receiver = recipe.start(0)
    await_ready(receiver)
    recipe.run(1)
    result = receiver.finish()
    assert result.returncode == 0
    ages = [int(line) for line in result.stdout.splitlines()]
    assert len(ages) == 10
    assert all(0 < age < DEADLINE * 1e6 for age in ages)


def test_let_a_message_expire(recipe: Recipe, channel: BlockingChannel) -> None:
    begun = time.monotonic()
    recipe.run()
    assert message_count(channel, "alerts") == 1 or time.monotonic() > begun + 2
    await_that(lambda: message_count(channel, "alerts") == 0, "the message expires")
    assert time.monotonic() > begun + 2
    recipe.run()
    _method, properties, body = get(channel, "alerts")
    assert (properties.expiration, body) == ("2000", b"It is noon.")


# The document and its tests


def test_every_recipe_has_its_test() -> None:
    tests = [section.test for section in SECTIONS]
    assert len(set(tests)) == len(tests) >= 20
    for section in SECTIONS:
        assert section.test in globals(), f"{section.title} is not tested"
        assert section.blocks, f"{section.title} has no commands"
    text = DOCUMENT.read_text()
    assert 2 * sum(len(section.blocks) for section in SECTIONS) == text.count("```")


@pytest.mark.parametrize(
    "document, complaint",
    [
        ("### A\n```sh\n```\n", "is empty"),
        ("### A\n```\nsend\n```\n", "is not run"),
        ("### A\n  ```sh\n  send\n  ```\n", "is not run"),
        ("## A\n```sh\nsend\n```\n", "no recipe"),
        ("### A\n```sh\nsend\n", "no end"),
    ],
)
def test_a_block_that_would_not_be_run_is_an_error(document: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        parse(document)


def test_what_a_test_leaves_out_is_found(tmp_path: Path) -> None:
    [section] = parse("### A\n```sh\necho one\n```\n```sh\nsleep 60\necho two\n```\n```sh\nfalse\necho three\n```\n")
    recipe = Recipe(section, tmp_path, dict(os.environ))
    assert recipe.run(0).stdout == b"one\n"
    with pytest.raises(AssertionError, match="sleep 60"):
        recipe.all_was_run()
    with pytest.raises(AssertionError, match="would not be run"):
        recipe.start(1)
    with pytest.raises(AssertionError, match="false"):
        recipe.run(2)
    assert recipe.run(2, code=1).stdout == b""
    recipe.close()
