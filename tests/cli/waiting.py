"""Waiting for what nobody tells, so that it has to be looked for again and again."""
from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120.0  # for what takes a second where nothing else runs: an election, a node that catches up


def await_that(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Looks every hundredth of a second: a look at a queue takes processor time from what it waits for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)
