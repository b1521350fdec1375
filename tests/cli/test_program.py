"""program.py itself: the end of a program is seen, whenever its outputs close."""
from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from program import Process


@pytest.fixture
def process() -> Iterator[Process]:
    """Closes its outputs a while before it ends."""
    started = Process(("sh", "-c", "echo said; exec >&- 2>&-; sleep 0.3"), dict(os.environ))
    yield started
    started.kill()


def test_a_program_that_closes_its_outputs_before_it_ends_is_waited_for(process: Process) -> None:
    process.wait_for(lambda: not process.running, "end")
    assert process.stdout == b"said\n"


def test_a_condition_that_does_not_come_true_fails_once_the_program_has_ended(process: Process) -> None:
    with pytest.raises(AssertionError, match="no word"):
        process.wait_for(lambda: b"more" in process.stdout, "word", 60)
    assert not process.running
