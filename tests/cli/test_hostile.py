"""Peers that are no brokers, broken brokers and hostile ones: the programs end, soon, with a word and without a crash.

Every test runs with the binaries of a sanitizer build too; memory is limited in the others.
"""
from __future__ import annotations

import os
import random
import signal
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pika import frame, spec
from pika.amqp_object import Method

from conftest import built
from fake_broker import FRAME_MAX, FakeBroker, Received, Session, answer
from program import Process, Program, Result

READY = b" [*] Waiting for messages. To exit press CTRL+C\n"
SENT = b" [x] Sent 'Hello World!'\n"
SEED = int(os.environ.get("HOSTILE_SEED", "1"))
MEMORY = 64 * 1024 * 1024

Act = Callable[[Session], None]

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8


# Frames, well formed and not.


def raw(kind: int, channel: int, payload: bytes, *, size: int | None = None, end: int = 0xCE) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload) if size is None else size) + payload + bytes([end])


def method(kind: Method, channel: int = 1) -> bytes:
    return frame.Method(channel, kind).marshal()


def header(body_size: int, *, properties: bytes = b"\0\0", class_id: int = 60) -> bytes:
    return raw(HEADER, 1, struct.pack(">HHQ", class_id, 0, body_size) + properties)


def deliver(consumer_tag: str = "t", delivery_tag: int = 1) -> bytes:
    return method(spec.Basic.Deliver(consumer_tag, delivery_tag, False, "", "hello"))


def returned() -> bytes:
    return method(spec.Basic.Return(312, "NO_ROUTE", "", "hello"))


CONTENT_OF_SECOND = deliver(delivery_tag=2) + header(6) + raw(BODY, 1, b"second")


def nested(depth: int) -> bytes:
    """A table with arrays in each other, five bytes each: as deep as a frame of a size can go."""
    arrays = b"".join(b"A" + struct.pack(">I", 5 * inside) for inside in reversed(range(depth)))
    return struct.pack(">I", 2 + len(arrays)) + b"\1a" + arrays


def start(server_properties: bytes) -> bytes:
    arguments = b"\0\x09" + server_properties + struct.pack(">I", 5) + b"PLAIN" + struct.pack(">I", 5) + b"en_US"
    return raw(METHOD, 0, struct.pack(">HH", 10, 10) + arguments)


CANCEL = struct.pack(">HH", 60, 30)

DEEPEST = (FRAME_MAX - 8 - 12 - 2 - 4 - 2) // 5

CONTENT = [deliver(), header(5), raw(BODY, 1, b"Hello")]
CONTENT_WITH_HEADERS = frame.Header(
    1, 5, spec.BasicProperties(content_type="text/plain", headers={"a": [1, {"b": "c"}], "d": True})
).marshal()

ANYWHERE: dict[str, bytes] = {
    "another protocol": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "another version": b"AMQP\0\0\x09\x01",
    "all ones": b"\xff" * 64,
    "all zeroes": bytes(64),
    "no such frame type": raw(9, 1, b"x"),
    "a frame of 4 GiB": raw(METHOD, 0, bytes(100), size=0xFFFFFFFF),
    "a frame of 2 GiB": raw(BODY, 1, bytes(100), size=0x7FFFFFFF),
    "a frame one byte too large": raw(BODY, 1, bytes(FRAME_MAX - 7)),
    "a frame without its end": raw(METHOD, 0, method(spec.Connection.OpenOk(), 0)[7:-1], end=0),
    "no such method": raw(METHOD, 1, struct.pack(">HH", 60, 999)),
    "a method without a number": raw(METHOD, 1, b"\0\x3c\0"),
    "a method without its arguments": raw(METHOD, 0, struct.pack(">HH", 10, 10)),
    "a method with a string past its end": raw(METHOD, 1, struct.pack(">HHB", 60, 60, 255) + b"t"),
    "a method of another channel": method(spec.Channel.OpenOk(), 2),
    "a method of the connection on a channel": method(spec.Connection.OpenOk(), 1),
    "a method of the channel on the connection": method(spec.Channel.OpenOk(), 0),
    "content on the connection": raw(BODY, 0, b"x"),
    "a header cut short": raw(HEADER, 1, bytes(11)),
    "a body of no message": raw(BODY, 1, b"x"),
    "a header of no message": header(0),
    "the same answer twice": 2 * method(spec.Connection.OpenOk(), 0),
    "half a frame": deliver()[:9],
    "half a header": deliver()[:3],
    "nothing": b"",
}

# In the place of what the broker would answer to this; "connect" is the protocol header, "watch" the time after the
# answer to Basic.Consume.
LOGIN = ["connect", spec.Connection.StartOk, spec.Connection.Open]
SEND = [*LOGIN, spec.Channel.Open, spec.Queue.Declare, spec.Confirm.Select, spec.Basic.Publish]
RECEIVE = [*LOGIN, spec.Channel.Open, spec.Queue.Declare, spec.Basic.Consume, "watch"]

Stage = object


def stage_name(stage: Stage) -> str:
    return stage if isinstance(stage, str) else stage.NAME  # type: ignore[attr-defined]


def script(fake: FakeBroker, stage: Stage, act: Act) -> None:
    def greet(session: Session) -> None:
        session.read_some()
        act(session)

    def after_the_answer(received: Received) -> None:
        answer(received)
        act(received.session)

    if stage == "connect":
        fake.greet = greet
    elif stage == "watch":
        fake.on(spec.Basic.Consume, after_the_answer)
    else:
        assert isinstance(stage, type)
        fake.on(stage, lambda received: act(received.session))


def send_and_close(data: bytes) -> Act:
    def act(session: Session) -> None:
        session.write(data)
        session.hang_up()

    return act


@contextmanager
def scripted(stage: Stage, act: Act) -> Iterator[FakeBroker]:
    with FakeBroker() as fake:
        script(fake, stage, act)
        yield fake


@pytest.fixture(autouse=True)
def limit_memory(request: pytest.FixtureRequest) -> None:
    """The programs end with another code than is expected if they ask for more memory than MEMORY."""
    for name in {"send", "receive", "either"} & set(request.fixturenames):
        program: Program = request.getfixturevalue(name)
        if b"__asan_init" not in Path(program.command[-1]).read_bytes():
            program.command[:0] = ["prlimit", f"--data={MEMORY}"]


@pytest.fixture(scope="module", autouse=True)
def unanswered(request: pytest.FixtureRequest) -> Iterator[Process]:
    """A run that gets heartbeats and no answer: begun first and looked at last, since it takes the 30 seconds that an
    answer may take."""

    def act(session: Session) -> None:
        while not session.gone():
            session.write(raw(HEARTBEAT, 0, b""))

    program = built(request, "receive")
    with scripted(spec.Queue.Declare, act) as fake:
        yield program.start(url=fake.url + "?heartbeat=1")
        program.stop_all()


def expect_lost(program: Program, result: Result, *, status: Sequence[int] = (69,)) -> None:
    assert result.returncode in status, result
    assert result.stderr.startswith(program.name.encode() + b": "), result
    assert result.stderr.count(b"\n") == 1 and result.stderr.endswith(b"\n"), result
    assert len(result.stderr) < 1000 and SENT not in result.stdout, result


# Bytes that nobody asked for, at every stage.


@pytest.mark.parametrize("stage", SEND, ids=stage_name)
def test_send_is_told_nonsense(send: Program, stage: Stage) -> None:
    tell_nonsense(send, stage)


@pytest.mark.parametrize("stage", RECEIVE, ids=stage_name)
def test_receive_is_told_nonsense(receive: Program, stage: Stage) -> None:
    tell_nonsense(receive, stage)


def tell_nonsense(program: Program, stage: Stage) -> None:
    for name, data in ANYWHERE.items():
        with scripted(stage, send_and_close(data)) as fake:
            result = program(url=fake.url)
        print(name, result)
        expect_lost(program, result)


@pytest.mark.parametrize("stage", LOGIN, ids=stage_name)
def test_random_bytes_at_login(either: Program, stage: Stage) -> None:
    print("HOSTILE_SEED", SEED)
    noise = random.Random(SEED)
    for _ in range(5):
        with scripted(stage, send_and_close(noise.randbytes(noise.randrange(1, 5000)))) as fake:
            expect_lost(either, either(url=fake.url))


def with_mistakes(noise: random.Random, said: bytes) -> bytes:
    data = bytearray(said)
    for _ in range(noise.randrange(1, 4)):
        data = data or bytearray(b"\0")
        at = noise.randrange(len(data))
        match noise.randrange(3):
            case 0:
                data[at] = noise.randrange(256)
            case 1:
                del data[at : at + noise.randrange(1, 20)]
            case _:
                data[at:at] = noise.randbytes(noise.randrange(1, 20))
    return bytes(data)


def polite_answer(received: Received) -> bytes:
    """What the polite broker says to this, and a message to a consumer."""
    said = bytearray()
    session = received.session
    write, session.write = session.write, said.extend  # type: ignore[method-assign]
    answer(received)
    if isinstance(received.method, spec.Basic.Consume):
        said += deliver() + CONTENT_WITH_HEADERS + raw(BODY, 1, b"Hello")
    session.write = write  # type: ignore[method-assign]
    return bytes(said)


@pytest.mark.parametrize("stage", SEND[1:], ids=stage_name)
def test_send_gets_answers_with_random_mistakes(send: Program, stage: type[Method]) -> None:
    answer_with_mistakes(send, stage)


@pytest.mark.parametrize("stage", RECEIVE[1:-1], ids=stage_name)
def test_receive_gets_answers_with_random_mistakes(receive: Program, stage: type[Method]) -> None:
    answer_with_mistakes(receive, stage)


def answer_with_mistakes(program: Program, stage: type[Method]) -> None:
    print("HOSTILE_SEED", SEED)
    noise = random.Random(SEED)

    def mistaken(received: Received) -> None:
        data = with_mistakes(noise, polite_answer(received))
        print(data)
        send_and_close(data)(received.session)

    for _ in range(25):
        with FakeBroker() as fake:
            fake.on(stage, mistaken)
            result = program("--quiet", url=fake.url)
        print(result)
        assert result.returncode in (0, 1, 4, 69, 77), result
        assert (result.returncode == 0) == (result.stderr == b""), result
        assert result.stderr.count(b"\n") <= 2, result


# Methods that are right elsewhere.


OUT_OF_PLACE: dict[str, bytes] = {
    "start": method(spec.Connection.Start(0, 9, {}, "PLAIN", "en_US"), 0),
    "tune": method(spec.Connection.Tune(1, FRAME_MAX, 60), 0),
    "open-ok": method(spec.Connection.OpenOk(), 0),
    "close-ok": method(spec.Connection.CloseOk(), 0),
    "channel.open-ok": method(spec.Channel.OpenOk()),
    "channel.close-ok": method(spec.Channel.CloseOk()),
    "a client's method": method(spec.Basic.Publish(0, "", "hello")),
    "declare-ok": method(spec.Queue.DeclareOk("hello", 0, 0)),
    "consume-ok twice": method(spec.Basic.ConsumeOk("t")),
    "select-ok twice": method(spec.Confirm.SelectOk()),
    "a delivery in a delivery": deliver() + deliver(),
    "an ack in a delivery": deliver() + header(5) + method(spec.Basic.Ack(1)),
    "a header after a header": deliver() + header(5) + header(5),
    "a header of another class": deliver() + header(5, class_id=10),
    "a body before its header": deliver() + raw(BODY, 1, b"Hello"),
    "a body longer than its header said": deliver() + header(3) + raw(BODY, 1, b"Hello"),
    "a body on another channel": deliver() + header(5) + raw(BODY, 2, b"Hello"),
}


@pytest.mark.parametrize("name", OUT_OF_PLACE)
def test_out_of_place_in_a_watch(receive: Program, name: str) -> None:
    with scripted("watch", send_and_close(OUT_OF_PLACE[name])) as fake:
        result = receive(url=fake.url)
    assert result.stdout == READY
    expect_lost(receive, result)


@pytest.mark.parametrize("name", OUT_OF_PLACE)
def test_out_of_place_in_the_place_of_a_confirm(send: Program, name: str) -> None:
    with scripted(spec.Basic.Publish, send_and_close(OUT_OF_PLACE[name])) as fake:
        expect_lost(send, send(url=fake.url))


def test_a_confirm_of_what_was_not_published(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, lambda r: r.reply(spec.Basic.Ack(2)))
    result = send(url=fake_broker.url)
    expect_lost(send, result)
    assert b"confirmed message 2" in result.stderr


def test_a_return_of_what_was_not_published(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, lambda r: r.session.write(returned() + header(5) + raw(BODY, 1, b"Hello")))
    result = send(url=fake_broker.url)
    expect_lost(send, result)
    assert b"returned" in result.stderr


def test_a_return_without_its_message(send: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Publish, lambda r: r.session.write(returned() + method(spec.Basic.Ack(1))))
    expect_lost(send, send(url=fake_broker.url))


def test_a_confirm_again_and_again_is_no_progress(send: Program, fake_broker: FakeBroker) -> None:
    def confirm_the_first_for_ever(received: Received) -> None:
        received.session.flood(method(spec.Basic.Ack(1)), pause=0.02)

    fake_broker.on(spec.Basic.Publish, confirm_the_first_for_ever, when=lambda r: r.delivery_tag == 2)
    process = send.start("--confirm-timeout", "0.5", "a", "b", url=fake_broker.url)
    process.wait_for(lambda: b"no confirm" in process.stderr, "end of patience")
    process.kill()


def test_deliveries_before_the_consumer_is_there(receive: Program, fake_broker: FakeBroker) -> None:
    fake_broker.on(spec.Basic.Consume, lambda r: (r.session.write(b"".join(CONTENT)), answer(r)))
    process = receive.start(url=fake_broker.url)
    process.expect_stdout(READY + b" [x] Received b'Hello'\n")


# Sizes that are only claimed, and what costs memory without being a message.


@pytest.mark.parametrize("size", [2**64 - 1, 2**63, 2**32, 512 * 2**20 + 1])
@pytest.mark.parametrize("stage", ["watch", spec.Basic.Publish], ids=stage_name)
def test_a_message_too_large_to_be_one(send: Program, receive: Program, stage: Stage, size: int) -> None:
    program, beginning = (receive, deliver()) if stage == "watch" else (send, returned())
    with scripted(stage, lambda session: session.write(beginning + header(size))) as fake:
        result = program(url=fake.url)
    expect_lost(program, result)
    assert b"512 MiB" in result.stderr


@pytest.mark.parametrize("stage", ["watch", spec.Basic.Publish], ids=stage_name)
def test_a_large_message_that_does_not_come(send: Program, receive: Program, stage: Stage) -> None:
    program, beginning = (receive, deliver()) if stage == "watch" else (send, returned())
    with scripted(stage, send_and_close(beginning + header(512 * 2**20) + raw(BODY, 1, b"x"))) as fake:
        expect_lost(program, program(url=fake.url))


def test_heartbeats_on_many_channels_take_no_memory(receive: Program) -> None:
    def act(session: Session) -> None:
        for channel in range(1000):
            session.write(raw(HEARTBEAT, channel, bytes(FRAME_MAX - 8)))
        session.write(b"".join(CONTENT))

    with scripted("watch", act) as fake:
        process = receive.start(url=fake.url)
        process.expect_stdout(READY + b" [x] Received b'Hello'\n")


# Properties that cannot be read: a publisher wrote them, and they must not end the consumer's connection.


@pytest.mark.parametrize(
    "properties", [b"\xff\xfe" + b"\xff" * 10, b"\xff\xff" * 100, b"\x20\0\0\0\1\0"], ids=["lies", "without end", "cut"]
)
def test_properties_that_cannot_be_read(receive: Program, properties: bytes) -> None:
    data = deliver() + header(5, properties=properties) + raw(BODY, 1, b"Hello")
    with scripted("watch", send_and_close(data + CONTENT_OF_SECOND)) as fake:
        result = receive(url=fake.url)
    assert result.stdout == READY + b" [x] Received b'Hello'\n [x] Received b'second'\n"
    assert b"properties cannot be read" in result.stderr


# Tables in tables.


@pytest.mark.parametrize("depth", [600, 5000, DEEPEST])
def test_a_deep_table_in_a_delivery(receive: Program, depth: int) -> None:
    data = deliver() + header(0, properties=b"\x20\0" + nested(depth))
    with scripted("watch", send_and_close(data)) as fake:
        result = receive("--format", "json", url=fake.url)
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"nested" in result.stderr


@pytest.mark.parametrize("depth", [600, DEEPEST])
def test_a_deep_table_in_a_return(send: Program, fake_broker: FakeBroker, depth: int) -> None:
    """Its address and body still tell which message it is."""
    content = header(12, properties=b"\x20\0" + nested(depth)) + raw(BODY, 1, b"Hello World!")
    fake_broker.on(spec.Basic.Publish, lambda r: r.session.write(returned() + content + method(spec.Basic.Ack(1))))
    result = send(url=fake_broker.url)
    assert (result.returncode, result.stdout) == (4, b"")
    assert b"message 1 returned: 312 NO_ROUTE" in result.stderr


@pytest.mark.parametrize("depth", [600, 25_000])
def test_a_deep_table_at_login(either: Program, depth: int) -> None:
    with scripted("connect", send_and_close(start(nested(depth)))) as fake:
        result = either(url=fake.url)
    expect_lost(either, result)
    assert b"nested" in result.stderr


def test_a_table_as_deep_as_anybody_needs(receive: Program) -> None:
    data = deliver() + header(0, properties=b"\x20\0" + nested(500))
    with scripted("watch", lambda session: session.write(data)) as fake:
        process = receive.start("--format", "json", url=fake.url)
        process.expect_lines(1)
    assert process.stdout.count(b"[") == 500


# Peers that say too little, or nothing to the purpose.


def trickle(data: bytes) -> Act:
    """One byte every 100 ms, the last one for ever."""

    def act(session: Session) -> None:
        at = 0
        while not session.gone():
            session.write(data[at : at + 1] or data[-1:])
            at += 1

    return act


def stay_silent(session: Session) -> None:
    session.read_to_end()


@contextmanager
def started(program: Program, stages: Sequence[Stage], act: Act, query: str) -> Iterator[list[Process]]:
    """One run for each stage, all at the same time."""
    with ExitStack() as stack:
        fakes = [stack.enter_context(scripted(stage, act)) for stage in stages]
        yield [program.start(url=fake.url + query) for fake in fakes]


@pytest.mark.parametrize(
    "act",
    [stay_silent, trickle(start(b"\0\0\0\0")), lambda session: session.flood(raw(HEARTBEAT, 0, b""))],
    ids=["silence", "a byte at a time", "heartbeats for ever"],
)
def test_no_login_in_time(either: Program, act: Act) -> None:
    begun = time.monotonic()
    with started(either, LOGIN, act, "?connection_timeout=700") as processes:
        for process in processes:
            result = process.finish()
            expect_lost(either, result)
            assert b"within 0.7 s" in result.stderr
    assert time.monotonic() - begun >= 0.7


@pytest.mark.parametrize(
    "act",
    [stay_silent, lambda session: (session.write(deliver()[:9]), session.read_to_end())],
    ids=["silence", "half a frame"],
)
def test_silence_is_heard_as_missing_heartbeats(send: Program, receive: Program, act: Act) -> None:
    with (
        started(send, SEND[3:], act, "?heartbeat=1") as sending,
        started(receive, RECEIVE[3:], act, "?heartbeat=1") as receiving,
    ):
        for program, processes in ((send, sending), (receive, receiving)):
            for process in processes:
                result = process.finish()
                expect_lost(program, result)
                assert b"no heartbeat for 2 seconds" in result.stderr


# What keeps a connection alive keeps nobody from leaving.


@pytest.mark.parametrize(
    "act",
    [
        trickle(deliver()),
        lambda session: session.flood(raw(HEARTBEAT, 0, b"")),
        lambda session: session.flood(
            method(spec.Connection.Blocked("a"), 0) + method(spec.Connection.Unblocked(), 0), pause=0.01
        ),
        lambda session: (session.write(deliver() + header(1)), session.flood(raw(BODY, 1, b""))),
    ],
    ids=["a byte at a time", "heartbeats", "alarms", "bodies without a byte"],
)
@pytest.mark.parametrize("stage", [spec.Queue.Declare, "watch"], ids=stage_name)
def test_two_signals_end_it_whatever_comes(receive: Program, act: Act, stage: Stage) -> None:
    with scripted(stage, act) as fake:
        process = receive.start(url=fake.url)
        fake.await_methods(spec.Queue.Declare)
        if stage == "watch":
            process.expect_stdout(READY)
        process.interrupt()
        if stage == "watch":  # it would wait for the answer to Basic.Cancel
            fake.wait_for(lambda: CANCEL in fake.sessions[0].unread, "Basic.Cancel")
            process.interrupt()
        assert process.finish().returncode == (-signal.SIGINT if stage == "watch" else 0)


def test_messages_without_end_do_not_outlast_the_timeout(receive: Program) -> None:
    """Frames come all the time, a whole message never does."""

    def act(session: Session) -> None:
        session.write(deliver() + header(1))
        session.flood(raw(BODY, 1, b""), until=CANCEL)
        session.hang_up()

    with scripted("watch", act) as fake:
        begun = time.monotonic()
        result = receive("--timeout", "0.7", url=fake.url)
    assert time.monotonic() - begun >= 0.7
    assert result.returncode == 69, result


def test_heartbeats_are_no_answer(unanswered: Process) -> None:
    result = unanswered.finish(60)
    assert (result.returncode, result.stdout, result.stderr.count(b"\n")) == (69, b"", 1)
    assert b"no answer within 30 s" in result.stderr
