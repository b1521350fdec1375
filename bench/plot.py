"""Draws the results of scripts/bench matrix, as an SVG that follows the reader's light or dark colours."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

Result = dict[str, Any]

# From the back to the front.
SERIES = {'floor': 'floor', 'pika': 'Pika', 'tools': 'amqp-tools', 'go': 'amqp091-go', 'ours': 'send, receive'}
GROUPS = {
    'send': ('send: published mandatory and confirmed', {
        'floor': 'floor', 'pika': 'Pika, one at a time', 'tools': 'amqp-publish -l, no confirms', 'go': 'amqp091-go',
        'ours': 'send --lines'}),
    'auto': ('receive: consumed with auto-ack', {
        'floor': 'floor, auto-ack', 'pika': 'Pika, auto-ack', 'tools': 'amqp-consume -A cat', 'go': 'amqp091-go, auto-ack',
        'ours': 'receive --ack auto'}),
    'acked': ('receive: consumed and acked', {
        'floor': 'floor, acked per 500', 'pika': 'Pika, acked per 500', 'go': 'amqp091-go, acked per 500',
        'ours': 'receive --ack written'}),
}
PLACES = [('classic', False), ('classic', True), ('quorum', False), ('quorum', True)]

LEFT, GAP, PANEL_WIDTH, PANEL_HEIGHT = 52, 18, 206, 96
WIDTH = LEFT + len(PLACES) * (PANEL_WIDTH + GAP)
TOP, HEADING, CAPTION, TICKS = 104, 24, 24, 36     # heights of what stands above and below panels

LIGHT = {'page': '#ffffff', 'text': '#1f2328', 'faint': '#626c76', 'grid': '#e3e6ea', 'floor': '#868e97', 'pika': '#2f9e62',
         'tools': '#d08700', 'go': '#c2417c', 'ours': '#0b63ce'}
DARK = {'page': '#0d1117', 'text': '#e6edf3', 'faint': '#9aa4af', 'grid': '#2a313a', 'floor': '#8b949e', 'pika': '#4cc38a',
        'tools': '#efb03a', 'go': '#f778ba', 'ours': '#58a6ff'}


def colours(of: dict[str, str]) -> str:
    areas = ''.join(f'.{name} {{ fill: {of[name]}; stroke: {of[name]}; }} ' for name in SERIES)
    return (f'.page {{ fill: {of["page"]}; }} text {{ fill: {of["text"]}; }} text.faint {{ fill: {of["faint"]}; }} '
            f'.grid {{ stroke: {of["grid"]}; }} {areas}')


STYLE = f'''
text {{ font: 12px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; stroke: none; }}
text.title {{ font-size: 17px; font-weight: 600; }}
text.heading {{ font-size: 13.5px; font-weight: 600; }}
text.faint {{ font-size: 11px; }}
.grid {{ stroke-width: 1; }}
path.series {{ fill: none; stroke-width: 1.5; stroke-linejoin: round; }}
path.ours {{ stroke-width: 2.5; }}
path.floor {{ stroke-dasharray: 5 3; }}
circle {{ stroke: none; }}
{colours(LIGHT)}
@media (prefers-color-scheme: dark) {{ {colours(DARK)} }}
'''


@dataclass(frozen=True)
class Scale:
    least: float
    most: float
    begin: float    # where `least` is drawn
    end: float
    logarithmic: bool

    def at(self, value: float) -> float:
        least, most, value = (map(math.log10, (self.least, self.most, value)) if self.logarithmic else
                              (self.least, self.most, value))
        return self.begin + (self.end - self.begin) * ((value - least) / (most - least) if most > least else 0.5)


@dataclass(frozen=True)
class Quantity:
    caption: str
    value: Callable[[Result], float]
    in_words: Callable[[float], str]
    scale: Callable[[list[float]], tuple[float, float, bool]]
    ticks: Callable[[float, float], list[float]]
    tick_text: Callable[[float], str]


def tenfolds(least: float, most: float) -> list[float]:
    return [10.0 ** power for power in range(round(math.log10(least)), round(math.log10(most)) + 1)]


def time_text(microseconds: float) -> str:
    return f'{microseconds / 1000:g} ms' if microseconds >= 1000 else f'{microseconds:g} µs'


QUANTITIES = [
    Quantity('message rate, where the floor’s is 1', lambda each: each['rate_ratio'],
             lambda value: f'{value:.3f} of the floor’s rate',
             lambda values: (0, max(1.5, math.ceil(max(values) * 2) / 2), False),
             lambda least, most: [step / 2 for step in range(round(most * 2) + 1)], lambda value: f'{value:g}'),
    Quantity('processor time a message', lambda each: each['processor_time'],
             lambda value: f'{value:,.2f} µs of processor time a message',
             lambda values: (10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values))), True),
             tenfolds, time_text),
]


def size_text(size: int, units: tuple[str, str, str] = (' MiB', ' KiB', ' bytes')) -> str:
    for unit, name in zip((1 << 20, 1 << 10), units):
        if size >= unit:
            return f'{size / unit:.4g}{name}'
    return f'{size}{units[2]}'


def text(x: float, y: float, content: str, css: str = '', anchor: str = 'start') -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{escape(content)}</text>'


def grid_line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def place_text(place: tuple[str, bool]) -> str:
    return f'{place[0]} queue, {"TLS" if place[1] else "plain"}'


class Picture:
    def __init__(self, results: list[Result]) -> None:
        self.results = results
        self.sizes = sorted({each['size'] for each in results})
        self.drawn: list[str] = []
        self.y = float(TOP)

    def named(self, name: str) -> list[Result]:
        return [each for each in self.results if each['contestant'] == name]

    def draw(self) -> str:
        for heading, names in GROUPS.values():
            self.draw_group(heading, names)
        self.y += 6
        title = 'hello-rabbit beside its floor and other clients'
        described = ('Small line charts over the size of the body: message rate relative to the floor, and processor time a '
                     'message, for classic and quorum queues, with and without TLS.')
        return '\n'.join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.y:.0f}" width="{WIDTH}" '
            f'height="{self.y:.0f}" role="img" aria-labelledby="title description">',
            f'<title id="title">{escape(title)}</title>', f'<desc id="description">{escape(described)}</desc>',
            f'<style>{STYLE}</style>', f'<rect class="page" width="{WIDTH}" height="{self.y:.0f}" rx="8"/>',
            text(LEFT, 32, title, 'title'), *self.legend(), *self.drawn, '</svg>', ''])

    def legend(self) -> Iterator[str]:
        x = float(LEFT)
        for series in reversed(SERIES):
            if not any(self.named(names[series]) for _, names in GROUPS.values() if series in names):
                continue
            yield f'<path class="series {series}" d="M{x:.1f} 54h24"/>'
            yield text(x + 30, 58, SERIES[series])
            x += 30 + 7.2 * len(SERIES[series]) + 24
        for column, place in enumerate(PLACES):
            yield text(panel_left(column), TOP - 12, place_text(place))

    def draw_group(self, heading: str, names: dict[str, str]) -> None:
        held = [each for name in names.values() for each in self.named(name)]
        if not held:
            return
        self.y += HEADING
        self.drawn.append(text(LEFT, self.y - 8, heading, 'heading'))
        for quantity in QUANTITIES:
            least, most, logarithmic = quantity.scale([quantity.value(each) for each in held])
            self.y += CAPTION
            self.drawn.append(text(LEFT, self.y - 7, quantity.caption, 'faint'))
            scale = Scale(least, most, self.y + PANEL_HEIGHT, self.y, logarithmic)
            for column, place in enumerate(PLACES):
                self.draw_panel(column, place, names, quantity, scale)
            self.y += PANEL_HEIGHT
        for column in range(len(PLACES)):
            for size in self.sizes:
                self.drawn.append(text(self.across(column).at(size), self.y + 16, size_text(size, ('M', 'K', '')), 'faint',
                                       'middle'))
        self.drawn.append(text(LEFT - 7, self.y + 16, 'bytes', 'faint', 'end'))
        self.y += TICKS

    def across(self, column: int) -> Scale:
        inset = 16
        left = panel_left(column)
        return Scale(self.sizes[0], self.sizes[-1], left + inset, left + PANEL_WIDTH - inset, True)

    def draw_panel(self, column: int, place: tuple[str, bool], names: dict[str, str], quantity: Quantity,
                   scale: Scale) -> None:
        left = panel_left(column)
        for tick in quantity.ticks(scale.least, scale.most):
            self.drawn.append(grid_line(left, scale.at(tick), left + PANEL_WIDTH, scale.at(tick)))
            if column == 0:
                self.drawn.append(text(left - 7, scale.at(tick) + 4, quantity.tick_text(tick), 'faint', 'end'))
        for series in SERIES:
            here = [each for each in self.named(names.get(series, '')) if (each['queue_type'], each['tls']) == place]
            points = [(self.across(column).at(each['size']), scale.at(quantity.value(each)), each)
                      for each in sorted(here, key=lambda each: each['size'])]
            if not points:
                continue
            line = 'L'.join(f'{x:.1f} {y:.1f}' for x, y, _ in points)
            self.drawn.append(f'<path class="series {series}" d="M{line}"/>')
            for x, y, each in points:
                said = f'{each["contestant"]}, {size_text(each["size"])}: {quantity.in_words(quantity.value(each))}'
                self.drawn.append(f'<circle class="{series}" cx="{x:.1f}" cy="{y:.1f}" r="{3.5 if series == "ours" else 2.6}">'
                                  f'<title>{escape(said)}</title></circle>')


def panel_left(column: int) -> float:
    return LEFT + column * (PANEL_WIDTH + GAP)


def picture(results: dict[str, Any]) -> str:
    return Picture(results['results']).draw()
