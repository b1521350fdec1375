"""Runs of the formats, which are held against lines. Their messages have headers and properties, and bodies of text."""
from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

import pika

from contestants import BUILD, QUEUE, Contestant, Options
from measuring import Bench
from runs import BenchError, Run

TEXT = 'level=info at=checkout.pay path="/orders/17" status=200 ms=12.5 '
HEADERS = {'tenant': 'example', 'attempt': 3, 'replayed': False}
PROPERTIES = {'content_type': 'text/plain', 'headers': HEADERS, 'message_id': 'order-17', 'timestamp': 1700000000,
              'type': 'log', 'app_id': 'checkout'}


def properties_of(number: int, own_ids: bool) -> dict[str, object]:
    """The properties of a message; the first is number 1."""
    return PROPERTIES | {'message_id': f'order-{number}'} if own_ids else PROPERTIES


def property_options() -> str:
    """send's options for PROPERTIES."""
    types = {str: 'string', int: 'int', bool: 'bool'}
    headers = [f'--header {name}:{types[type(value)]}={str(value).lower()}' for name, value in HEADERS.items()]
    others = [f'--{name.replace("_", "-")} {value}' for name, value in PROPERTIES.items() if name != 'headers']
    return ' '.join(headers + others)


class Formats(Bench):
    most_messages = 100_000     # are enough for a processor time
    properties = property_options()

    def __init__(self, folder: Path, options: Options) -> None:
        super().__init__(folder, options)
        self.records = self.written_records(own_ids=False)
        self.records_with_ids = self.written_records(own_ids=True)

    def written_records(self, own_ids: bool) -> Path:
        path = self.folder / ('records_with_ids' if own_ids else 'records')
        with path.open('w') as records:
            records.writelines(json.dumps({'payload': body, 'properties': properties_of(number, own_ids)}) + '\n'
                               for number, body in enumerate(self.bodies(), 1))
        return path

    def line(self, number: int) -> bytes:
        start = str(number).rjust(min(self.size, 12), '0')
        return (start + TEXT * (self.size // len(TEXT) + 1))[:self.size].encode() + b'\n'

    def bodies(self) -> Iterable[str]:
        with self.lines.open() as lines:
            for line in lines:
                yield line.removesuffix('\n')

    def fill(self, count: int, lines: Path) -> None:
        self.declare(QUEUE)
        with lines.open('rb') as source:
            subprocess.run([BUILD / 'send', '--url', self.plain_url, '--queue', QUEUE, *self.type_option.split(), '--quiet',
                            '--lines', *self.properties.split()], stdin=source, check=True)
        self.wait_until_quiet()

    def receive_json(self, contestant: Contestant) -> Run:
        self.fill(self.messages, self.lines)
        printed = self.folder / 'printed'
        run = self.timed(contestant, self.messages, Path(os.devnull), printed)
        check_records(contestant, printed, self.bodies())
        self.expect_left(contestant, QUEUE, 0)
        return run

    def send_lines(self, contestant: Contestant) -> Run:
        return self.publish(contestant, self.lines)

    def send_json(self, contestant: Contestant) -> Run:
        return self.publish(contestant, self.records)

    def send_json_with_ids(self, contestant: Contestant) -> Run:
        return self.publish(contestant, self.records_with_ids, own_ids=True)

    def publish(self, contestant: Contestant, source: Path, own_ids: bool = False) -> Run:
        self.declare(QUEUE)
        self.wait_until_quiet()
        run = self.timed(contestant, self.messages, source, Path(os.devnull))
        bodies = iter(self.bodies())
        self.look_at_first(contestant, next(bodies), properties_of(1, own_ids))
        left = self.folder / 'left'
        with left.open('wb') as sink:
            subprocess.run([BUILD / 'receive', '--url', self.plain_url, '--queue', QUEUE, *self.type_option.split(),
                            '--quiet', '--drain', '--format', 'json'], stdout=sink, check=True)
        check_records(contestant, left, bodies, first=2, own_ids=own_ids)
        self.expect_left(contestant, QUEUE, 0)
        return run

    def look_at_first(self, contestant: Contestant, body: str, expected: dict[str, object]) -> None:
        """With another client, which takes it off the queue."""
        connection = pika.BlockingConnection(pika.URLParameters(self.plain_url))
        _method, properties, got = connection.channel().basic_get(QUEUE, auto_ack=True)
        connection.close()
        properties.headers.pop('x-delivery-count', None)    # of a quorum queue
        if got != body.encode() or {name: value for name, value in vars(properties).items() if value is not None} != expected:
            raise BenchError(f'{contestant.name} has published {properties} {got!r}')


def check_records(contestant: Contestant, printed: Path, bodies: Iterable[str], first: int = 1,
                  own_ids: bool = False) -> None:
    """`first`: the number of the first message."""
    expected = {'payload_encoding': 'string', 'exchange': '', 'routing_key': QUEUE, 'redelivered': False}
    with printed.open() as lines:
        for number, (line, body) in enumerate(zip_longest(lines, bodies), first):
            if line is None or body is None or json.loads(line) != {'payload': body, **expected,
                                                                    'properties': properties_of(number, own_ids)}:
                raise BenchError(f'{contestant.name}: message {number} is not what was sent: {line}')
