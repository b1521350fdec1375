"""scripts/bench matrix: publishing and consuming at all sizes, to both types of queue, with and without TLS."""
from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from contestants import CONTESTANTS, MOST_PROCESSOR_TIME, Contestant, Options, able
from machine import machine
from measuring import Bench
from runs import BenchError, Runs, processor_time, rate, ratio, run_rounds
from tables import Rows
from verdicts import copy_cost, ratio_with_copy

SIZES = [12, 1 << 10, 16 << 10, 100 << 10, 1 << 20]
Results = dict[str, Any]    # as they are in the file


def measure_matrix(options: Options) -> tuple[Results, bool]:
    """Also says whether all went well. Where something has failed, the place is left out."""
    sizes = options.sizes or SIZES
    chosen = [options.only] if options.only else ['send', 'receive']
    places = list(itertools.product(sizes, ['classic', 'quorum'], [False, True], chosen))
    began = time.monotonic()
    copies = {size: copy_cost(size) for size in sizes}
    measured: list[Results] = []
    all_well = True
    for number, (size, queue_type, tls, what) in enumerate(places, 1):
        place = {'what': what, 'size': size, 'queue_type': queue_type, 'tls': tls}
        print(f'{number} of {len(places)}: {what}, {size:,} bytes, {queue_type}{", TLS" if tls else ""}', file=sys.stderr)
        here = Options(**{**vars(options), **place})
        contestants = able(CONTESTANTS[what], here)
        deadline = began + options.minutes * 60 * number / len(places)
        try:
            with tempfile.TemporaryDirectory(prefix='bench.') as folder:
                runs = run_rounds(contestants, getattr(Bench(Path(folder), here), what), options.rounds or 5, deadline)
        except (BenchError, subprocess.CalledProcessError) as error:
            print(f'bench: {error}', file=sys.stderr)
            all_well = False
            continue
        measured += [{**place, **summary(each, runs, copies[size])} for each in contestants]
    return {'machine': machine(), 'copy': copies, 'results': measured}, all_well


def summary(contestant: Contestant, runs: Runs, copy: float) -> Results:
    """Processor times are microseconds."""
    name, reference, own = contestant.name, contestant.reference, runs[contestant.name]
    rates = [run.rate for run in own]
    return {'contestant': name, 'reference': reference, 'messages': own[0].messages, 'rounds': len(own),
            'rate': statistics.median(rates), 'least_rate': min(rates), 'most_rate': max(rates),
            'rate_ratio': ratio(runs, name, reference, rate),
            'processor_time': statistics.median(map(processor_time, own)),
            'processor_ratio': ratio(runs, name, reference, processor_time),
            'processor_ratio_with_copy': ratio_with_copy(runs, name, reference, copy),
            'peak_kib': max(run.peak_kib for run in own)}


def matrix_tables(results: Results) -> dict[str, Rows]:
    """By what is measured: a row for each size, type and transport, with the peers' rates behind."""
    return {target.name: table(results['results'], what, target.name, target.reference)
            for what, targets in MOST_PROCESSOR_TIME.items() for target in targets}


def table(measured: list[Results], what: str, name: str, reference: str) -> Rows:
    held = [each for each in measured if each['what'] == what and each['reference'] == reference]
    peers = list(dict.fromkeys(each['contestant'] for each in held if each['contestant'] not in (name, reference)))
    rows = [['bytes', 'queue', 'transport', 'rounds', 'floor, a second', f'{name}, a second', 'of the floor',
             'processor time', "of the floor's", "of the floor's and one copy", *(f'{peer}, of the floor' for peer in peers)]]
    places: dict[tuple[int, str, bool], dict[str, Results]] = {}
    for each in held:
        places.setdefault((each['size'], each['queue_type'], each['tls']), {})[each['contestant']] = each
    for (size, queue_type, tls), by_name in places.items():
        ours, floor = by_name[name], by_name[reference]
        rows.append([f'{size:,}', queue_type, 'TLS' if tls else 'plain', str(ours['rounds']),
                     f'{floor["rate"]:,.0f}', f'{ours["rate"]:,.0f}', f'{ours["rate_ratio"]:.3f}',
                     f'{ours["processor_time"]:.2f} us', f'{ours["processor_ratio"]:.3f}',
                     f'{ours["processor_ratio_with_copy"]:.3f}',
                     *(f'{by_name[peer]["rate_ratio"]:.3f}' if peer in by_name else '' for peer in peers)])
    return rows


def notes(results: Results) -> str:
    rounds = {each['rounds'] for each in results['results']}
    return (f'{" to ".join(map(str, sorted({min(rounds), max(rounds)})))} rounds after one to warm up; ratios are the '
            f'median of those within a round. {results["machine"]}')


def write(results: Results, path: Path) -> None:
    path.write_text(json.dumps(results, indent=1) + '\n')
