"""What is asked for, and whether it was met."""
from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterator

from contestants import BUILD, MOST_PROCESSOR_TIME, TARGETS
from runs import Runs, processor_time, rate, ratio, seconds


def verdicts(what: str, runs: Runs) -> Iterator[str]:
    value, prefix, words = {'start': (seconds, '', 'at most'),
                            'formats': (processor_time, 'processor time of ', 'at most')}.get(what, (rate, '', 'at least'))
    for target in TARGETS[what]:
        references = (target.reference,) if isinstance(target.reference, str) else target.reference
        if not {target.name, *references} <= runs.keys():
            continue
        is_ratio = ratio(runs, target.name, target.reference, value)
        met = is_ratio >= target.ratio if words == 'at least' else is_ratio <= target.ratio
        reference = references[0] if len(references) == 1 else f'the slower of {" and ".join(references)}'
        yield (f'{prefix}{target.name} / {reference}: {is_ratio:.3f}, to be {words} {target.ratio}: '
               f'{"met" if met else "missed"}')


def copy_cost(size: int) -> float:
    """What it takes to copy a body of this size: microseconds."""
    return float(subprocess.check_output([BUILD / 'bench/copy_cost', str(size)])) * 1e6


def ratio_with_copy(runs: Runs, name: str, reference: str, copy: float) -> float:
    """Of the processor time to that of the reference and one copy of the body."""
    return statistics.median(run.processor_time / (held.processor_time + copy)
                             for run, held in zip(runs[name], runs[reference]))


def processor_verdicts(what: str, runs: Runs, size: int) -> Iterator[str]:
    if what not in MOST_PROCESSOR_TIME:
        return
    copy = copy_cost(size)
    for target in MOST_PROCESSOR_TIME[what]:
        is_ratio = ratio_with_copy(runs, target.name, target.reference, copy)
        yield (f'processor time of {target.name} / {target.reference} and one copy ({copy:.2f} us): {is_ratio:.3f}, '
               f'to be at most {target.ratio}: {"met" if is_ratio <= target.ratio else "missed"}')
