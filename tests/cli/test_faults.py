"""Nothing that was confirmed is lost, and both programs go on by themselves, whatever becomes of the broker."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import FAULTS, Fault, Site, run_round
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


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_nothing_is_lost(site: Site, fault: Fault) -> None:
    counts = run_round(site, fault, seeded(fault.__name__))
    print(counts)
    assert counts.sent > 0
    assert (counts.confirmed, counts.lost) == (counts.sent, 0)
    assert counts.received == counts.sent + counts.twice
