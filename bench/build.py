"""Builds what scripts/bench runs."""
import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

from contestants import GO_PEER, NODE_FOLDER, PEERS, ROOT


def run(*command, folder: Path = ROOT) -> None:
    subprocess.run(command, cwd=folder, stdout=sys.stderr, check=True)


def build(with_peers: bool) -> None:
    run('cmake', '--preset', 'release', '-DHELLO_RABBIT_BENCH=ON')
    run('cmake', '--build', '--preset', 'release', '--target', 'send', 'receive', 'send_floor', 'receive_floor', 'timed',
        'copy_cost')
    if with_peers:
        build_amqp091_go()
        install_amqplib()


def build_amqp091_go() -> None:
    GO_PEER.unlink(missing_ok=True)
    if shutil.which('go'):
        with contextlib.suppress(subprocess.CalledProcessError):    # then it is left out
            run('go', 'build', '-o', GO_PEER, folder=PEERS / 'go')


def install_amqplib() -> None:
    if not shutil.which('npm'):
        return
    NODE_FOLDER.mkdir(parents=True, exist_ok=True)
    shutil.copy(PEERS / 'package.json', NODE_FOLDER)
    with contextlib.suppress(subprocess.CalledProcessError):    # then it is left out
        run('npm', 'install', '--prefix', NODE_FOLDER, '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund',
            '--silent', '--fetch-retries=0')
