"""The tables that scripts/bench prints."""
from __future__ import annotations

import statistics

from contestants import Contestant
from runs import Runs, processor_time, rate, ratio, seconds

Rows = list[list[str]]


def rate_table(contestants: list[Contestant], runs: Runs, held_against: str = 'its floor') -> Rows:
    rows = [['', 'messages', 'a second, median', 'least to most', f'of {held_against}', 'processor time',
             f'of {held_against}', 'peak memory']]
    for contestant in contestants:
        own = runs[contestant.name]
        rates = [run.rate for run in own]
        rows.append([contestant.name, f'{own[0].messages:,}', f'{statistics.median(rates):,.0f}',
                     f'{min(rates):,.0f} to {max(rates):,.0f}',
                     f'{ratio(runs, contestant.name, contestant.reference, rate):.3f}',
                     f'{statistics.median(map(processor_time, own)):.2f} us',
                     f'{ratio(runs, contestant.name, contestant.reference, processor_time):.3f}',
                     f'{max(run.peak_kib for run in own) / 1024:.1f} MiB'])
    return rows


def time_table(contestants: list[Contestant], runs: Runs) -> Rows:
    rows = [['', 'median', 'least to most', f'times {contestants[0].name}']]
    for contestant in contestants:
        times = [run.seconds * 1000 for run in runs[contestant.name]]
        rows.append([contestant.name, f'{statistics.median(times):.1f} ms', f'{min(times):.1f} to {max(times):.1f} ms',
                     f'{ratio(runs, contestant.name, contestant.reference, seconds):.2f}'])
    return rows


def print_table(rows: Rows, markdown: bool) -> None:
    widths = [max(map(len, column)) for column in zip(*rows)]
    if markdown:
        rows = [rows[0], ['---', *['---:'] * (len(widths) - 1)], *rows[1:]]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        print(f'| {" | ".join(cells)} |' if markdown else '  '.join(cells).rstrip())
