"""What scripts/bench runs, and describes: builds, starts the broker, measures, prints the table."""
import argparse
import contextlib
import filecmp
import os
import platform
import re
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from contestants import (BUILD, CONTESTANTS, MOST_PROCESSOR_TIME, NODE_FOLDER, PEERS, QUEUE, ROOT, START_QUEUE,
                         TARGET_QUEUE, TARGETS)
from tls import broker_options, tls_url

RUN_LIMIT = 600     # seconds


class BenchError(Exception):
    pass


@dataclass(frozen=True)
class Run:
    messages: int
    seconds: float
    processor_seconds: float = 0
    peak_kib: int = 0

    @property
    def rate(self):
        return self.messages / self.seconds

    @property
    def processor_time(self):
        """Of the client, user's and system's, for a message: microseconds."""
        return self.processor_seconds / self.messages * 1e6


# --- Before.

def prepare(with_peers):
    def run(*command, **options):
        subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=True, **options)

    run('cmake', '--preset', 'release', '-DHELLO_RABBIT_BENCH=ON')
    run('cmake', '--build', '--preset', 'release', '--target', 'send', 'receive', 'send_floor', 'receive_floor', 'timed',
        'copy_cost')
    if with_peers and shutil.which('npm'):
        NODE_FOLDER.mkdir(parents=True, exist_ok=True)
        shutil.copy(PEERS / 'package.json', NODE_FOLDER)
        with contextlib.suppress(subprocess.CalledProcessError):    # then amqplib is left out
            run('npm', 'install', '--prefix', NODE_FOLDER, '--no-package-lock', '--ignore-scripts', '--no-audit',
                '--no-fund', '--silent', '--fetch-retries=0')


# --- One run.

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

    def __init__(self, folder, options):
        self.folder = folder
        self.messages = options.messages or messages_of(options.size)
        self.size = options.size
        self.type_option = '' if options.queue_type == 'classic' else f'--queue-type {options.queue_type}'
        self.plain_url = os.environ['AMQP_URL']
        self.url = tls_url() if options.tls else self.plain_url
        self.broker_stat = Path('/proc', Path(os.environ['BROKER_DIR'], 'pid').read_text().strip(), 'stat')
        self.lines = folder / 'lines'
        with self.lines.open('wb') as lines:
            lines.writelines(map(self.line, range(self.messages)))

    def line(self, number):
        return str(number).rjust(min(self.size, 12), '0').ljust(self.size, 'x').encode() + b'\n'

    def send(self, contestant):
        count, lines = self.share_of(contestant)
        self.declare(QUEUE)
        self.wait_until_quiet()
        run = self.timed(contestant, count, lines, Path(os.devnull))
        self.expect_left(contestant, QUEUE, count)
        return run

    def fill(self, count, lines):
        self.declare(QUEUE)
        with lines.open('rb') as source:
            subprocess.run([BUILD / 'bench/send_floor', QUEUE, str(count), str(self.size)], stdin=source, check=True)
        self.wait_until_quiet()

    def receive(self, contestant):
        count, lines = self.share_of(contestant)
        printed = self.folder / 'printed'
        self.fill(count, lines)
        run = self.timed(contestant, count, Path(os.devnull), printed)
        if contestant.separator != b'\n':
            expected = self.folder / 'expected'
            expected.write_bytes(lines.read_bytes().replace(b'\n', contestant.separator))
        else:
            expected = lines
        if not filecmp.cmp(expected, printed, shallow=False):
            raise BenchError(f'{contestant.name} has not written the {count} messages that were in the queue')
        self.expect_left(contestant, QUEUE, 0)
        return run

    def move(self, contestant):
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

    def request(self, contestant):
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

    def start(self, contestant):
        self.declare(START_QUEUE)
        run = self.timed(contestant, 1, Path(os.devnull), Path(os.devnull))
        self.expect_left(contestant, START_QUEUE, 1)
        return run

    def share_of(self, contestant):
        count = max(self.messages // contestant.share, 1)
        if count == self.messages:
            return count, self.lines
        lines = self.folder / f'lines-{count}'
        with self.lines.open('rb') as all_lines:
            lines.write_bytes(b''.join(islice(all_lines, count)))
        return count, lines

    def timed(self, contestant, count, stdin, stdout):
        """From the start of the process to its end, all it does for connecting and closing included."""
        command = shlex.split(contestant.command.format(url=self.url, count=count, size=self.size, type=self.type_option))
        taken = self.folder / 'taken'
        with stdin.open('rb') as source, stdout.open('wb') as sink, time_limit(contestant.name):
            status = subprocess.run([BUILD / 'bench/timed', taken, *command], stdin=source, stdout=sink,
                                    env={**os.environ, 'AMQP_URL': self.url}).returncode
        if status != 0:
            raise BenchError(f'{contestant.name} has ended with {status}')
        seconds, processor_seconds, peak_kib = taken.read_text().split()
        return Run(count, float(seconds), float(processor_seconds), int(peak_kib))

    def declare(self, queue):
        subprocess.run([BUILD / 'send', '--url', self.plain_url, '--queue', queue, *self.type_option.split(), '--quiet',
                        '--lines', '--file', os.devnull], check=True)

    def expect_left(self, contestant, queue, expected):
        """Deletes the queue, which tells how many messages were in it once all that came before was done."""
        left = int(subprocess.check_output(['amqp-delete-queue', '-u', self.plain_url, '-q', queue]))
        if left != expected:
            raise BenchError(f'{contestant.name} has left {left} messages in the queue, not {expected}')

    def wait_until_quiet(self):
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

    def broker_seconds(self):
        fields = self.broker_stat.read_text().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')    # utime, stime


def messages_of(size):
    """So many that a run takes a second or two."""
    return int(min(300_000, 2**29 / (size + 1700)))


# --- All runs, and what they come to.

def run_rounds(contestants, measure, rounds):
    """The runs of each contestant by its name, one a round."""
    runs = {contestant.name: [] for contestant in contestants}
    for number in range(rounds + 1):
        for contestant in contestants:
            run = measure(contestant)
            print(f'round {number} of {rounds}  {contestant.name}: {run.messages:,} in {run.seconds:.4f} s',
                  file=sys.stderr)
            if number > 0:  # round 0 is there to warm up
                runs[contestant.name].append(run)
    return runs


def ratio(runs, name, reference, value):
    references = (reference,) if isinstance(reference, str) else reference
    slowest = [max(held, key=lambda run: run.seconds) for held in zip(*(runs[each] for each in references))]
    return statistics.median(value(run) / value(held) for run, held in zip(runs[name], slowest))


def rate_table(contestants, runs):
    rows = [['', 'messages', 'a second, median', 'least to most', 'of its floor', 'processor time', 'of its floor',
             'peak memory']]
    for contestant in contestants:
        own = runs[contestant.name]
        rates = [run.rate for run in own]
        rows.append([contestant.name, f'{own[0].messages:,}', f'{statistics.median(rates):,.0f}',
                     f'{min(rates):,.0f} to {max(rates):,.0f}',
                     f'{ratio(runs, contestant.name, contestant.reference, lambda run: run.rate):.3f}',
                     f'{statistics.median(run.processor_time for run in own):.2f} us',
                     f'{ratio(runs, contestant.name, contestant.reference, lambda run: run.processor_time):.3f}',
                     f'{max(run.peak_kib for run in own) / 1024:.1f} MiB'])
    return rows


def time_table(contestants, runs):
    rows = [['', 'median', 'least to most', f'times {contestants[0].name}']]
    for contestant in contestants:
        times = [run.seconds * 1000 for run in runs[contestant.name]]
        rows.append([contestant.name, f'{statistics.median(times):.1f} ms', f'{min(times):.1f} to {max(times):.1f} ms',
                     f'{ratio(runs, contestant.name, contestant.reference, lambda run: run.seconds):.2f}'])
    return rows


def print_table(rows, markdown):
    widths = [max(map(len, column)) for column in zip(*rows)]
    if markdown:
        rows = [rows[0], ['---', *['---:'] * (len(widths) - 1)], *rows[1:]]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        print(f'| {" | ".join(cells)} |' if markdown else '  '.join(cells).rstrip())


def verdicts(what, runs):
    value, words, met = ((lambda run: run.seconds), 'at most', float.__le__) if what == 'start' else \
        ((lambda run: run.rate), 'at least', float.__ge__)
    for target in TARGETS[what]:
        references = (target.reference,) if isinstance(target.reference, str) else target.reference
        if not {target.name, *references} <= runs.keys():
            continue
        is_ratio = ratio(runs, target.name, target.reference, value)
        verdict = 'met' if met(is_ratio, float(target.ratio)) else 'missed'
        reference = references[0] if len(references) == 1 else f'the slower of {" and ".join(references)}'
        yield f'{target.name} / {reference}: {is_ratio:.3f}, to be {words} {target.ratio}: {verdict}'


def processor_verdicts(what, runs, size):
    if what not in MOST_PROCESSOR_TIME:
        return
    copy = float(subprocess.check_output([BUILD / 'bench/copy_cost', str(size)])) * 1e6
    for target in MOST_PROCESSOR_TIME[what]:
        is_ratio = statistics.median(run.processor_time / (held.processor_time + copy)
                                     for run, held in zip(runs[target.name], runs[target.reference]))
        yield (f"processor time of {target.name} / {target.reference} and one copy ({copy:.2f} us): {is_ratio:.3f}, "
               f"to be at most {target.ratio}: {'met' if is_ratio <= target.ratio else 'missed'}")


def machine():
    def found(pattern, path):
        match = re.search(pattern, Path(path).read_text(), re.MULTILINE)
        return match[1].strip() if match else 'unknown'

    packages = {'RabbitMQ': 'rabbitmq-server', 'rabbitmq-c': 'librabbitmq-dev', 'Pika': 'python3-pika'}
    versions = [f'{name} {subprocess.check_output(["dpkg-query", "-Wf", "${Version}", package], text=True)}'
                for name, package in packages.items()]
    if (NODE_FOLDER / 'node_modules/amqplib').exists():
        version = found(r'"amqplib": "(.*)"', PEERS / 'package.json')
        versions.append(f'amqplib {version}')
    memory = int(found(r'^MemTotal: *(\d+)', '/proc/meminfo')) / 2**20
    return (f'{os.cpu_count()} processors ({found(r"^model name.*: (.*)", "/proc/cpuinfo")}), {memory:.0f} GiB, '
            f'Linux {platform.release()}; {", ".join(versions)}.')


def parse_arguments():
    def positive(text):
        if (value := int(text)) < 1:
            raise ValueError
        return value

    parser = argparse.ArgumentParser(prog='bench', add_help=False)
    parser.add_argument('what', choices=CONTESTANTS)
    parser.add_argument('--messages', type=positive)
    parser.add_argument('--size', type=positive, default=12)
    parser.add_argument('--queue-type', choices=['classic', 'quorum'], default='classic')
    parser.add_argument('--tls', action='store_true')
    parser.add_argument('--rounds', type=positive)
    parser.add_argument('--no-peers', action='store_true')
    parser.add_argument('--markdown', action='store_true')
    parser.add_argument('--on-broker', action='store_true', help=argparse.SUPPRESS)  # all is built, the broker runs
    parser.error = lambda message: (print(f'bench: {message}', file=sys.stderr), sys.exit(64))
    return parser.parse_args()


def main():
    options = parse_arguments()
    if not options.on_broker:
        prepare(with_peers=not options.no_peers)
        plugins = ['--plugin', 'rabbitmq_shovel'] if options.what == 'move' else []
        tls = broker_options() if options.tls else []
        os.execv(ROOT / 'scripts/broker',
                 ['broker', *plugins, *tls, '--', sys.executable, __file__, *sys.argv[1:], '--on-broker'])
    os.environ['NODE_PATH'] = str(NODE_FOLDER / 'node_modules')
    what = options.what
    rounds = options.rounds or (30 if what == 'start' else 5)
    contestants = []
    for each in CONTESTANTS[what]:
        if each.peer and options.no_peers:
            continue
        if why := each.obstacle(options):
            print(f'{each.name} is left out: {why}', file=sys.stderr)
        else:
            contestants.append(each)
    with tempfile.TemporaryDirectory(prefix='bench.') as folder:
        bench = Bench(Path(folder), options)

        def measure(contestant):
            return getattr(bench, contestant.measure or what)(contestant)

        runs = run_rounds(contestants, measure, rounds)
    make_table = time_table if what == 'start' else rate_table
    print_table(make_table(contestants, runs), options.markdown)
    bullet = '- ' if options.markdown else ''
    print('', *(bullet + verdict for verdict in (*verdicts(what, runs), *processor_verdicts(what, runs, options.size))), '',
          sep='\n')
    print(f'Bodies of {options.size:,} bytes, a {options.queue_type} queue{", TLS" if options.tls else ""}; {rounds} rounds after one to warm up; ratios are the median of those within a round.',
          machine())


if __name__ == '__main__':
    try:
        main()
    except (BenchError, subprocess.CalledProcessError) as error:
        sys.exit(f'bench: {error}')
    except KeyboardInterrupt:
        sys.exit(130)
