"""Rounds of `receive --to-queue` while things break; ends with 1 when a message is lost. See scripts/soak."""
from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path

import pika
import pika.exceptions

from faults import RETRY, Counts, pause
from program import Process, Program, with_default_signals
from proxy import Proxy
from receive_support import await_no_consumer, fill, witness
from send_support import PrivateBroker, message_count, private_broker
from waiting import PATIENCE, await_that

HASTE = ("--connect-timeout", "1", "--heartbeat", "1")  # notices within 2 s that nobody answers
QUIET = 0.3  # seconds without a message: none is on its way
MOST_RUNS = 20
# RabbitMQ may leave a quorum queue of a single node without a leader once the node is back. It says that it is empty,
# and a channel that has published to it hangs: https://github.com/rabbitmq/rabbitmq-server/issues/10070, with this to
# help it. What is printed is a list of those that had none.
ELECT = """[begin State =:= follower andalso ra:trigger_election(Server), State end
    || Queue <- rabbit_amqqueue:list(), {Name, _} = Server <- [amqqueue:get_pid(Queue)],
    {_, State} <- [list_to_tuple(lists:sublist(tuple_to_list(Found), 2)) || Found <- ets:lookup(ra_state, Name)],
    State =/= leader]."""
CODES = {  # with which a run may end once that has happened
    "kill_program": {-9},
    "terminate_program": {143},
    "full_target": {4},
    "vanish_target": {4},
}


@dataclass
class Tally:
    rounds: int = 0
    unnoticed: int = 0  # the first run ended well without a word: the fault came too late, or was mended in time
    messages: int = 0
    runs: int = 0
    short: int = 0  # runs that ended with 0 although messages were left
    lost: int = 0
    both: int = 0  # in the source and in the target
    twice: int = 0  # further copies in one of them

    def add(self, other: Tally) -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @property
    def counts(self) -> Counts:
        further = self.both + self.twice
        found = self.messages - self.lost + further
        return Counts(self.rounds, self.messages, self.messages, found, self.lost, further)

    def __str__(self) -> str:
        return ", ".join(f"{each.name} {getattr(self, each.name)}" for each in fields(self))


@dataclass(frozen=True)
class Side:
    """A broker, and a proxy in front of it."""

    broker: PrivateBroker
    proxy: Proxy

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.proxy.port}/%2f"


@contextmanager
def two_sides(folder: Path) -> Iterator[tuple[Side, Side]]:
    with ExitStack() as stack:
        sides = []
        for name in ("a", "b"):
            broker = stack.enter_context(private_broker(folder / name))
            proxy = Proxy(pika.URLParameters(broker.url).port)
            stack.callback(proxy.close)
            sides.append(Side(broker, proxy))
        yield sides[0], sides[1]


@dataclass(frozen=True)
class Plan:
    """What a round is to be; the same again for the same seed and number."""

    fault: Fault
    source_type: str
    target_type: str
    same_broker: bool
    retries: bool
    finishes: bool  # runs again until the source is empty, and is not counted right after the fault
    count: int
    width: int  # bytes of a body
    prefetch: int  # 0: the program's own
    random_: random.Random = field(repr=False)

    def __str__(self) -> str:
        return (
            f"{self.fault.__name__}, {self.source_type} to {self.target_type}"
            f"{' on the same broker' if self.same_broker else ''}{', retrying' if self.retries else ''}"
            f"{f', prefetch {self.prefetch}' if self.prefetch else ''}{'' if self.finishes else ', not run again'}"
        )


class Round:
    """Two queues, the source full of numbered messages, and the runs that move them."""

    def __init__(self, plan: Plan, sides: tuple[Side, Side], send: Program, receive: Program) -> None:
        self.plan = plan
        self.random_ = plan.random_
        self.source = sides[0]
        self.target = sides[0 if plan.same_broker else 1]
        self.receive = receive
        self.from_queue, self.to_queue = (f"{name}-{uuid.uuid4()}" for name in ("from", "to"))
        self.target_arguments: dict[str, object] = {"x-queue-type": plan.target_type}
        if plan.fault is full_target:
            self.most = self.random_.randrange(plan.count // 4, plan.count // 2)
            self.target_arguments |= {"x-max-length": self.most, "x-overflow": "reject-publish"}
        self.ids = {b"%d" % number for number in range(1, plan.count + 1)}
        self.taken: list[bytes] = []  # off the target, while the round went on
        self.processes: list[Process] = []
        self.tally = Tally(rounds=1, messages=plan.count)

        self.declare_target()
        declaring = ("--durable", "--queue-type", plan.source_type, "--persistent")
        bodies = (number + b" " + b"x" * plan.width for number in sorted(self.ids, key=int))
        fill(send, self.from_queue, bodies, *declaring, url=self.source.broker.url)
        if plan.fault in (kill_source_broker, kill_target_broker):
            for side in {self.source.broker.url: self.source, self.target.broker.url: self.target}.values():
                side.broker.write_declarations()

    def declare_target(self) -> None:
        with witness(self.target.broker.url) as channel:
            channel.queue_declare(self.to_queue, durable=True, arguments=self.target_arguments)

    def start(self) -> Process:
        options = ["--queue", self.from_queue, "--no-declare", "--drain", "--to-queue", self.to_queue]
        if not self.plan.same_broker:
            options += ["--to-url", self.target.url]
        if self.plan.retries:
            options += RETRY
        elif self.plan.fault in (freeze_source, freeze_target):
            options += self.random_.choice([HASTE, ()])
        if self.plan.prefetch:
            options += ["--prefetch", str(self.plan.prefetch)]
        self.processes.append(self.receive.start(*options, url=self.source.url))
        self.tally.runs += 1
        return self.processes[-1]

    @property
    def process(self) -> Process:
        return self.processes[-1]

    def await_middle(self) -> None:
        """Some messages, not all, have arrived."""
        wanted = self.plan.count * self.random_.uniform(0.02, 0.6)
        with witness(self.target.broker.url) as channel:
            await_that(lambda: not self.process.running or message_count(channel, self.to_queue) >= wanted, "some are moved")

    def left(self) -> int:
        """In the source, now that nobody takes from it."""
        with witness(self.source.broker.url) as channel:
            return await_no_consumer(channel, self.from_queue)

    def check_end(self) -> None:
        """The last run ended as it should; a network or a broker that breaks is nothing for one that retries."""
        result = self.process.finish(PATIENCE)
        fault = self.plan.fault.__name__
        codes = {0} | CODES.get(fault, set() if self.plan.retries else {69})
        assert result.returncode in codes, result
        assert result.returncode != 0 or b"stays in queue" not in result.stderr, result
        if len(self.processes) == 1 and result.returncode == 0:
            self.tally.unnoticed += b" again" not in result.stderr

    def run_to_end(self) -> None:
        """Until the source is empty."""
        while left := self.left():
            self.tally.short += self.process.popen.returncode == 0
            assert self.tally.runs < MOST_RUNS, f"{left} messages are left after {self.tally.runs} runs"
            if self.plan.fault is full_target:
                self.taken += take_off(self.target, self.to_queue)
            self.start()
            self.check_end()

    def count(self) -> set[bytes]:
        """Empties both queues; the ids of messages that are in neither."""
        target = Counter(id_of(body) for body in self.taken)
        source: Counter[bytes] = Counter()
        deadline = time.monotonic() + 20  # the broker may yet give back what a connection that is gone had not acked
        while True:
            source.update(id_of(body) for body in take_off(self.source, self.from_queue))
            target.update(id_of(body) for body in take_off(self.target, self.to_queue))
            missing = self.ids - source.keys() - target.keys()
            if not missing or time.monotonic() > deadline:
                break
            pause(0.1)
        assert source.keys() | target.keys() <= self.ids, "messages that nobody sent"
        self.tally.lost = len(missing)
        self.tally.both = len(source.keys() & target.keys())
        self.tally.twice = sum(times - 1 for found in (source, target) for times in found.values())
        return missing

    def close(self) -> None:
        for side, queue in ((self.source, self.from_queue), (self.target, self.to_queue)):
            with witness(side.broker.url) as channel:
                channel.queue_delete(queue)

    def told(self) -> str:
        """What the runs said."""
        return "\n".join(
            f"--- {process.popen.args}: {process.popen.poll()}\n{process.stderr.decode(errors='replace')}"
            for process in self.processes
        )


def id_of(body: bytes) -> bytes:
    return body.split(b" ", 1)[0]


def take_off(side: Side, queue: str) -> list[bytes]:
    """What is in a queue; it is off it only once it is here."""
    taken: list[bytes] = []
    with witness(side.broker.url) as channel:
        if not (count := message_count(channel, queue)):
            return []
        tag = 0
        for method, _properties, body in channel.consume(queue, inactivity_timeout=QUIET):
            if method is not None:
                tag = method.delivery_tag
                taken.append(body)
            if method is None or len(taken) == count:
                break
        if tag:
            channel.basic_ack(tag, multiple=True)
        channel.cancel()
    return taken


Fault = Callable[[Round], None]

# Each breaks something while messages are moved, mends it, and returns when that is done.


def kill_program(round_: Round) -> None:
    round_.await_middle()
    round_.process.popen.kill()


def terminate_program(round_: Round) -> None:
    round_.await_middle()
    round_.process.terminate()


def kill_broker(round_: Round, side: Side) -> None:
    round_.await_middle()
    side.broker.run("node", "kill")
    side.broker.run("node", "start")
    if "quorum" in (round_.plan.source_type, round_.plan.target_type):
        await_that(lambda: side.broker.run("ctl", "eval", ELECT).strip() == "[]", "all queues have a leader")


def kill_source_broker(round_: Round) -> None:
    kill_broker(round_, round_.source)


def kill_target_broker(round_: Round) -> None:
    kill_broker(round_, round_.target)


def cut(round_: Round, side: Side) -> None:
    """In the middle of a frame, as often as not."""
    round_.await_middle()
    side.proxy.cut_after(round_.random_.randrange(50_000))
    # What is left may be less: then nothing is cut.
    round_.process.wait_for(lambda: b" lost" in round_.process.stderr or not round_.process.running, "cut")


def cut_source(round_: Round) -> None:
    cut(round_, round_.source)


def cut_target(round_: Round) -> None:
    cut(round_, round_.target)


def freeze(round_: Round, side: Side) -> None:
    """So long that heartbeats find out, or not; what was held back arrives in the end."""
    round_.await_middle()
    side.proxy.freeze()
    pause(round_.random_.choice([round_.random_.uniform(0, 1), round_.random_.uniform(2, 3.5)]))
    side.proxy.thaw()


def freeze_source(round_: Round) -> None:
    freeze(round_, round_.source)


def freeze_target(round_: Round) -> None:
    freeze(round_, round_.target)


def full_target(round_: Round) -> None:
    """It is, sooner or later: it has a limit."""


def vanish_target(round_: Round) -> None:
    """What is in a queue, or on its way to it within the broker, goes with it, confirmed or not: the way is closed, and
    it is emptied, before it is deleted."""
    round_.await_middle()
    round_.target.proxy.freeze()
    with witness(round_.target.broker.url) as channel:
        for method, _properties, body in channel.consume(round_.to_queue, auto_ack=True, inactivity_timeout=QUIET):
            if method is not None:
                round_.taken.append(body)
                continue
            try:
                channel.connection.channel().queue_delete(round_.to_queue, if_empty=True)
            except pika.exceptions.ChannelClosedByBroker:
                pass  # something has just come
    round_.target.proxy.thaw()
    pause(round_.random_.uniform(0, 0.3))
    round_.declare_target()


FAULTS: list[Fault] = [
    kill_program, terminate_program, kill_source_broker, kill_target_broker, cut_source, cut_target,
    freeze_source, freeze_target, full_target, vanish_target,
]  # fmt: skip
TYPES = ("classic", "quorum")


def make_plan(seed: object, number: int, fault: Fault | None = None) -> Plan:
    """Each fault comes once in as many rounds as there are faults, unless one is given."""
    random_ = random.Random(f"{seed} {number}")
    if fault is None:
        cycle, place = divmod(number, len(FAULTS))
        fault = random.Random(f"{seed} {cycle} of all").sample(FAULTS, len(FAULTS))[place]
    target_type = random_.choice(TYPES)
    return Plan(
        fault=fault,
        source_type=TYPES[number % 2],
        target_type="classic" if fault is vanish_target else target_type,  # only those can be deleted if they are empty
        same_broker=random_.random() < 1 / 3,
        retries=number // 2 % 2 == 0,
        finishes=random_.random() < 2 / 3,
        count=random_.randrange(3000, 6000),
        width=random_.choice([0, 10, 100, 500]),
        prefetch=random_.choice([0, 0, 50, 200]),
        random_=random_,
    )


def run_round(plan: Plan, sides: tuple[Side, Side], send: Program, receive: Program) -> Tally:
    round_ = Round(plan, sides, send, receive)
    try:
        round_.start()
        plan.fault(round_)
        round_.check_end()
        if plan.finishes:
            round_.run_to_end()
        missing = round_.count()
        if missing:
            print(f"lost: {b' '.join(sorted(missing, key=int)).decode()}", flush=True)
        if missing or round_.tally.short:
            print(round_.told(), flush=True)
    except Exception:
        print(f"{plan}\n{round_.told()}", flush=True)
        raise
    finally:
        for side in sides:
            side.proxy.thaw()
        for process in round_.processes:
            process.kill()
    round_.close()
    return round_.tally


def soak(seconds: float, seed: int, folder: Path, least: int = 1) -> Tally:
    """Rounds until the time is up, but at least so many; ends early when a message is lost."""
    total = Tally()
    of_each: dict[str, Tally] = {}
    send, receive = (
        Program(name, [os.environ[name.upper()]], lambda: "amqp://127.0.0.1:1/") for name in ("send", "receive")
    )
    ends_at = time.monotonic() + seconds
    with two_sides(folder) as sides:
        while total.lost == 0 and (time.monotonic() < ends_at or total.rounds < least):
            begun = time.monotonic()
            plan = make_plan(seed, total.rounds)
            tally = run_round(plan, sides, send, receive)
            print(f"{total.rounds}: {plan}: {tally}, {time.monotonic() - begun:.1f} s", flush=True)
            total.add(tally)
            of_each.setdefault(plan.fault.__name__, Tally()).add(tally)
    for name, tally in sorted(of_each.items()):
        print(f"{name}: {tally}")
    print(f"moving: {total}", flush=True)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--rounds", type=int, default=1, help="at least so many")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments = parser.parse_args()
    with_default_signals()
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        total = soak(arguments.seconds, arguments.seed, Path(folder), arguments.rounds)
    return 0 if total.lost == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
