"""The image: what is in it, and how its programs end as process 1."""
from __future__ import annotations

import json
import re

import pytest

from compose import REPOSITORY, Container, await_that, docker, run, run_in_container, started
from program import Program

NOBODY = "amqp://192.0.2.1"  # RFC 5737: an address that is nobody's
BYTES = 40_000_000
SECONDS = 3.0  # for what is to happen at once


def run_image(image: str, *command: str) -> bytes:
    return docker("run", "--rm", "--network", "none", image, *command)


def size(image: str) -> int:
    return int(json.loads(docker("image", "inspect", image))[0]["Size"])


def base() -> str:
    match = re.search(r"^FROM (\S+)$", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE)
    assert match
    return match[1]


@pytest.mark.parametrize("name", ["send", "receive"])
def test_both_programs_are_those_of_the_host(image: str, name: str, request: pytest.FixtureRequest) -> None:
    host: Program = request.getfixturevalue(name)
    assert run_image(image, name, "--version") == host("--version").stdout
    assert run_image(image, "sh", "-c", f"command -v {name}") == b"/usr/bin/%s\n" % name.encode()


def test_the_command_is_receive(image: str) -> None:
    config = json.loads(docker("image", "inspect", image))[0]["Config"]
    assert (config["Entrypoint"], config["Cmd"]) == (None, ["receive"])


def test_nothing_runs_as_root(image: str) -> None:
    assert run_image(image, "id").startswith(b"uid=10001(rabbit) gid=10001(rabbit)")


def test_the_image_is_small(image: str) -> None:
    added = size(image) - size(base())
    print(f"{size(image) / 1e6:.1f} MB, {added / 1e6:.1f} MB more than {base()}")
    assert 0 < added < BYTES


def test_no_compiler_no_source_no_manual(image: str) -> None:
    script = "command -v cc c++ cmake ninja; ls -d /source; find /usr/share/man -name 'send.*' -o -name 'receive.*'"
    assert run("docker", "run", "--rm", image, "sh", "-c", script, check=False).stdout == b""


def test_every_package_holds_a_library_that_is_loaded(image: str) -> None:
    packages = run_image(image, "cat", "/usr/share/hello-rabbit/packages").decode().split()
    assert "librabbitmq4" in packages
    loaded = re.findall(r"(\S+) => /", run_image(image, "ldd", "/usr/bin/send", "/usr/bin/receive").decode())
    for package in packages:
        files = run_image(image, "dpkg-query", "--listfiles", package).decode()
        assert any(f"/{library}\n" in files for library in loaded), package


def test_the_authorities_of_the_distribution_are_trusted(image: str) -> None:
    authorities = run_image(image, "cat", "/etc/ssl/certs/ca-certificates.crt")
    assert authorities.count(b"BEGIN CERTIFICATE") > 50


# Process 1: a signal without a handler does nothing there.


def test_docker_stop_ends_a_watch_with_0(hello: None) -> None:
    with started("receive", "--queue", "watched") as watch:
        watch.await_output(b"Waiting for messages")
        assert watch.stop() < SECONDS
        assert watch.exit_code() == 0


def test_docker_stop_ends_an_unfinished_count_with_143(hello: None) -> None:
    with started("receive", "--queue", "watched", "--count", "1") as count:
        count.await_output(b"Waiting for messages")
        assert count.stop() < SECONDS
        assert count.exit_code() == 143


def test_docker_stop_ends_what_tries_to_connect_with_143(hello: None) -> None:
    with started("send", "--url", NOBODY, "--retry-for", "600", "1") as waiting:
        await_that(lambda: handles_term(waiting), "handler")
        assert waiting.stop() < SECONDS
        assert waiting.exit_code() == 143


def test_a_second_signal_ends_it_at_once(hello: None) -> None:
    run_in_container("send", "--queue", "stubborn", "1")
    with started("receive", "--queue", "stubborn", "--", "sh", "-c", "echo at work >&2; exec sleep 600") as worker:
        worker.await_output(b"at work")
        await_that(lambda: ends_when_signalled_again(worker), "end", SECONDS)
        assert worker.exit_code() == 143


def ends_when_signalled_again(worker: Container) -> bool:
    """Signals that come before the first has been handled count as one."""
    if worker.is_running:
        run("docker", "kill", "--signal", "TERM", worker.name, check=False)
    return not worker.is_running


def handles_term(started: Container) -> bool:
    status = docker("exec", started.name, "cat", "/proc/1/status").decode()
    match = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return match is not None and bool(int(match[1], 16) & 1 << 14)
