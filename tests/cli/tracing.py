"""Counts the system calls that a program makes."""
from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from program import Program, skip_if_sanitized


def trace(program: Program, report: Path, *calls: str) -> None:
    """From now on the program leaves in `report` how often it made these calls; its output goes nowhere."""
    try:
        subprocess.run(["strace", "-o", report, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("strace is missing, or may trace nothing here")
    skip_if_sanitized(program.command)
    count = ["strace", "-f", "-qq", "-c", "-e", f"trace={','.join(calls)}", "-o", str(report)]
    program.command = [*count, "/bin/sh", "-c", 'exec "$0" "$@" >/dev/null', *program.command]


def calls_in(report: Path, *calls: str) -> int:
    names = "|".join(map(re.escape, calls))
    counts = re.findall(rf"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) .*\b(?:{names})$", report.read_text(), re.MULTILINE)
    assert counts, report.read_text()
    return sum(map(int, counts))
