"""A large frame that waits for room holds nothing else up."""
from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from faults import pause
from program import DEADLINE, Process, Program
from proxy import Proxy
from receive_support import proxy, through

__all__ = ["proxy"]  # a fixture

BEFORE = 1 << 20
SIZE = 15 << 20  # behind BEFORE, more than the system buffers on the way; RabbitMQ 4 takes no more than 16 MiB


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    return path


@pytest.fixture(params=["plain", "no-confirm"])
def waiting(
    request: pytest.FixtureRequest, send: Program, queue: str, proxy: Proxy, large: Path
) -> Iterator[Process]:
    """`send` in the middle of a large message whose bytes go through one at a time, after two small ones."""
    throttled = proxy.throttle(BEFORE)
    url = through(proxy).replace("heartbeat=1", "heartbeat=2")
    options = ["--no-confirm", "--quiet"] if request.param == "no-confirm" else []
    with large.open("rb") as stdin:
        process = send.start("--queue", queue, *options, "a", "b", "-", url=url, stdin=stdin.fileno())
        assert throttled.wait(DEADLINE), process.stderr
        yield process


both = pytest.mark.parametrize("waiting", ["plain", "no-confirm"], indirect=True)
confirmed = pytest.mark.parametrize("waiting", ["plain"], indirect=True)


@confirmed
def test_confirms_arrive_meanwhile(waiting: Process) -> None:
    waiting.wait_for(lambda: b"'b'" in waiting.stdout, "confirms of the first messages")
    assert waiting.stdout == b" [x] Sent 'a'\n [x] Sent 'b'\n"
    assert waiting.running


@both
def test_a_signal_ends_it(waiting: Process, channel: BlockingChannel, queue: str) -> None:
    waiting.interrupt()
    signalled = time.monotonic()
    result = waiting.finish()
    assert result.returncode == 130
    assert time.monotonic() - signalled < 4  # 2 s for the confirms
    assert channel.queue_declare(queue, passive=True).method.message_count == 2


@both
def test_heartbeats_keep_the_connection(
    waiting: Process, proxy: Proxy, large: Path, channel: BlockingChannel, queue: str
) -> None:
    pause(7)  # more than twice the heartbeat, after which either side gives up a silent connection
    assert waiting.running, waiting.stderr
    proxy.unthrottle()
    result = waiting.finish(2 * DEADLINE)
    assert (result.returncode, result.stderr) == (0, b"")
    bodies = [channel.basic_get(queue, auto_ack=True)[2] for _ in range(3)]
    assert bodies[:2] == [b"a", b"b"]
    assert hashlib.sha256(bodies[2]).digest() == hashlib.sha256(large.read_bytes()).digest()
