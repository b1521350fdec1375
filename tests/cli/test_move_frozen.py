"""receive --to-queue while its target's broker says nothing, or takes nothing: it ends when it is asked to."""
from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from move_support import assert_left, target
from program import Program
from proxy import Proxy
from receive_support import (
    await_message,
    await_ready,
    bodies_left_in,
    declare_with,
    measured,
    numbered,
    proxy,
    through,
    witness,
)
from send_support import PrivateBroker, await_messages, message_count, private_broker
from waiting import await_that
from witness import publish

__all__ = ["proxy", "target"]  # fixtures


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    """A broker to move to, which is killed."""
    with private_broker(tmp_path_factory.mktemp("mortal")) as broker:
        yield broker


# The target's broker says nothing more.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_target_is_frozen(
    receive: Program,
    channel: BlockingChannel,
    queue: str,
    target: str,
    proxy: Proxy,
    number: signal.Signals,
) -> None:
    """It ends, and what was not confirmed stays."""
    channel.queue_declare(queue)
    url = through(proxy).replace("heartbeat=1", "heartbeat=60")
    options = ("--to-queue", target, "--to-url", url, "--count", "100")
    process = receive.start("-q", queue, *options)
    await_ready(process)
    publish(channel, queue, b"0")
    assert await_message(channel, target) == b"0"
    proxy.stall()
    publish(channel, queue, *numbered(range(1, 20)))
    await_that(lambda: message_count(channel, queue) == 0, "all are on their way")
    process.popen.send_signal(number)
    assert measured(lambda: process.finish(20)) < 12
    assert process.finish().returncode == 128 + number
    assert bodies_left_in(channel, queue)[-19:] == numbered(range(1, 20))  # the confirm of 0 may have been held up, too


def test_timeout_while_the_target_is_frozen(
    receive: Program, channel: BlockingChannel, queue: str, target: str, proxy: Proxy
) -> None:
    channel.queue_declare(queue)
    url = through(proxy).replace("heartbeat=1", "heartbeat=60")
    process = receive.start("-q", queue, "--to-queue", target, "--to-url", url, "--count", "20", "--timeout", "2")
    await_ready(process)
    proxy.stall()
    publish(channel, queue, *numbered(range(20)))
    assert measured(lambda: process.finish(20)) < 12
    result = process.finish()
    assert result.returncode in (2, 4)
    assert b"receive: 0 messages moved to queue " in result.stderr
    assert_left(channel, queue, numbered(range(20)))


def test_heartbeats_find_a_frozen_target(
    receive: Program, channel: BlockingChannel, queue: str, target: str, proxy: Proxy
) -> None:
    channel.queue_declare(queue)
    process = receive.start("-q", queue, "--to-queue", target, "--to-url", through(proxy), "--heartbeat", "1")
    await_ready(process)
    proxy.stall()
    publish(channel, queue, b"1")
    result = process.finish(20)
    assert result.returncode == 69
    assert_left(channel, queue, [b"1"])


def test_both_are_frozen(
    receive: Program, channel: BlockingChannel, queue: str, target: str, proxy: Proxy
) -> None:
    declare_with(channel, queue, *numbered(range(5)))
    url = through(proxy).replace("heartbeat=1", "heartbeat=60")
    process = receive.start("-q", queue, "--to-queue", target, url=url)
    await_messages(channel, target, 5)
    proxy.stall()
    process.terminate()
    assert measured(lambda: process.finish(30)) < 15
    proxy.close()
    found = bodies_left_in(channel, queue) + bodies_left_in(channel, target)
    assert set(found) == set(numbered(range(5)))


def test_a_signal_while_the_target_takes_no_messages(
    receive: Program, channel: BlockingChannel, queue: str, mortal: PrivateBroker
) -> None:
    """It is low on memory."""
    name = f"alarm-{uuid.uuid4()}"
    channel.queue_declare(queue)
    with witness(mortal.url) as there:
        there.queue_declare(name)
    mortal.run("ctl", "set_vm_memory_high_watermark", "0.00001")
    try:
        options = ("--to-queue", name, "--to-url", mortal.url, "--count", "10")
        process = receive.start("-q", queue, *options)
        await_ready(process)
        publish(channel, queue, *numbered(range(5)))
        process.wait_for(lambda: b"takes no messages" in process.stderr, "word about the alarm")
        process.terminate()
        assert measured(lambda: process.finish(20)) < 12
        assert process.finish().returncode == 143
    finally:
        mortal.run("ctl", "set_vm_memory_high_watermark", "0.4")
    left = bodies_left_in(channel, queue)
    with witness(mortal.url) as there:
        assert set(left + bodies_left_in(there, name)) == set(numbered(range(5)))


def test_messages_are_moved_once_the_target_takes_them_again(
    receive: Program, channel: BlockingChannel, queue: str, mortal: PrivateBroker
) -> None:
    name = f"alarm-{uuid.uuid4()}"
    declare_with(channel, queue, *numbered(range(5)))
    with witness(mortal.url) as there:
        there.queue_declare(name)
    mortal.run("ctl", "set_vm_memory_high_watermark", "0.00001")
    try:
        process = receive.start("-q", queue, "--to-queue", name, "--to-url", mortal.url, "--count", "5")
        process.wait_for(lambda: b"takes no messages" in process.stderr, "word about the alarm")
    finally:
        mortal.run("ctl", "set_vm_memory_high_watermark", "0.4")
    assert process.finish(30).returncode == 0
    with witness(mortal.url) as there:
        assert_left(there, name, numbered(range(5)))
    assert_left(channel, queue, [])
