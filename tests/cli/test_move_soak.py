"""`receive --to-queue` loses nothing, whatever breaks: a round of soak_move.py for each fault."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from program import Program
from receive_support import seeded
from soak_move import FAULTS, Fault, Side, make_plan, run_round, two_sides


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    with two_sides(tmp_path_factory.mktemp("move")) as made:
        yield made


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_nothing_is_lost(sides: tuple[Side, Side], send: Program, receive: Program, fault: Fault) -> None:
    seed = seeded(fault.__name__).randrange(10**6)
    plan = make_plan(seed, FAULTS.index(fault), fault)
    tally = run_round(plan, sides, send, receive)
    print(plan, tally)
    assert tally.messages > 0
    assert tally.lost == 0
