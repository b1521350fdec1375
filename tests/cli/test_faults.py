"""Nothing that was confirmed is lost, and both programs go on by themselves, whatever becomes of the broker."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import faults
from faults import Site, run_round
from program import Program
from receive_support import seeded
from send_support import PrivateBroker, private_broker


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    with private_broker(tmp_path_factory.mktemp("faults")) as started:
        yield started


@pytest.fixture
def site(broker: PrivateBroker, send: Program, receive: Program, tmp_path: Path) -> Iterator[Site]:
    made = Site(broker, send, receive, tmp_path)
    yield made
    made.close()


NAMES = ["kill", "stop", "freeze", "close_connections", "cut", "stall", "memory_alarm"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost(site: Site, name: str) -> None:
    counts = run_round(site, getattr(faults, name), seeded(name))
    print(counts)
    assert counts.sent > 0
    assert (counts.confirmed, counts.lost) == (counts.sent, 0)
    assert counts.received == counts.sent + counts.twice


def test_each_fault_has_its_round(site: Site) -> None:
    assert [fault.__name__ for fault in site.faults] == NAMES
