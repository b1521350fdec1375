"""Builds what scripts/bench runs."""
import contextlib
import shutil
import subprocess
import sys

from contestants import NODE_FOLDER, PEERS, ROOT


def run(*command):
    subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=True)


def build(with_peers: bool) -> None:
    run('cmake', '--preset', 'release', '-DHELLO_RABBIT_BENCH=ON')
    run('cmake', '--build', '--preset', 'release', '--target', 'send', 'receive', 'send_floor', 'receive_floor', 'timed',
        'copy_cost')
    if with_peers:
        install_amqplib()


def install_amqplib() -> None:
    if not shutil.which('npm'):
        return
    NODE_FOLDER.mkdir(parents=True, exist_ok=True)
    shutil.copy(PEERS / 'package.json', NODE_FOLDER)
    with contextlib.suppress(subprocess.CalledProcessError):    # then it is left out
        run('npm', 'install', '--prefix', NODE_FOLDER, '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund',
            '--silent', '--fetch-retries=0')
