"""send --request and receive --reply, with each other and with Pika at the other end."""
from __future__ import annotations

import json
import os
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pika
import pytest
from pika import frame, spec
from pika.adapters.blocking_connection import BlockingChannel

from fake_broker import FakeBroker, Received, in_turn
from fake_broker import answer as polite_answer
from program import DEADLINE, Process, Program
from proxy import Proxy
from receive_support import NOWHERE, await_ready, declare_with, left_in, witness
from send_support import Pipe, PrivateBroker, await_messages, feed, private_broker
from test_receive_flow import read_all, reading_from
from witness import publish

DOUBLE = ("--reply", "--", "/bin/sh", "-c", "n=$(cat); echo -n $((n * 2))")

@contextmanager
def proxied(broker_url: str) -> Iterator[tuple[Proxy, str]]:
    """The URL of the broker by way of a proxy."""
    proxy = Proxy(pika.URLParameters(broker_url).port)
    yield proxy, f"amqp://guest:guest@127.0.0.1:{proxy.port}/%2f?heartbeat=1"
    proxy.close()


Answer = Callable[[BlockingChannel, pika.BasicProperties, bytes], None]


def answer(channel: BlockingChannel, request: pika.BasicProperties, body: bytes) -> None:
    assert request.reply_to
    channel.basic_publish("", request.reply_to, body, pika.BasicProperties(correlation_id=request.correlation_id))


@contextmanager
def server(url: str, queue: str, handle: Answer, count: int) -> Iterator[None]:
    """Serves `count` requests with Pika meanwhile."""

    def serve() -> None:
        with witness(url) as channel:
            channel.queue_declare(queue)
            ready.set()
            for number, (_method, properties, body) in enumerate(
                channel.consume(queue, auto_ack=True, inactivity_timeout=DEADLINE), 1
            ):
                if body is None:
                    return
                handle(channel, properties, body)
                if number == count:
                    return

    ready = threading.Event()
    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(DEADLINE)
    try:
        yield
    finally:
        thread.join()


def start_server(receive: Program, queue: str, *args: str, url: str | None = None) -> Process:
    process = receive.start("-q", queue, *args, url=url)
    await_ready(process)
    return process


def test_a_request_and_its_answer(send: Program, receive: Program, queue: str) -> None:
    start_server(receive, queue, *DOUBLE)
    result = send("-q", queue, "--request", "21")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"42\n", b"")


def test_answers_are_printed_in_the_order_of_asking(send: Program, broker_url: str, queue: str) -> None:
    """All 300 are asked before the first is answered, and the last is answered first."""
    kept: list[tuple[pika.BasicProperties, bytes]] = []

    def backwards(channel: BlockingChannel, request: pika.BasicProperties, body: bytes) -> None:
        kept.append((request, body))
        if len(kept) == 300:
            for properties, text in reversed(kept):
                answer(channel, properties, b"<" + text + b">")

    asked = [b"%d" % number for number in range(300)]
    with server(broker_url, queue, backwards, 300):
        result = feed(send, b"".join(body + b"\n" for body in asked), "-q", queue, "--request", "--lines")
    assert result.returncode == 0
    assert result.stdout == b"".join(b"<%s>\n" % body for body in asked)


def test_the_same_answer_twice(send: Program, broker_url: str, queue: str) -> None:
    def twice(channel: BlockingChannel, request: pika.BasicProperties, body: bytes) -> None:
        answer(channel, request, body + b"!")
        answer(channel, request, b"late")

    with server(broker_url, queue, twice, 3):
        result = send("-q", queue, "--request", "a", "b", "c")
    assert (result.returncode, result.stdout) == (0, b"a!\nb!\nc!\n")
    if result.stderr:  # the last one may come after the end
        assert re.fullmatch(rb"send: [123] answers were ignored: no request waits for them\n", result.stderr)


def test_an_answer_to_somebody_elses_request_is_ignored(send: Program, broker_url: str, queue: str) -> None:
    def with_strangers(channel: BlockingChannel, request: pika.BasicProperties, body: bytes) -> None:
        stranger = pika.BasicProperties(reply_to=request.reply_to, correlation_id="1")
        nobody = pika.BasicProperties(reply_to=request.reply_to)
        answer(channel, stranger, b"not this")
        answer(channel, nobody, b"nor this")
        answer(channel, request, body)

    with server(broker_url, queue, with_strangers, 1):
        result = send("-q", queue, "--request", "a")
    assert (result.returncode, result.stdout) == (0, b"a\n")
    assert result.stderr == b"send: 2 answers were ignored: no request waits for them\n"


def test_no_answer_in_time(send: Program, channel: BlockingChannel, queue: str) -> None:
    result = send("-q", queue, "--request", "--timeout", "0.5", "a", "b")
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr == (
        b"send: 0 of 2 requests were answered before the time was up; the first without an answer is record 1\n"
    )


def test_some_answers_in_time(send: Program, broker_url: str, queue: str) -> None:
    """What has come is printed, whatever is missing before it."""

    def odd(channel: BlockingChannel, request: pika.BasicProperties, body: bytes) -> None:
        if int(body) % 2:
            answer(channel, request, body)

    with server(broker_url, queue, odd, 4):
        result = send("-q", queue, "--request", "--timeout", "2", "1", "2", "3", "4")
    assert (result.returncode, result.stdout) == (3, b"1\n3\n")
    assert b"2 of 4 requests were answered before the time was up; the first without an answer is record 2" in result.stderr


def test_an_unroutable_request(send: Program) -> None:
    result = send("-e", "amq.direct", "-k", str(uuid.uuid4()), "--request", "a")
    assert (result.returncode, result.stdout) == (4, b"")
    assert re.fullmatch(rb"send: message 1 returned: 312 NO_ROUTE \(exchange 'amq.direct', routing key '[^']*'\)\n", result.stderr)


def test_unroutable_ones_do_not_keep_the_others(send: Program, receive: Program, queue: str) -> None:
    start_server(receive, queue, *DOUBLE)
    records = f"""{{"payload": "1", "routing_key": "{queue}"}}
{{"payload": "2", "routing_key": "hello-rabbit-nowhere"}}
{{"payload": "3", "routing_key": "{queue}"}}
"""
    result = feed(send, records.encode(), "--json", "--request")
    assert (result.returncode, result.stdout) == (4, b"2\n6\n")
    assert b"record 2 returned: 312 NO_ROUTE" in result.stderr


def test_each_answer_is_printed_at_once_while_the_input_pauses(send: Program, receive: Program, queue: str) -> None:
    start_server(receive, queue, *DOUBLE)
    pipe = Pipe()
    process = send.start("-q", queue, "--request", "--lines", stdin=pipe.reading)
    pipe.write(b"1\n")
    process.expect_stdout(b"2\n")
    pipe.write(b"2\n")
    process.expect_stdout(b"2\n4\n")
    pipe.close()
    assert process.finish().returncode == 0


def test_an_input_that_is_not_at_its_end_in_time(send: Program, receive: Program, queue: str) -> None:
    start_server(receive, queue, *DOUBLE)
    pipe = Pipe()
    process = send.start("-q", queue, "--request", "--lines", "--timeout", "2", stdin=pipe.reading)
    pipe.write(b"1\n")
    result = process.finish()
    pipe.close()
    assert (result.returncode, result.stdout) == (3, b"2\n")
    assert b"send: the input was not read to its end before the time was up\n" in result.stderr


def test_ctrl_c_ends_the_wait(send: Program, broker_url: str, queue: str) -> None:
    with server(broker_url, queue, answer, 1):
        process = send.start("-q", queue, "--request", "a", "b")
        process.expect_stdout(b"a\n")
    process.interrupt()
    result = process.finish()
    assert (result.returncode, result.stdout) == (130, b"a\n")
    assert b"1 of 2 requests were answered before the end; the first without an answer is record 2" in result.stderr


@pytest.mark.parametrize("size", [0, 1, 131_072, 1_000_000, 4_000_000])
def test_an_answer_of_any_size(send: Program, receive: Program, queue: str, size: int) -> None:
    start_server(receive, queue, "--reply", "--", "/bin/sh", "-c", f"cat >/dev/null; head -c {size} /dev/zero")
    result = send("-q", queue, "--request", "--format", "raw", "a")
    assert (result.returncode, result.stdout) == (0, b"\0" * size)


def test_formats(send: Program, receive: Program, queue: str) -> None:
    start_server(receive, queue, *DOUBLE)
    ask = ("-q", queue, "--request")
    assert send(*ask, "--format", "hello", "1").stdout == b" [x] Received b'2'\n"
    assert send(*ask, "--format", "raw", "1").stdout == b"2"
    assert send(*ask, "--template", "<{body}>", "1").stdout == b"<2>"


def test_many_requests_fast(send: Program, broker_url: str, queue: str) -> None:
    bodies = [b"%d" % number for number in range(5000)]
    with server(broker_url, queue, answer, len(bodies)):
        result = feed(send, b"".join(body + b"\n" for body in bodies), "-q", queue, "--request", "--lines", timeout=60)
    assert result.returncode == 0
    assert result.stdout == b"".join(body + b"\n" for body in bodies)


def test_a_server_that_dies_in_the_middle(send: Program, receive: Program, channel: BlockingChannel, queue: str) -> None:
    """What it had not acked goes to the next one."""
    first = start_server(receive, queue, "--reply", "--", "/bin/sh", "-c", "cat; exec sleep 20 >&- 2>&-")
    asking = send.start("-q", queue, "--request", "--lines", "--format", "lines", stdin=_file_of(b"a\nb\n"))
    first.wait_for(lambda: _children(first.pid) != [], "COMMAND", DEADLINE)
    first.kill()
    start_server(receive, queue, "--reply", "--", "cat")
    result = asking.finish()
    assert (result.returncode, result.stdout) == (0, b"a\nb\n")


def _file_of(data: bytes) -> int:
    pipe = Pipe()
    pipe.write(data)
    pipe.close()
    return pipe.reading


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize("which", ["requester", "server"])
def test_a_lost_connection(send: Program, receive: Program, broker_url: str, queue: str, which: str) -> None:
    """Direct reply-to does not survive it: what is not answered is asked again, and that is said."""
    slow = ("--reply", "--", "/bin/sh", "-c", "cat; sleep 0.3")
    with proxied(broker_url) as (proxy, url):
        serving = start_server(
            receive, queue, "--retry-for", "60", *slow, url=url if which == "server" else None
        )
        asking = send.start(
            "-q", queue, "--request", "--retry-for", "60", "a", "b", "c", "d", "e", "f",
            url=url if which == "requester" else None,
        )
        asking.expect_lines(1)
        proxy.cut_after(0)
        result = asking.finish(60)
        assert serving.running, serving.stderr
    assert (result.returncode, result.stdout) == (0, b"a\nb\nc\nd\ne\nf\n")
    if which == "requester":
        assert b"requests without an answer are asked again and may be answered twice\n" in result.stderr
    else:
        assert b"connected to" in serving.stderr


def test_a_connection_lost_before_the_answer_is_confirmed(receive: Program, fake_broker: FakeBroker) -> None:
    """The confirm comes when nobody waits for it any more; the request comes once more, and is answered."""

    def deliver(consume: Received) -> None:
        polite_answer(consume)
        tag = consume.method.consumer_tag or "fake-1"
        consume.reply(spec.Basic.Deliver(tag, 1, len(fake_broker.methods(spec.Basic.Consume)) > 1, "", "hello"))
        request = spec.BasicProperties(reply_to="answers", correlation_id="1")
        consume.session.write(frame.Header(consume.channel, 2, request).marshal())
        consume.session.write(frame.Body(consume.channel, b"21").marshal())

    def lose_the_requests(publish: Received) -> None:
        fake_broker.methods(spec.Basic.Consume)[0].session.hang_up()

    def confirm_before(consume: Received) -> None:
        polite_answer(fake_broker.methods(spec.Basic.Publish)[0])
        deliver(consume)

    fake_broker.on(spec.Basic.Consume, in_turn(deliver, confirm_before))
    fake_broker.on(spec.Basic.Publish, in_turn(lose_the_requests, polite_answer))
    serving = receive.start("--retry-for", "20", *DOUBLE, url=fake_broker.url)
    fake_broker.await_methods(spec.Basic.Ack)
    answers = fake_broker.methods(spec.Basic.Publish)
    assert [each.body for each in answers] == [b"42", b"42"]
    serving.terminate()
    assert serving.finish().returncode == 0


def test_a_lost_connection_without_retries(send: Program, broker_url: str, channel: BlockingChannel, queue: str) -> None:
    channel.queue_declare(queue)
    with proxied(broker_url) as (proxy, url):
        process = send.start("-q", queue, "--request", "a", url=url)
        method = None
        while method is None:
            method, _properties, _body = channel.basic_get(queue, auto_ack=True)
        proxy.cut_after(0)
        result = process.finish()
    assert (result.returncode, result.stdout) == (69, b"")
    assert b"0 of 1 requests were answered before the end" in result.stderr


# receive --reply


def test_a_message_without_reply_to(receive: Program, channel: BlockingChannel, queue: str) -> None:
    declare_with(channel, queue, b"1")
    process = start_server(receive, queue, *DOUBLE)
    process.wait_for(
        lambda: b"receive: a message has no reply-to: its answer is dropped\n" in process.stderr, "word about it"
    )
    process.interrupt()
    assert process.finish().returncode == 0
    assert left_in(channel, queue) == []


def test_a_requester_that_has_gone(receive: Program, channel: BlockingChannel, broker_url: str, queue: str) -> None:
    channel.queue_declare(queue)
    with witness(broker_url) as requester:
        requester.basic_consume("amq.rabbitmq.reply-to", lambda *_: None, auto_ack=True)
        requester.basic_publish("", queue, b"1", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id="x"))
        await_messages(channel, queue)
    process = start_server(receive, queue, *DOUBLE)
    process.wait_for(lambda: b"receive: nobody waits for the answer any more (reply-to" in process.stderr, "word about it")
    process.interrupt()
    assert process.finish().returncode == 0
    assert left_in(channel, queue) == []


def test_a_reply_queue_that_has_gone(send: Program, receive: Program, channel: BlockingChannel, queue: str) -> None:
    """It is said, and the next one is answered."""
    channel.queue_declare(queue)
    channel.basic_publish("", queue, b"1", pika.BasicProperties(reply_to="hello-rabbit-no-such-queue"))
    process = start_server(receive, queue, *DOUBLE)
    assert send("-q", queue, "--request", "2").stdout == b"4\n"
    assert b"receive: an answer was returned: 312 NO_ROUTE (reply-to 'hello-rabbit-no-such-queue')\n" in process.stderr


def test_the_answer_carries_the_correlation_id(
    receive: Program, channel: BlockingChannel, queue: str
) -> None:
    answers = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_declare(queue)
    start_server(receive, queue, *DOUBLE)
    channel.basic_publish("", queue, b"4", pika.BasicProperties(reply_to=answers, correlation_id="this one"))
    _method, properties, body = next(channel.consume(answers, auto_ack=True, inactivity_timeout=DEADLINE))
    assert properties is not None
    assert (properties.correlation_id, body) == ("this one", b"8")


def test_a_command_that_fails_answers_nothing(receive: Program, channel: BlockingChannel, queue: str) -> None:
    answers = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_declare(queue)
    channel.basic_publish("", queue, b"4", pika.BasicProperties(reply_to=answers))
    result = receive("-q", queue, "--reply", "--", "/bin/sh", "-c", "echo half; exit 3")
    assert (result.returncode, result.stdout) == (1, b"")
    assert channel.queue_declare(answers, passive=True).method.message_count == 0
    assert left_in(channel, queue) == [(b"4", True)]


def test_an_answer_that_is_not_taken(receive: Program, channel: BlockingChannel, queue: str) -> None:
    """The request is not acked: it would be lost with its answer."""
    full = channel.queue_declare(
        "", exclusive=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
    ).method.queue
    publish(channel, full, b"filler", b"filler")
    channel.queue_declare(queue)
    channel.basic_publish("", queue, b"4", pika.BasicProperties(reply_to=full))
    result = receive("-q", queue, *DOUBLE)
    assert result.returncode == 1
    assert b"the broker did not take the answer of '/bin/sh': it was nacked; the message goes back to the queue" in result.stderr
    assert left_in(channel, queue) == [(b"4", True)]


def test_heartbeats_are_kept_while_command_runs(send: Program, receive: Program, queue: str) -> None:
    """On both connections: with an interval of 1 s the broker would close one that is silent for 5 s."""
    start_server(receive, queue, "--heartbeat", "1", "--reply", "--", "/bin/sh", "-c", "cat; sleep 5")
    result = send("-q", queue, "--request", "--heartbeat", "1", "a")
    assert (result.returncode, result.stdout) == (0, b"a\n")


def test_the_count_of_served_requests(send: Program, receive: Program, queue: str) -> None:
    serving = start_server(receive, queue, "--count", "2", *DOUBLE)
    assert send("-q", queue, "--request", "1", "2").stdout == b"2\n4\n"
    assert serving.finish().returncode == 0


def test_what_came_is_printed_whole_when_the_time_is_up(send: Program, broker_url: str, queue: str) -> None:
    """The first request is never answered, and what waits for it is more than a pipe holds."""
    asked = []

    def all_but_the_first(channel: BlockingChannel, request: pika.BasicProperties, body: bytes) -> None:
        asked.append(body)
        if len(asked) > 1:
            answer(channel, request, b"x" * 100_000)

    with server(broker_url, queue, all_but_the_first, 10):
        result = send("-q", queue, "--request", "--timeout", "3", "--repeat", "10", "a")
    assert (result.returncode, len(result.stdout)) == (3, 9 * 100_001)


@pytest.mark.parametrize("form", ["lines", "json", "template"])
def test_an_interruption_prints_an_answer_whole_and_once(
    send: Program, broker_url: str, queue: str, form: str
) -> None:
    """While the reader pauses in the middle of a large one."""
    body = b"x" * 400_000

    def answer_much(channel: BlockingChannel, request: pika.BasicProperties, _body: bytes) -> None:
        answer(channel, request, body)

    arguments = ("--template", "{body}\\n") if form == "template" else ("--format", form)
    args = ("-q", queue, "--request", *arguments, "a")
    with server(broker_url, queue, answer_much, 1), reading_from(send, *args) as (process, pipe):
        begin = os.read(pipe, 1)  # the pipe is full from here on
        process.interrupt()
        process.expect_silence(0.2)
        printed = begin + read_all(pipe)
    assert process.finish().returncode == 130
    assert printed.endswith(b"\n") and printed.count(b"\n") == 1
    assert (json.loads(printed)["payload"].encode() if form == "json" else printed[:-1]) == body


def test_a_malformed_record_does_not_keep_those_before_it_from_their_answers(
    send: Program, receive: Program, queue: str
) -> None:
    start_server(receive, queue, *DOUBLE)
    result = feed(send, b'{"payload":"1"}{"payload":"2"}{bad', "-q", queue, "--json", "--request")
    assert (result.returncode, result.stdout) == (65, b"2\n4\n")


def test_the_time_is_kept_with_a_large_window(send: Program, channel: BlockingChannel, queue: str) -> None:
    """Whether the broker has confirmed everything by then or not."""
    channel.queue_declare(queue)
    result = send("-q", queue, "--request", "--repeat", "100000", "--window", "100000", "--timeout", "1", "x")
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"0 of " in result.stderr and b"lost" not in result.stderr


@pytest.fixture(scope="module")
def small_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    """It takes no message larger than a megabyte."""
    with private_broker(tmp_path_factory.mktemp("small"), "max_message_size = 1000000") as broker:
        yield broker


def test_an_answer_that_is_too_large_for_the_broker(send: Program, receive: Program, small_broker: PrivateBroker) -> None:
    """It has failed like a COMMAND: the request is rejected, and the next one is answered."""
    server = receive.start(
        "-q", "rpc", "--on-failure", "reject", "--reply", "--", "/bin/sh", "-c", "head -c $(cat) /dev/zero", url=small_broker.url
    )
    await_ready(server)
    result = send("-q", "rpc", "--request", "--timeout", "5", "--format", "raw", "2000000", "10", url=small_broker.url)
    assert (result.returncode, result.stdout) == (3, b"\0" * 10)
    assert b"the broker did not take the answer of '/bin/sh': 406 PRECONDITION_FAILED" in server.stderr
    assert b"the message was rejected" in server.stderr


@pytest.mark.parametrize("end", ["timeout", "signal"])
def test_an_answer_that_is_not_confirmed(receive: Program, small_broker: PrivateBroker, end: str) -> None:
    """A broker that takes no messages does not keep `receive` from ending, and the request goes back."""
    queue = f"alarm-{end}"
    with witness(small_broker.url) as channel:
        answers = channel.queue_declare(f"answers-{end}").method.queue
        channel.queue_declare(queue)
        channel.basic_publish("", queue, b"4", pika.BasicProperties(reply_to=answers))
    small_broker.run("ctl", "set_vm_memory_high_watermark", "0.00001")
    try:
        limit = ["--timeout", "3"] if end == "timeout" else []
        process = receive.start("-q", queue, *limit, *DOUBLE, url=small_broker.url)
        process.wait_for(lambda: b"takes no messages" in process.stderr, "word about the alarm")
        if end == "signal":
            process.terminate()
        result = process.finish(15)
    finally:
        small_broker.run("ctl", "set_vm_memory_high_watermark", "0.4")
    assert result.returncode in (0, 1)
    with witness(small_broker.url) as channel:
        assert [body for body, _redelivered in left_in(channel, queue)] == [b"4"]


@pytest.mark.parametrize(
    "args, words",
    [
        (["--format", "json", "a"], b"--format needs --request"),
        (["--template", "{body}", "a"], b"--template needs --request"),
        (["--timeout", "1", "a"], b"--timeout needs --request"),
        (["--request", "--no-confirm", "a"], b"--no-confirm and --request cannot be used together"),
        (["--request", "--correlation-id", "1", "a"], b"cannot be used together"),
        (["--request", "--reply-to", "q", "a"], b"cannot be used together"),
        (["--request", "--template", "{nosuch}", "a"], b"there is no field 'nosuch'"),
        (["--request", "--timeout", "0", "a"], b"--timeout"),
    ],
)
def test_bad_uses_of_send(send: Program, args: list[str], words: bytes) -> None:
    result = send(*args, url=NOWHERE)
    assert result.returncode == 64
    assert words in result.stderr and result.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "args, words",
    [
        (["--reply"], b"--reply needs COMMAND"),
        (["--reply", "--ack", "auto", "--", "true"], b"--reply with --ack auto"),
        (["--reply", "--offset", "first", "--", "true"], b"--reply: a stream's messages are no requests"),
    ],
)
def test_bad_uses_of_receive(receive: Program, args: list[str], words: bytes) -> None:
    result = receive(*args, url=NOWHERE)
    assert result.returncode == 64
    assert words in result.stderr and result.stderr.count(b"\n") == 1
