"""One run of a contestant on the broker, checked: nothing may be lost, and nothing else be printed."""
from __future__ import annotations

import contextlib
import filecmp
import os
import shlex
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

from contestants import BUILD, PEERS, QUEUE, START_QUEUE, TARGET_QUEUE, Contestant, Options, as_line
from runs import BenchError, Run
from tls import tls_url

RUN_LIMIT = 600     # seconds


@contextlib.contextmanager
def time_limit(name):
    def expire(*_):
        raise BenchError(f'{name} has not ended within {RUN_LIMIT} s')

    signal.signal(signal.SIGALRM, expire)
    signal.alarm(RUN_LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)


class Bench:
    """Runs contestants on the broker, with their input and output in `folder`."""

    most_messages = 300_000
    properties = ''     # options of send for what its messages have beside their bodies

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder = folder
        self.messages = options.messages or min(messages_of(options.size), self.most_messages)
        self.size = options.size
        self.type_option = '' if options.queue_type == 'classic' else f'--queue-type {options.queue_type}'
        self.plain_url = os.environ['AMQP_URL']
        self.url = tls_url() if options.tls else self.plain_url
        self.broker_stat = Path('/proc', Path(os.environ['BROKER_DIR'], 'pid').read_text().strip(), 'stat')
        self.lines = folder / 'lines'
        with self.lines.open('wb') as lines:
            lines.writelines(map(self.line, range(self.messages)))

    def line(self, number: int) -> bytes:
        return str(number).rjust(min(self.size, 12), '0').ljust(self.size, 'x').encode() + b'\n'

    def send(self, contestant: Contestant) -> Run:
        count, lines = self.share_of(contestant)
        self.declare(QUEUE)
        self.wait_until_quiet()
        run = self.timed(contestant, count, lines, Path(os.devnull))
        self.expect_left(contestant, QUEUE, count)
        return run

    def fill(self, count: int, lines: Path) -> None:
        self.declare(QUEUE)
        with lines.open('rb') as source:
            subprocess.run([BUILD / 'bench/send_floor', QUEUE, str(count), str(self.size)], stdin=source, check=True)
        self.wait_until_quiet()

    def receive(self, contestant: Contestant) -> Run:
        count, lines = self.share_of(contestant)
        printed = self.folder / 'printed'
        self.fill(count, lines)
        run = self.timed(contestant, count, Path(os.devnull), printed)
        expected = lines if contestant.prints is as_line else self.expected_of(contestant, lines)
        if not filecmp.cmp(expected, printed, shallow=False):
            raise BenchError(f'{contestant.name} has not written the {count} messages that were in the queue')
        self.expect_left(contestant, QUEUE, 0)
        return run

    def expected_of(self, contestant: Contestant, lines: Path) -> Path:
        expected = self.folder / 'expected'
        with lines.open('rb') as bodies, expected.open('wb') as output:
            output.writelines(contestant.prints(body.removesuffix(b'\n')) for body in bodies)
        return expected

    def move(self, contestant: Contestant) -> Run:
        count, lines = self.share_of(contestant)
        self.declare(TARGET_QUEUE)
        self.fill(count, lines)
        own_seconds = self.folder / 'own-seconds'
        run = self.timed(contestant, count, Path(os.devnull), own_seconds)
        if text := own_seconds.read_text():     # what the contestant itself has measured
            run = Run(run.messages, float(text), run.processor_seconds, run.peak_kib)
        self.expect_left(contestant, QUEUE, 0)
        self.expect_left(contestant, TARGET_QUEUE, count)
        return run

    def request(self, contestant: Contestant) -> Run:
        """Asks a server that answers each request with its own body."""
        count, lines = self.share_of(contestant)
        printed = self.folder / 'printed'
        self.declare(QUEUE)
        server = subprocess.Popen([sys.executable, PEERS / 'pika_answer.py', QUEUE], stdout=subprocess.PIPE)
        try:
            server.stdout.readline()
            run = self.timed(contestant, count, lines, printed)
        finally:
            server.kill()
            server.wait()
        if not filecmp.cmp(lines, printed, shallow=False):
            raise BenchError(f'{contestant.name} has not printed the answers to its {count} requests')
        self.expect_left(contestant, QUEUE, 0)
        return run

    def start(self, contestant: Contestant) -> Run:
        self.declare(START_QUEUE)
        run = self.timed(contestant, 1, Path(os.devnull), Path(os.devnull))
        self.expect_left(contestant, START_QUEUE, 1)
        return run

    def share_of(self, contestant: Contestant) -> tuple[int, Path]:
        count = max(self.messages // contestant.share, 1)
        if count == self.messages:
            return count, self.lines
        lines = self.folder / f'lines-{count}'
        with self.lines.open('rb') as all_lines:
            lines.write_bytes(b''.join(islice(all_lines, count)))
        return count, lines

    def timed(self, contestant: Contestant, count: int, stdin: Path, stdout: Path) -> Run:
        """From the start of the process to its end, all it does for connecting and closing included."""
        command = shlex.split(contestant.command.format(url=self.url, count=count, size=self.size, type=self.type_option,
                                                        properties=self.properties))
        taken = self.folder / 'taken'
        with stdin.open('rb') as source, stdout.open('wb') as sink, time_limit(contestant.name):
            status = subprocess.run([BUILD / 'bench/timed', taken, *command], stdin=source, stdout=sink,
                                    env={**os.environ, 'AMQP_URL': self.url}).returncode
        if status != 0:
            raise BenchError(f'{contestant.name} has ended with {status}')
        seconds, processor_seconds, peak_kib = taken.read_text().split()
        return Run(count, float(seconds), float(processor_seconds), int(peak_kib))

    def declare(self, queue: str) -> None:
        subprocess.run([BUILD / 'send', '--url', self.plain_url, '--queue', queue, *self.type_option.split(), '--quiet',
                        '--lines', '--file', os.devnull], check=True)

    def expect_left(self, contestant: Contestant, queue: str, expected: int) -> None:
        """Deletes the queue, which tells how many messages were in it once all that came before was done."""
        left = int(subprocess.check_output(['amqp-delete-queue', '-u', self.plain_url, '-q', queue]))
        if left != expected:
            raise BenchError(f'{contestant.name} has left {left} messages in the queue, not {expected}')

    def wait_until_quiet(self) -> None:
        """Until the broker uses less than a tenth of a processor."""
        window = 0.2
        deadline = time.monotonic() + RUN_LIMIT
        used = self.broker_seconds()
        while time.monotonic() < deadline:
            time.sleep(window)
            before, used = used, self.broker_seconds()
            if used - before < 0.1 * window:
                return
        raise BenchError('the broker does not come to rest')

    def broker_seconds(self) -> float:
        fields = self.broker_stat.read_text().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')    # utime, stime


def messages_of(size: int) -> int:
    """So many that a run takes a second or two, and with small bodies longer: starting is to be no part of it."""
    return 2**30 // (size + 12_000) * (2 if size <= 1 << 10 else 1)
