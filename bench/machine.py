"""The machine and the versions that a measurement is worth nothing without."""
import os
import platform
import re
import subprocess
from pathlib import Path

from contestants import GO_PEER, NODE_FOLDER, PEERS

PACKAGES = {'RabbitMQ': 'rabbitmq-server', 'rabbitmq-c': 'librabbitmq-dev', 'Pika': 'python3-pika'}


def found(pattern: str, path: str | Path) -> str:
    match = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    return match[1].strip() if match else 'unknown'


def machine() -> str:
    versions = [f'{name} {subprocess.check_output(["dpkg-query", "-Wf", "${Version}", package], text=True)}'
                for name, package in PACKAGES.items()]
    if (NODE_FOLDER / 'node_modules/amqplib').exists():
        version = found(r'"amqplib": "(.*)"', PEERS / 'package.json')
        versions.append(f'amqplib {version}')
    if GO_PEER.exists():
        version = found(r'amqp091-go v(.*)', PEERS / 'go/go.mod')
        versions.append(f'amqp091-go {version}')
    memory = int(found(r'^MemTotal: *(\d+)', '/proc/meminfo')) / 2**20
    return (f'{os.cpu_count()} processors ({found(r"^model name.*: (.*)", "/proc/cpuinfo")}), {memory:.0f} GiB, '
            f'Linux {platform.release()}; {", ".join(versions)}.')
