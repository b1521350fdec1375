"""What scripts/bench runs, and describes: builds, starts the broker, measures, prints the table."""
import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from build import build
from contestants import BUILD, CONTESTANTS, NODE_FOLDER, ROOT, Contestant, Options, able
from formats import Formats
from machine import machine
from matrix import measure_matrix, write
from measuring import Bench
from results import print_tables
from runs import BenchError, Run, run_rounds
from tables import print_table, rate_table, time_table
from tls import broker_options
from verdicts import processor_verdicts, verdicts

# A quorum queue reads what is in a full file of its log from its own files, and all else from memory, which is several
# times as fast. With files of 512 MiB, RabbitMQ's default, some runs meet the one and some the other; now all meet files.
QUORUM_LOG = f'raft.wal_max_size_bytes = {64 << 20}'


def parse_arguments() -> Options:
    def positive(text: str) -> int:
        if (value := int(text)) < 1:
            raise ValueError
        return value

    parser = argparse.ArgumentParser(prog='bench', add_help=False)
    parser.add_argument('what', choices=[*CONTESTANTS, 'matrix'])
    parser.add_argument('--messages', type=positive)
    parser.add_argument('--size', type=positive, default=12)
    parser.add_argument('--queue-type', choices=['classic', 'quorum'], default='classic')
    parser.add_argument('--tls', action='store_true')
    parser.add_argument('--rounds', type=positive)
    parser.add_argument('--sizes', type=lambda text: [positive(each) for each in text.split(',')])
    parser.add_argument('--minutes', type=positive, default=60)
    parser.add_argument('--output', type=Path, default=BUILD / 'bench/results.json')
    parser.add_argument('--only', choices=['send', 'receive'])
    parser.add_argument('--control', action='store_true')
    parser.add_argument('--no-peers', action='store_true')
    parser.add_argument('--markdown', action='store_true')
    parser.add_argument('--on-broker', action='store_true', help=argparse.SUPPRESS)  # all is built, the broker runs
    parser.error = lambda message: (print(f'bench: {message}', file=sys.stderr), sys.exit(64))
    return parser.parse_args()


def start_broker(options: Options) -> None:
    """In its place this script is run again."""
    plugins = ['--plugin', 'rabbitmq_shovel'] if options.what == 'move' else []
    tls = broker_options() if options.tls or options.what == 'matrix' else []
    os.execv(ROOT / 'scripts/broker', ['broker', '--config', QUORUM_LOG, *plugins, *tls, '--', sys.executable, __file__,
                                       *sys.argv[1:], '--on-broker'])


def compare(options: Options) -> None:
    what = options.what
    rounds = options.rounds or (30 if what == 'start' else 5)
    contestants = able(CONTESTANTS[what], options)
    with tempfile.TemporaryDirectory(prefix='bench.') as folder:
        bench = (Formats if what == 'formats' else Bench)(Path(folder), options)

        def measure(contestant: Contestant) -> Run:
            return getattr(bench, contestant.measure or what)(contestant)

        runs = run_rounds(contestants, measure, rounds)
    table = (time_table(contestants, runs) if what == 'start' else
             rate_table(contestants, runs, 'lines' if what == 'formats' else 'its floor'))
    print_table(table, options.markdown)
    bullet = '- ' if options.markdown else ''
    print('', *(bullet + verdict for verdict in (*verdicts(what, runs), *processor_verdicts(what, runs, options.size))), '',
          sep='\n')
    print(f'Bodies of {options.size:,} bytes, a {options.queue_type} queue{", TLS" if options.tls else ""}; {rounds} rounds '
          'after one to warm up; ratios are the median of those within a round.', machine())


def main() -> None:
    options = parse_arguments()
    if not options.on_broker:
        build(with_peers=not options.no_peers)
        start_broker(options)
    os.environ['NODE_PATH'] = str(NODE_FOLDER / 'node_modules')
    if options.what == 'matrix':
        results, all_well = measure_matrix(options)
        write(results, options.output)
        print_tables(results)
        sys.exit(0 if all_well else 1)
    else:
        compare(options)


if __name__ == '__main__':
    try:
        main()
    except (BenchError, subprocess.CalledProcessError) as error:
        sys.exit(f'bench: {error}')
    except KeyboardInterrupt:
        sys.exit(130)
