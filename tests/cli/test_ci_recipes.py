"""docs/ci.md, docs/ci.sh and the recipes for GitHub and GitLab, on the broker of AMQP_URL.

Each section of the page is a script: that of "How a script begins", and then its own blocks. A block prints what the
`text` block after it says, or nothing. The table of exit codes has a command for each.
"""
from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pika.exceptions
import pytest
import yaml

from conftest import REPOSITORY, delete_queue
from program import Process, Result
from receive_support import witness
from test_tutorials import environment
from tls_support import Authority

__all__ = ["environment"]  # a fixture

DOCUMENT = REPOSITORY / "docs" / "ci.md"
JOB = REPOSITORY / "docs" / "ci.sh"
BEGINNING = "How a script begins"
MARK = "--- the end of a block ---"
SECONDS = 60.0
PASSWORD = "not the password"
FILES = {
    "orders.txt": "apples\noranges\npears\n",
    "report.pdf": "%PDF\0\n\n",
    "jobs.txt": "apples\npears\n",
    "expected.txt": "done: apples\ndone: pears\n",
}
PROGRAMS = {
    "worker": """
        exec receive --quiet --queue "$1" --no-declare --on-failure reject -- \\
            sh -c 'job=$(cat); [ "$job" != bad ] && send --quiet --queue "$0" "done: $job"' "$2" """,
    "service": """exec receive --quiet --queue "$1" --reply -- sh -c 'printf "3 %s" "$(cat)"'""",
}


# The document


@dataclass
class Block:
    text: str = ""
    prints: str = ""


@dataclass
class Section:
    title: str
    blocks: list[Block] = field(default_factory=list)

    def script(self) -> str:
        return f"echo '{MARK}'\n".join(block.text for block in self.blocks)


def parse(document: str) -> dict[str, Section]:
    """The sections that have blocks, by title."""
    sections: list[Section] = []
    parts = re.split(r"^(## .*|```.*)\n", document, flags=re.MULTILINE)[1:]
    lines = iter(zip(parts[::2], parts[1::2]))
    for line, text in lines:
        if line.startswith("## "):
            sections.append(Section(line[3:]))
            continue
        assert sections, f"a block that belongs to no section:\n{text}"
        end, _ = next(lines, ("", ""))
        assert end == "```", f"a block without an end:\n{text}"
        blocks = sections[-1].blocks
        if line == "```sh":
            blocks.append(Block(text))
        else:
            assert line == "```text" and blocks, f"a block of the kind {line!r} is not run:\n{text}"
            blocks[-1].prints = text
    return {section.title: section for section in sections if section.blocks}


SECTIONS = parse(DOCUMENT.read_text())
EXIT_CODES = re.findall(r"^\| (\d+) \| `(.*?)` \|", DOCUMENT.read_text(), re.MULTILINE)


# The world that it is run in


class TlsFront:
    """Speaks TLS, and hands on what is in it to a broker that does not."""

    def __init__(self, folder: Path, url: str) -> None:
        self.ca = folder / "front-ca.pem"
        certificate = Authority(folder, "front-ca").sign("front", "DNS:localhost")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.pem, certificate.key)
        self._broker = (urlsplit(url).hostname or "localhost", urlsplit(url).port or 5672)
        self._loop = asyncio.new_event_loop()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self._server = self._loop.run_until_complete(start)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broker_reader, broker_writer = await asyncio.open_connection(*self._broker)
        await asyncio.gather(self._pump(reader, broker_writer), self._pump(broker_reader, writer))

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # one end has gone
        writer.close()


class World:
    """A folder with the files that the page names, and its programs in PATH."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env
        self._started: list[Process] = []
        for name, text in FILES.items():
            (folder / name).write_text(text)
        for name, script in PROGRAMS.items():
            self.program(folder / name, script)

    def program(self, path: Path, script: str) -> None:
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def wrap(self, name: str, script: str) -> None:
        """Puts a script before `send` or `receive` in PATH; it knows the program as "$real"."""
        wrappers = self.folder / "wrappers"
        wrappers.mkdir(exist_ok=True)
        real = shutil.which(name, path=self.env["PATH"])
        self.program(wrappers / name, f"set -o pipefail\nreal={real}\n{script}")
        self.env["PATH"] = f"{wrappers}:{self.env['PATH']}"

    def start(self, script: str) -> Process:
        process = Process(["setsid", "env", "-C", str(self.folder), "bash", "-c", script], self.env)
        self._started.append(process)
        return process

    def close(self) -> None:
        for process in self._started:
            with suppress(ProcessLookupError):  # nothing of it is left
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()

    def run(self, section: Section, *, swap: tuple[str, str] = ("", "")) -> Result:
        """`swap` replaces what would take too long to wait for."""
        script = begun(section.script())
        assert swap[0] in script
        return self.start(script.replace(*swap) if swap[0] else script).finish(SECONDS)


def begun(script: str) -> str:
    beginning = SECTIONS[BEGINNING].script()
    return f'{beginning}echo "$queue" >>queues\n{script}'


@pytest.fixture
def world(environment: dict[str, str], broker_url: str, tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "home"
    folder.mkdir()
    url = urlsplit(broker_url)
    login = {"BROKER_USER": unquote(url.username or "guest"), "BROKER_PASSWORD": unquote(url.password or "guest")}
    world = World(folder, environment | login)
    yield world
    world.close()
    names = folder / "queues"
    for queue in names.read_text().split() if names.exists() else []:
        for suffix in ("", ".jobs", ".results", ".dead"):
            delete_queue(broker_url, queue + suffix)


@pytest.fixture
def front(world: World, broker_url: str, tmp_path: Path) -> Iterator[TlsFront]:
    front = TlsFront(tmp_path, broker_url)
    shutil.copy(front.ca, world.folder / "ca.pem")
    world.env |= {"TLS_HOST": "localhost", "TLS_PORT": str(front.port)}
    yield front
    front.close()


def check(section: Section, result: Result) -> None:
    """It has done what the page says."""
    assert result.returncode == 0, result
    printed = result.stdout.decode().split(f"{MARK}\n")
    assert printed == [block.prints for block in section.blocks], result


# The page does what it says


@pytest.mark.parametrize("title", [title for title in SECTIONS if title not in (BEGINNING, "TLS")])
def test_a_section_of_the_page(title: str, world: World) -> None:
    check(SECTIONS[title], world.run(SECTIONS[title]))


def test_messages_that_come_twice(world: World) -> None:
    world.wrap("send", '"$real" "$@" && "$real" "$@"')
    section = SECTIONS["A broker that is restarted meanwhile"]
    check(section, world.run(section))
    assert (world.folder / "received.txt").read_text() == 2 * FILES["orders.txt"]


def test_tls(world: World, front: TlsFront, tmp_path: Path) -> None:
    check(SECTIONS["TLS"], world.run(SECTIONS["TLS"]))
    shutil.copy(Authority(tmp_path, "other-ca").pem, world.folder / "ca.pem")
    assert world.run(SECTIONS["TLS"]).returncode == 77


@pytest.mark.parametrize("code, command", EXIT_CODES, ids=[code for code, _command in EXIT_CODES])
def test_an_exit_code(code: str, command: str, world: World) -> None:
    result = world.start(begun(command.replace(r"\|", "|"))).finish(SECONDS)
    assert str(result.returncode) == code, result


def test_the_table_has_all_exit_codes() -> None:
    text = (REPOSITORY / "README.md").read_text().partition("## Exit codes\n")[2].partition("## ")[0]
    assert [code for code, _command in EXIT_CODES] == re.findall(r"^\| (\d+) \|", text, re.MULTILINE)


def test_the_queue_is_of_this_run_and_expires(world: World, broker_url: str) -> None:
    names = []
    for _ in range(2):
        assert world.run(Section("")).returncode == 0
        names = (world.folder / "queues").read_text().split()
    assert len(set(names)) == 2
    with witness(broker_url) as channel:
        channel.queue_declare(names[0], durable=True, arguments={"x-expires": 600_000})
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="PRECONDITION_FAILED"):
            channel.queue_declare(names[0], durable=True)


def test_runs_at_the_same_time_do_not_meet(world: World) -> None:
    section = SECTIONS["Send, receive, compare"]
    runs = []
    for number in range(4):
        folder = world.folder / str(number)
        folder.mkdir()
        shutil.copy(world.folder / "report.pdf", folder)
        runs.append(world.start(f"cd {number}; {begun(section.script())}"))
    try:
        for run in runs:
            check(section, run.finish(SECONDS))
    finally:
        for number in range(4):
            with (world.folder / "queues").open("a") as queues:
                queues.write((world.folder / str(number) / "queues").read_text())


# Its scripts fail when they should


def test_a_broker_that_is_not_there(world: World) -> None:
    world.env["AMQP_URL"] = "amqp://127.0.0.1:1"
    result = world.run(Section(""), swap=("--retry-for 60", "--retry-for 0.5"))
    assert result.returncode == 69, result


def test_a_password_that_is_wrong(world: World) -> None:
    world.env["BROKER_PASSWORD"] = PASSWORD
    result = world.run(SECTIONS["Passwords"])
    assert result.returncode == 77, result
    assert PASSWORD.encode() not in result.stdout + result.stderr


@pytest.mark.parametrize("title", ["Send, receive, compare", "A broker that is restarted meanwhile"])
def test_messages_that_are_not_those_that_were_sent(title: str, world: World) -> None:
    world.wrap("receive", '"$real" "$@" | sed "s/^7$/8/; s/^pears$/plums/"')
    result = world.run(SECTIONS[title])
    assert result.returncode == 1, result
    assert b"> 8\n" in result.stdout or b"> plums\n" in result.stdout or b"< plums\n" in result.stdout


def test_one_message_too_many(world: World) -> None:
    world.wrap("send", '[[ " $* " != *" --lines "* ]] || "$real" --quiet --queue "$3" surplus\n"$real" "$@"')
    section = Section("", [SECTIONS["Send, receive, compare"].blocks[0]])
    result = world.run(section)
    assert result.returncode == 1, result
    assert b"< surplus\n" in result.stdout or b"> surplus\n" in result.stdout


def test_something_is_left(world: World) -> None:
    *_, rest = SECTIONS["Send, receive, compare"].blocks
    result = world.run(Section("", [Block('send --quiet --queue "$queue" surplus\n'), rest]))
    assert result.returncode == 1, result
    assert b"> surplus\n" in result.stdout


def test_a_worker_that_rejects_a_job(world: World) -> None:
    section = SECTIONS["Test a program that consumes"]
    (world.folder / "jobs.txt").write_text("bad\napples\npears\n")
    result = world.run(section)
    assert result.returncode == 1, result
    assert re.search(rb"^> .*rejected", result.stdout, re.MULTILINE), result
    (world.folder / "jobs.txt").write_text("apples\nbad\n")
    assert world.run(section, swap=("--timeout 30", "--timeout 2")).returncode == 3
    world.program(world.folder / "worker", "exec sleep 60")
    assert world.run(section, swap=("--timeout 30", "--timeout 1")).returncode == 2


def test_a_service_that_does_not_answer(world: World) -> None:
    world.program(world.folder / "service", "exec sleep 60")
    result = world.run(SECTIONS["Test a service that answers"], swap=("--timeout 30", "--timeout 1"))
    assert result.returncode == 2, result


@pytest.mark.parametrize(
    "document, complaint",
    [
        ("## A\n```\nsend\n```\n", "is not run"),
        ("## A\n```text\nsend\n```\n", "is not run"),
        ("```sh\nsend\n```\n", "no section"),
        ("## A\n```sh\nsend\n", "without an end"),
    ],
)
def test_a_block_that_would_not_be_run_is_an_error(document: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        parse(document)


def test_a_block_that_is_wrong_is_found(world: World) -> None:
    section = parse("## A\n```sh\necho one\n```\n```text\none\n```\n```sh\ntrue\n```\n")["A"]
    check(section, world.run(section))
    for wrong in ("echo two\n", "echo one; false\n", "true\n"):
        section.blocks[0].text = wrong
        with pytest.raises(AssertionError):
            check(section, world.run(section))


# The job


def test_the_job(world: World) -> None:
    result = world.start(shlex.quote(str(JOB))).finish(SECONDS)
    assert result.returncode == 0, result
    assert result.stdout.endswith(b"All is well.\n")


@pytest.mark.parametrize(
    "program, wrapper, code, word",
    [
        ("receive", '"$real" "$@" | sed "s/^7$/8/"', 1, b"> 8"),
        ("send", '"$real" "$@" || true', 1, b"exit code 0 instead of 4"),
        ("receive", '"$real" "$@" || exit 3', 1, b"exit code 3 instead of 2"),
        ("send", '[[ " $* " == *" --lines "* ]] || exec "$real" "$@"; head -n 999 | "$real" "$@"', 3, b"999 of 1000"),
    ],
)
def test_the_job_fails_when_something_is_wrong(
    program: str, wrapper: str, code: int, word: bytes, world: World
) -> None:
    world.wrap(program, wrapper)
    script = JOB.read_text()
    assert "--timeout 30" in script
    result = world.start(script.replace("--timeout 30", "--timeout 2")).finish(SECONDS)
    assert result.returncode == code, result
    assert word in result.stdout + result.stderr
    assert b"All is well." not in result.stdout


# The recipes

GITHUB: dict[str, Any] = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())
GITLAB: dict[str, Any] = yaml.safe_load((REPOSITORY / ".gitlab-ci.yml").read_text())
JOBS = sorted(GITHUB["jobs"])


def github_commands(job: str) -> list[str]:
    return [step["run"] for step in GITHUB["jobs"][job]["steps"] if "run" in step]


def test_both_recipes_do_the_same() -> None:
    assert JOBS == sorted(GITLAB) == ["broker", "test"]
    for job in JOBS:
        assert github_commands(job) == GITLAB[job]["script"]
    suites = GITHUB["jobs"]["test"]["strategy"]["matrix"]["suite"]
    assert suites == GITLAB["test"]["parallel"]["matrix"][0]["SUITE"] == ["bookworm", "trixie"]
    broker = GITHUB["jobs"]["broker"]
    assert broker["container"] == GITLAB["broker"]["image"]
    assert broker["env"] == GITLAB["broker"]["variables"]


def test_their_broker_is_that_of_docker_compose() -> None:
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    image = compose["services"]["rabbitmq"]["image"]
    [(name, service)] = GITHUB["jobs"]["broker"]["services"].items()
    [other] = GITLAB["broker"]["services"]
    assert service["image"] == other["name"] == image
    assert name == other["alias"] == urlsplit(GITHUB["jobs"]["broker"]["env"]["AMQP_URL"]).hostname


@pytest.mark.parametrize("job", JOBS)
def test_their_commands_can_be_run(job: str) -> None:
    for command in GITLAB[job]["script"]:
        subprocess.run(["bash", "-n", "-c", command], check=True, stdin=subprocess.DEVNULL, timeout=SECONDS)
        if shutil.which("shellcheck"):
            subprocess.run(["shellcheck", "-s", "bash", "-"], check=True, input=command.encode(), timeout=SECONDS)
    words = [word for command in GITLAB[job]["script"] for word in shlex.split(command)]
    scripts = [REPOSITORY / word for word in words if "/" in word and "=" not in word]
    assert scripts
    for script in scripts:
        assert script.is_file() and script.stat().st_mode & 0o111, f"{script} is no program"


def test_they_run_the_job_of_the_page() -> None:
    assert github_commands("broker")[-1].endswith(" docs/ci.sh")
    assert "docs/ci.sh" not in " ".join(github_commands("test"))


def test_they_have_limits() -> None:
    assert GITHUB["permissions"] == {"contents": "read"}
    for job in JOBS:
        assert 0 < GITHUB["jobs"][job]["timeout-minutes"] <= 60
        assert "timeout" in GITLAB[job]
        for step in GITHUB["jobs"][job]["steps"]:
            assert "run" in step or re.fullmatch(r"actions/\w+@v\d+", step["uses"])
