"""What users install is hardened; see the preset `release`."""
from __future__ import annotations

import os
import re
import subprocess

import pytest

from program import Program


@pytest.fixture
def read(either: Program):
    if os.environ.get("BUILD_TYPE", "Release") != "Release":
        pytest.skip("only the release build is hardened")

    def readelf(*options: str) -> str:
        command = ["readelf", "--wide", *options, str(either.command[0])]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return readelf


def test_it_can_be_loaded_anywhere(read) -> None:
    assert re.search(r"Type: +DYN \(Position-Independent Executable file\)", read("--file-header"))
    assert re.search(r"\(FLAGS_1\).*\bPIE\b", read("--dynamic"))


def test_all_relocations_are_read_only(read) -> None:
    assert "GNU_RELRO" in read("--program-headers")
    assert re.search(r"\(FLAGS\).*\bBIND_NOW\b", read("--dynamic"))


def test_no_segment_can_be_written_and_executed(read) -> None:
    segments = re.findall(r"^  [A-Z_]+ +(?:0x\w+ +){5}([R ][W ][E ])", read("--program-headers"), re.MULTILINE)
    assert segments and "RWE" not in segments


def test_the_stack_is_protected(read) -> None:
    assert "__stack_chk_fail@" in read("--dyn-syms")


def test_library_calls_are_checked(read) -> None:
    assert re.search(r"\b__\w+_chk@GLIBC", read("--dyn-syms").replace("__stack_chk", ""))


def test_libraries_are_looked_for_where_the_system_has_them(read) -> None:
    assert not re.search(r"\((RPATH|RUNPATH)\)", read("--dynamic"))
