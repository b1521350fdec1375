"""The scripts: what they say of themselves and what they refuse, without starting anything."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import REPOSITORY
from program import DEADLINE
from test_faults import NAMES

SCRIPTS = REPOSITORY / "scripts"
EACH = sorted(path.name for path in SCRIPTS.iterdir())
# Whatever a script does in earnest begins with one of these.
STARTERS = ["apt-get", "cmake", "cp", "ctest", "debootstrap", "dpkg-query", "mkdir", "mktemp", "setpriv", "shellcheck", "sudo"]


@pytest.fixture
def starters(tmp_path: Path) -> Path:
    """A folder for PATH in which each command says that it was started."""
    for name in STARTERS:
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} >>"{tmp_path}/started"\nexit 1\n')
        (tmp_path / name).chmod(0o755)
    return tmp_path


def run(starters: Path, name: str, *args: str) -> subprocess.CompletedProcess[str]:
    env = dict(os.environ, PATH=f"{starters}:{os.environ['PATH']}")
    result = subprocess.run(
        [SCRIPTS / name, *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert not (starters / "started").exists(), (starters / "started").read_text()
    return result


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("name", EACH)
def test_help_says_what_it_does_and_starts_nothing(starters: Path, name: str, option: str) -> None:
    result = run(starters, name, option)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0][0].isupper() and any(line.startswith(f"  scripts/{name}") for line in lines)
    assert not any(line.startswith(("#", "set ", "shellcheck")) for line in lines)


@pytest.mark.parametrize("name", EACH)
def test_an_unknown_argument_is_refused(starters: Path, name: str) -> None:
    result = run(starters, name, "--nonsense")
    assert (result.returncode, result.stdout) == (64, "")
    assert result.stderr.startswith(f"{name}: ") and "--help" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ("bench", "send", "--nonsense"), ("bench", "send", "--rounds"), ("bench", "send", "--messages", "many"),
        ("bench", "send", "--sizes", "12"), ("bench", "send", "--queue-type", "stream"), ("bench", "matrix", "--size", "12"),
        ("bench", "matrix", "--sizes", "12,"), ("bench", "matrix", "--output"), ("bench", "tables"), ("bench", "plot", "one"),
        ("soak", "0"), ("soak", "soon"), ("soak", "1", "2"), ("soak", "1", "move"),
        ("soak", "--rounds", "2"), ("soak", "move", "0"), ("soak", "move", "1", "2"), ("soak", "move", "--rounds"),
        ("soak", "move", "--rounds", "0"), ("soak", "move", "1", "--rounds", "many"), ("fuzz", "0"), ("fuzz", "5", "nonsense"),
        ("test", "nonsense"), ("demo", "nonsense"), ("install",), ("install", "build", "nonsense"),
        ("bare",), ("bare", "nonsense"), ("bare", "--cache"), ("broker", "--nodes", "0"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_arguments_that_make_no_sense_are_refused(starters: Path, command: tuple[str, ...]) -> None:
    result = run(starters, *command)
    assert (result.returncode, result.stdout) == (64, "")
    assert result.stderr.startswith(f"{command[0]}: ")


def test_soak_breaks_something_however_short_and_with_sigint_ignored(send: object, receive: object) -> None:
    """As nohup, and a script's `&`, start it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen(
            [sys.executable, Path(__file__).parent / "soak.py", "0.1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    stdout, stderr = process.communicate(timeout=400)
    assert (process.returncode, stderr) == (0, "")
    *_, moved, last = stdout.splitlines()
    assert moved.startswith("moving: rounds 1, ") and ", lost 0," in moved
    assert last.startswith("in all: faults 3, ") and ", lost 0," in last
    assert any(line.split(":")[0] in NAMES for line in stdout.splitlines())
