"""Rounds of faults until the time is up; ends with 1 when a message is lost. See scripts/soak."""
from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from pathlib import Path

from faults import FAULTS, Counts, Site, run_round
from program import Program
from send_support import private_broker


def soak(seconds: float, seed: int, folder: Path) -> Counts:
    random_ = random.Random(seed)
    ends_at = time.monotonic() + seconds
    total = Counts()
    programs = {
        name: Program(name, [os.environ[name.upper()]], lambda: "amqp://127.0.0.1:1/") for name in ("send", "receive")
    }
    with private_broker(folder / "broker") as broker:
        site = Site(broker, programs["send"], programs["receive"], folder)
        while time.monotonic() < ends_at:
            fault = random_.choice(FAULTS)
            counts = run_round(site, fault, random_)
            for program in programs.values():
                program.stop_all()
            total.add(counts)
            print(f"{fault.__name__}: {counts}", flush=True)
            if counts.lost or counts.confirmed < counts.sent:
                break
        site.close()
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        total = soak(arguments.seconds, arguments.seed, Path(folder))
    print(f"in all: {total}")
    return 0 if total.lost == 0 and total.confirmed == total.sent else 1


if __name__ == "__main__":
    raise SystemExit(main())
