"""Who runs in scripts/bench, with which commands, and the ratios that are asked for."""
from __future__ import annotations

import shutil
import sys
from argparse import Namespace as Options
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / 'build/release'
PORTABLE = ROOT / 'build/packaging/packaging'   # where scripts/package has built it
PEERS = ROOT / 'bench/peers'
NODE_FOLDER = BUILD / 'bench/peers'
GO_PEER = NODE_FOLDER / 'amqp091-go'
QUEUE = 'bench'
TARGET_QUEUE = 'bench-target'
START_QUEUE = 'hello'
DECLARES_CLASSIC = 'it declares a classic queue'
SHORT_TEMPLATE = "--template '{routing_key}\\t{body}\\n'"
LONG_TEMPLATE = "--template '{message_id} {timestamp} {routing_key} {headers[attempt]} {size} {body}\\n'"


def as_line(body: bytes) -> bytes:
    return body + b'\n'


def as_body(body: bytes) -> bytes:
    return body


@dataclass(frozen=True)
class Contestant:
    name: str
    command: str            # {url}, {count}, {size}, {type}
    reference: str          # the contestant it is held against
    share: int = 1          # runs with one message in so many
    measure: str = ''       # how it is run, if not as the others of its table
    prints: Callable[[bytes], bytes] = as_line      # of a body, where it consumes
    peer: bool = True       # left out by --no-peers
    control: bool = False   # runs only with --control
    knows_tls: bool = True
    quorum_obstacle: str = ''   # why it cannot run on quorum queues
    longest_line: int = 1 << 30     # that it takes for one message

    def obstacle(self, options: Options) -> str:
        """Why it cannot run; empty: it can."""
        program = self.command.split()[0]
        if program == str(GO_PEER) and not GO_PEER.exists():
            return 'go cannot build it'
        if not shutil.which(program):
            return f'there is no {program}'
        if program == 'node' and not (NODE_FOLDER / 'node_modules/amqplib').exists():
            return 'npm cannot install amqplib'
        if options.size > self.longest_line:
            return 'it cuts lines of that length'
        if options.tls and not self.knows_tls:
            return 'it is not made for TLS here'
        return self.quorum_obstacle if options.queue_type == 'quorum' else ''


@dataclass(frozen=True)
class Target:
    name: str
    reference: str | tuple[str, ...]    # of several: the slowest in a round
    ratio: float


def ours(program, floor_name, arguments, share=1):
    return Contestant(program, f'{BUILD}/{program.split()[0]} {arguments}', floor_name, share, peer=False)


def floor(name, program, arguments):
    """And the same once more, whose ratio to the first, not being 1, is noise."""
    command = f'{BUILD}/bench/{program} {QUEUE} {arguments}'
    return (Contestant(name, command, name, peer=False),
            Contestant(f'{name}, again', command, name, peer=False, control=True))


def format_of(name, arguments, reference, measure='receive', prints=as_line):
    """`receive` and `send` in a format, beside lines; {properties} are the options for those of the messages."""
    program = name.split()[0]
    fixed = f'--queue {QUEUE} {{type}} --quiet' + (' --ack auto --drain' if program == 'receive' else '')
    # Braces that belong to a template.
    given = arguments.replace('{', '{{').replace('}', '}}').replace('{{properties}}', '{properties}')
    return Contestant(name, f'{BUILD}/{program} {fixed} {given}', reference, measure=measure, prints=prints, peer=False)


def pika(name, program, arguments, reference, share=1):
    return Contestant(name, f'/usr/bin/python3 {PEERS}/{program} {arguments}', reference, share)


def amqplib(name, program, arguments, reference):
    return Contestant(name, f'node {PEERS}/{program} {QUEUE} {arguments}', reference, knows_tls=False,
                      quorum_obstacle=DECLARES_CLASSIC)


def amqp091_go(name, arguments, reference):
    return Contestant(name, f'{GO_PEER} {arguments}', reference)


CONTESTANTS = {
    'send': [
        *floor('floor', 'send_floor', '{count} {size}'),
        ours('send --lines', 'floor', f'--queue {QUEUE} {{type}} --lines --quiet'),
        Contestant('amqp-publish -l, no confirms', f'amqp-publish -u {{url}} -r {QUEUE} -l', 'floor', peer=False,
                   knows_tls=False, longest_line=16 << 10,
                   quorum_obstacle='it ends before its last messages are in a quorum queue'),
        amqp091_go('amqp091-go', f'send {QUEUE}', 'floor'),
        amqplib('amqplib', 'amqplib_send.js', '', 'floor'),
        pika('Pika, one at a time', 'pika_send.py', QUEUE, 'floor', share=50),
    ],
    'receive': [
        *floor('floor, auto-ack', 'receive_floor', '{count} 0'),
        ours('receive --ack auto', 'floor, auto-ack', f'--queue {QUEUE} {{type}} --format lines --ack auto --drain --quiet'),
        *floor('floor, acked per 500', 'receive_floor', '{count} 1000'),
        ours('receive --ack written', 'floor, acked per 500',
             f'--queue {QUEUE} {{type}} --format lines --ack written --prefetch 1000 --drain --quiet'),
        amqp091_go('amqp091-go, auto-ack', f'receive {QUEUE} {{count}} auto', 'floor, auto-ack'),
        amqp091_go('amqp091-go, acked per 500', f'receive {QUEUE} {{count}} acked', 'floor, acked per 500'),
        amqplib('amqplib, auto-ack', 'amqplib_receive.js', '{count} auto', 'floor, auto-ack'),
        amqplib('amqplib, acked per 500', 'amqplib_receive.js', '{count} acked', 'floor, acked per 500'),
        pika('Pika, auto-ack', 'pika_receive.py', f'{QUEUE} {{count}} auto', 'floor, auto-ack', share=10),
        pika('Pika, acked per 500', 'pika_receive.py', f'{QUEUE} {{count}} acked', 'floor, acked per 500', share=10),
        Contestant('amqp-consume -A cat', f'amqp-consume -u {{url}} -q {QUEUE} -A -c {{count}} cat', 'floor, auto-ack',
                   share=100, prints=as_body, knows_tls=False),
    ],
    'request': [
        Contestant('Pika, one at a time', f'/usr/bin/python3 {PEERS}/pika_request.py {QUEUE}', 'Pika, one at a time',
                   share=100, peer=False),
        ours('send --request --window 1', 'Pika, one at a time',
             f'--queue {QUEUE} --request --lines --window 1 --quiet', share=100),
        ours('send --request', 'Pika, one at a time', f'--queue {QUEUE} --request --lines --quiet', share=100),
    ],
    'formats': [
        format_of('receive --format lines', '--format lines', 'receive --format lines'),
        format_of('receive --format json', '--format json', 'receive --format lines', measure='receive_json'),
        format_of('receive --template, 2 fields', SHORT_TEMPLATE, 'receive --format lines',
                  prints=lambda body: f'{QUEUE}\t'.encode() + body + b'\n'),
        format_of('receive --template, 6 fields', LONG_TEMPLATE, 'receive --format lines',
                  prints=lambda body: f'order-17 1700000000 {QUEUE} 3 {len(body)} '.encode() + body + b'\n'),
        format_of('send --lines', '--lines {properties}', 'send --lines', measure='send_lines'),
        format_of('send --json', '--json', 'send --lines', measure='send_json'),
        format_of('send --json, each its own message_id', '--json', 'send --lines', measure='send_json_with_ids'),
    ],
    'move': [
        Contestant('publishing alone', f'{BUILD}/send --queue {QUEUE} --lines --quiet', 'publishing alone',
                   measure='send', peer=False),
        Contestant('consuming alone', f'{BUILD}/receive --queue {QUEUE} --format lines --ack written --drain --quiet',
                   'publishing alone', measure='receive', peer=False),
        ours('receive --to-queue', 'publishing alone', f'--queue {QUEUE} --to-queue {TARGET_QUEUE} --drain --quiet'),
        Contestant("RabbitMQ's shovel plugin", f'/usr/bin/python3 {PEERS}/shovel.py {QUEUE} {TARGET_QUEUE} {{count}}',
                   'publishing alone', peer=False),
    ],
    'start': [
        Contestant('amqp-publish', f"amqp-publish -u {{url}} -r {START_QUEUE} -b 'Hello World!'", 'amqp-publish',
                   peer=False),
        ours('send', 'amqp-publish', ''),
        ours('send --queue', 'amqp-publish', f'--queue {START_QUEUE}'),
        Contestant('send of the portable archive', f'{PORTABLE}/send', 'amqp-publish', peer=False),
        Contestant("the seed's send.py", f'/usr/bin/python3 {PEERS}/seed_send.py', 'amqp-publish',
                   quorum_obstacle=DECLARES_CLASSIC),
    ],
}
TARGETS = {     # of rates, at least; of start's times and of formats' processor times, at most
    'send': [Target('send --lines', 'floor', 0.95), Target('send --lines', 'amqp-publish -l, no confirms', 1)],
    'receive': [Target('receive --ack auto', 'floor, auto-ack', 0.95),
                Target('receive --ack written', 'floor, acked per 500', 0.95)],
    'request': [Target('send --request --window 1', 'Pika, one at a time', 0.667)],    # 1.5 times as long
    'formats': [Target('receive --format json', 'receive --format lines', 2),
                Target('receive --template, 2 fields', 'receive --format lines', 2),
                Target('receive --template, 6 fields', 'receive --format lines', 2),
                Target('send --json', 'send --lines', 2),
                Target('send --json, each its own message_id', 'send --lines', 2)],
    'move': [Target('receive --to-queue', ('publishing alone', 'consuming alone'), 0.8),
             Target('receive --to-queue', "RabbitMQ's shovel plugin", 1)],
    'start': [Target('send', 'amqp-publish', 1.3), Target('send --queue', 'amqp-publish', 1.3),
              Target('send of the portable archive', 'amqp-publish', 1.3)],
}
MOST_PROCESSOR_TIME = {     # of the floor's and that of one copy of the body
    'send': [Target('send --lines', 'floor', 1.2)],
    'receive': [Target('receive --ack auto', 'floor, auto-ack', 1.2),
                Target('receive --ack written', 'floor, acked per 500', 1.2)],
}


def able(contestants: Iterable[Contestant], options: Options) -> list[Contestant]:
    """Those that can run, and are to; says who is left out."""
    chosen = []
    for each in contestants:
        if each.peer and options.no_peers or each.control and not options.control:
            continue
        if why := each.obstacle(options):
            print(f'{each.name} is left out: {why}', file=sys.stderr)
        else:
            chosen.append(each)
    return chosen
