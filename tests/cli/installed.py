"""What `cmake --install` makes of the build directory, with and without a prefix for the programs' names."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = ("send", "receive")
OPTION = re.compile(r"^  (?:(-\S), |    )(--[\w-]+)", re.MULTILINE)


@dataclass(frozen=True)
class Installed:
    """One program, where it was installed."""

    root: Path
    name: str
    prefix: str

    @property
    def called(self) -> str:
        return self.prefix + self.name

    @property
    def program(self) -> Path:
        return self.root / "bin" / self.called

    @property
    def page(self) -> Path:
        return self.root / "share/man/man1" / f"{self.called}.1"

    @property
    def bash(self) -> Path:
        return self.root / "share/bash-completion/completions" / self.called

    @property
    def zsh(self) -> Path:
        return self.root / "share/zsh/site-functions" / f"_{self.called}"

    @property
    def fish(self) -> Path:
        return self.root / "share/fish/vendor_completions.d" / f"{self.called}.fish"

    def help(self) -> str:
        return run(self.program, "--help")

    def options(self) -> list[tuple[str, str]]:
        """Of --help: each option's short name, which may be empty, and its long one."""
        options = OPTION.findall(self.help())
        assert len(options) > 40
        return options

    def option_names(self) -> set[str]:
        return {name for option in self.options() for name in option if name}


def run(
    *command: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None, may_warn: bool = False
) -> str:
    """Standard output of a command that succeeds and says nothing on standard error."""
    result = subprocess.run(
        command, env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}, cwd=cwd,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0 and (may_warn or result.stderr == ""), (command, result)
    return result.stdout


def build_directory() -> Path:
    build = Path(os.environ.get("SEND", REPOSITORY / "build" / "release" / "send")).parent
    if not (build / "cmake_install.cmake").exists():
        pytest.fail(f"{build} is no build directory", pytrace=False)
    return build


def own_prefix(build: Path) -> str:
    cached = re.search(r"^HELLO_RABBIT_PROGRAM_PREFIX:\w+=(.*)$", (build / "CMakeCache.txt").read_text(), re.MULTILINE)
    assert cached
    return cached[1]


def make_pages(build: Path, tool: Path) -> None:
    """As the build would, which would have to build the tool first."""
    commands = run("ninja", "-C", build, "-t", "commands", "pages")
    arguments = re.search(r"src/manual/manual (\. .*)$", commands, re.MULTILINE)
    assert arguments
    run("sh", "-c", f'"$0" {arguments[1]}', tool, cwd=build / "src/manual")


def install(prefix: str | None, folder: Path) -> tuple[str, Path]:
    """Installs with a prefix for the programs' names, or as they were built; returns the prefix and the place. A prefix
    changes nothing of what is built but the pages: the programs are copied into a build directory of their own, so that
    the other one stays as it is."""
    built, build, root = build_directory(), folder / "build", folder / "root"
    as_built = prefix is None
    prefix = own_prefix(built) if prefix is None else prefix
    option = f"-DHELLO_RABBIT_PROGRAM_PREFIX={prefix}"
    run("cmake", "--preset", "release", "-B", build, option, cwd=REPOSITORY, may_warn=True)
    for program in PROGRAMS:
        shutil.copy2(built / program, build)
    if as_built:
        for kind in ("man", "bash", "zsh", "fish"):
            shutil.copytree(built / "src/manual" / kind, build / "src/manual" / kind)
    else:
        make_pages(build, built / "src/manual/manual")
    run("cmake", "--install", build, "--prefix", root)
    return prefix, root
