"""Rounds of faults until the time is up; ends with 1 when a message is lost. See scripts/soak."""
from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from pathlib import Path

import soak_move
from faults import Counts, Site, run_round
from program import Program, with_default_signals
from send_support import private_broker


def soak(seconds: float, seed: int, folder: Path, nodes: int) -> Counts:
    random_ = random.Random(seed)
    total = Counts()
    programs = {
        name: Program(name, [os.environ[name.upper()]], lambda: "amqp://127.0.0.1:1/") for name in ("send", "receive")
    }
    with private_broker(folder / str(nodes), nodes=nodes) as broker:
        site = Site(broker, programs["send"], programs["receive"], folder)
        ends_at = time.monotonic() + seconds
        while total.good and (time.monotonic() < ends_at or not total.faults):
            fault = random_.choice(site.faults)
            counts = run_round(site, fault, random_)
            for program in programs.values():
                program.stop_all()
            total.add(counts)
            print(f"{fault.__name__}: {counts}", flush=True)
        site.close()
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments = parser.parse_args()
    with_default_signals()
    print(f"seed {arguments.seed}", flush=True)
    total = Counts()
    with tempfile.TemporaryDirectory() as folder:
        for nodes in (1, 3):
            counts = soak(arguments.seconds / 3, arguments.seed, Path(folder), nodes)
            print(f"{nodes} node{'s' if nodes > 1 else ''}: {counts}", flush=True)
            total.add(counts)
        total.add(soak_move.soak(arguments.seconds / 3, arguments.seed, Path(folder) / "moving").counts)
    print(f"in all: {total}")
    return 0 if total.good else 1


if __name__ == "__main__":
    raise SystemExit(main())
