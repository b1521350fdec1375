"""What a run took, the rounds of runs, and the ratios of what is compared."""
from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from contestants import Contestant


class BenchError(Exception):
    pass


@dataclass(frozen=True)
class Run:
    messages: int
    seconds: float
    processor_seconds: float = 0
    peak_kib: int = 0

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    @property
    def processor_time(self) -> float:
        """Of the client, user's and system's, for a message: microseconds."""
        return self.processor_seconds / self.messages * 1e6


Runs = dict[str, list[Run]]     # of each contestant by its name, one a round
Value = Callable[[Run], float]


def rate(run: Run) -> float:
    return run.rate


def seconds(run: Run) -> float:
    return run.seconds


def processor_time(run: Run) -> float:
    return run.processor_time


def order(number: int, count: int) -> list[int]:
    """Who runs in a round: first another one each time, and each after all others equally often in as many rounds as there
    are contestants, or twice as many if they are odd (E. J. Williams, 1949). A broker still has to do with the run before,
    and every so many bytes with those before that."""
    places = [(number + (step // 2 if step % 2 == 0 else -(step + 1) // 2)) % count for step in range(count)]
    return places[::-1] if count % 2 == 1 and number % 2 == 1 else places


def run_rounds(contestants: Iterable[Contestant], measure: Callable[[Contestant], Run], rounds: int,
               deadline: float = math.inf) -> Runs:
    """After the first, only rounds that end before the deadline if they take as long as those before."""
    contestants = list(contestants)
    runs: Runs = {contestant.name: [] for contestant in contestants}
    began = time.monotonic()
    for number in range(rounds + 1):
        now = time.monotonic()
        if number > 1 and now + (now - began) / number > deadline:
            break
        for place in order(number, len(contestants)):
            contestant = contestants[place]
            run = measure(contestant)
            print(f'round {number} of {rounds}  {contestant.name}: {run.messages:,} in {run.seconds:.4f} s',
                  file=sys.stderr)
            if number > 0:  # round 0 is there to warm up
                runs[contestant.name].append(run)
    return runs


def ratio(runs: Runs, name: str, reference: str | tuple[str, ...], value: Value) -> float:
    """The median of the ratios within a round; of several references, to the slowest."""
    references = (reference,) if isinstance(reference, str) else reference
    slowest = [max(held, key=seconds) for held in zip(*(runs[each] for each in references))]
    return statistics.median(value(run) / value(held) for run, held in zip(runs[name], slowest))
