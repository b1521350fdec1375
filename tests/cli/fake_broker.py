"""A scripted AMQP 0-9-1 server on loopback, for what no real broker does on demand.

Left alone it is a polite broker without queues: it shakes hands, answers every
declaration, consumer and cancel, and acks every publish on a confirm channel.
A test scripts what differs:

    broker.on(spec.Queue.Declare, close_connection(541, "INTERNAL_ERROR - ..."),
              when=lambda r: not r.method.durable)
    broker.on(spec.Basic.Publish, ignore)          # confirms never come
    broker.greet = send_bytes(b"HTTP/1.1 400\r\n")  # not even AMQP

and looks at what came in:

    publish = broker.await_methods(spec.Basic.Publish)[0]
    publish.reply(spec.Basic.Ack(publish.delivery_tag))
"""
from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pika import frame, spec
from pika.amqp_object import Method

Handler = Callable[["Received"], None]
Greeting = Callable[["Session"], None]

FRAME_MAX = 131072
CAPABILITIES = {
    "publisher_confirms": True,
    "basic.nack": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "authentication_failure_close": True,
}


@dataclass(frozen=True)
class Received:
    """A method a client sent, for Basic.Publish with its content."""

    session: Session
    channel: int
    method: Any
    delivery_tag: int = 0
    properties: spec.BasicProperties | None = None
    body: bytes = b""

    def reply(self, *methods: Method) -> None:
        for method in methods:
            self.session.send(self.channel, method)

    def give_back(self, code: int, text: str) -> None:
        """Basic.Return of this publish; the ack that follows it is the caller's."""
        self.session.send(
            self.channel,
            spec.Basic.Return(code, text, self.method.exchange, self.method.routing_key),
            self.body,
            self.properties,
        )


# Ready-made handlers and greetings.


def ignore(_received: Received) -> None:
    """No answer at all."""


def answer(received: Received) -> None:
    """What the polite broker would do."""
    received.session.answer(received)


def reply(*methods: Method) -> Handler:
    return lambda received: received.reply(*methods)


def close_connection(code: int, text: str) -> Handler:
    return lambda received: received.session.send(0, spec.Connection.Close(code, text, 0, 0))


def close_channel(code: int, text: str) -> Handler:
    return lambda received: received.reply(spec.Channel.Close(code, text, 0, 0))


def hang_up(received: Received) -> None:
    """Closes the socket without a word."""
    received.session.hang_up()


def in_turn(*handlers: Handler) -> Handler:
    """The first handler for the first method, and so on; the last one stays."""
    waiting = list(handlers)
    return lambda received: (waiting.pop(0) if len(waiting) > 1 else waiting[0])(received)


def send_bytes(data: bytes, *, then_close: bool = True) -> Greeting:
    """Bytes in place of a handshake, sent once the client has said something."""

    def greet(session: Session) -> None:
        if session.read_some():
            session.write(data)
            if not then_close:
                session.read_to_end()

    return greet


def say_nothing(session: Session) -> None:
    """Accepts the connection, reads everything, never answers."""
    session.read_to_end()


class Session:
    """One client's connection; its thread reads, any thread may send."""

    def __init__(self, broker: FakeBroker, sock: socket.socket) -> None:
        self.heartbeats = 0
        self.ended = False
        self.unread = b""
        self._broker = broker
        self._socket = sock
        self._buffer = b""
        self._sending = threading.Lock()
        self._confirming: set[int] = set()
        self._publishes: dict[int, int] = {}
        self._closed_by_us: set[int] = set()
        self._consumers = 0

    def send(
        self,
        channel: int,
        method: Method,
        body: bytes | None = None,
        properties: spec.BasicProperties | None = None,
    ) -> None:
        """A method, with content if it carries a body, as whole frames."""
        if isinstance(method, (spec.Connection.Close, spec.Channel.Close)):
            self._closed_by_us.add(channel)
        data = frame.Method(channel, method).marshal()
        if body is not None:
            data += frame.Header(channel, len(body), properties or spec.BasicProperties()).marshal()
            step = FRAME_MAX - 8
            for start in range(0, len(body), step):
                data += frame.Body(channel, body[start : start + step]).marshal()
        self.write(data)

    def deliver(
        self, channel: int, body: bytes, *, consumer_tag: str, delivery_tag: int, routing_key: str = "hello"
    ) -> None:
        self.send(channel, spec.Basic.Deliver(consumer_tag, delivery_tag, False, "", routing_key), body)

    def write(self, data: bytes) -> None:
        with self._sending:
            try:
                self._socket.sendall(data)
            except OSError:
                pass  # the client has gone; the reading side ends the session

    def read_some(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except OSError:
            return b""

    def read_to_end(self) -> None:
        while self.read_some():
            pass

    def await_data(self, timeout: float = 15.0) -> None:
        """Waits until there is something to read, and leaves it there."""
        assert select.select([self._socket], [], [], timeout)[0], f"nothing came within {timeout} s"

    def await_end(self, timeout: float = 15.0) -> None:
        """Reads nothing until the client has hung up."""
        poll = select.poll()
        poll.register(self._socket, select.POLLRDHUP)
        assert poll.poll(timeout * 1000), f"the client was still there after {timeout} s"

    def gone(self, within: float = 0.1) -> bool:
        """The client has hung up; what it said meanwhile goes to `unread`."""
        deadline = time.monotonic() + within
        left = within
        while left >= 0:
            try:
                if select.select([self._socket], [], [], left)[0]:
                    data = self.read_some()
                    if not data:
                        return True
                    self.unread += data
                    self._broker.changed()
            except (OSError, ValueError):
                return True
            left = deadline - time.monotonic()
        return False

    def flood(self, data: bytes, *, pause: float = 0, until: bytes | None = None) -> None:
        """The same again and again, as fast as the client takes it, until it has said `until` or hung up."""
        many = data * max(1, 65536 // len(data)) if pause == 0 else data
        while not self.gone(pause) and (until is None or until not in self.unread):
            self.write(many)

    def hang_up(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def run(self) -> None:
        try:
            if self._broker.greet is not None:
                self._broker.greet(self)
            else:
                self._speak()
        except Exception as error:  # a mistake in a script must not pass unseen
            self._broker.errors.append(error)
        finally:
            self.hang_up()
            self._socket.close()
            self.ended = True
            self._broker.changed()

    def _speak(self) -> None:
        publish: Any = None
        header: Any = None
        body = b""
        while (got := self._read_frame()) is not None:
            channel = got.channel_number if isinstance(got, frame.Frame) else 0
            if isinstance(got, frame.ProtocolHeader):
                self.send(0, spec.Connection.Start(0, 9, {"capabilities": CAPABILITIES}, "PLAIN", "en_US"))
                continue
            if isinstance(got, frame.Heartbeat):
                self.heartbeats += 1
                if self._broker.answer_heartbeats:
                    self.write(frame.Heartbeat().marshal())
                self._broker.changed()
                continue
            if isinstance(got, frame.Method) and not isinstance(got.method, spec.Basic.Publish):
                self._handle(Received(self, channel, got.method))
                continue
            if isinstance(got, frame.Method):
                publish, header, body = got.method, None, b""
            elif isinstance(got, frame.Header):
                header = got
            elif isinstance(got, frame.Body):
                body += got.fragment
            if publish is not None and header is not None and len(body) >= header.body_size:
                tag = self._publishes[channel] = self._publishes.get(channel, 0) + 1
                self._handle(Received(self, channel, publish, tag, header.properties, body))
                publish = None

    def _read_frame(self) -> Any:
        while True:
            used, got = frame.decode_frame(self._buffer)
            if used:
                self._buffer = self._buffer[used:]
                return got
            data = self.read_some()
            if not data:
                return None
            self._buffer += data

    def _handle(self, received: Received) -> None:
        handler = self._broker.record(received)
        ends = (spec.Connection.Close, spec.Connection.CloseOk, spec.Channel.Close, spec.Channel.CloseOk)
        if self._closed_by_us & {0, received.channel} and not isinstance(received.method, ends):
            return  # as a real broker: deaf until the close is acknowledged
        handler(received)

    def answer(self, received: Received) -> None:
        """The polite broker's answer."""
        method = received.method
        channel = received.channel
        if isinstance(method, spec.Confirm.Select):
            self._confirming.add(channel)
        if getattr(method, "nowait", False):
            return
        match method:
            case spec.Connection.StartOk():
                received.reply(spec.Connection.Tune(2047, FRAME_MAX, self._broker.heartbeat))
            case spec.Connection.Open():
                received.reply(spec.Connection.OpenOk())
            case spec.Connection.Close():
                received.reply(spec.Connection.CloseOk())
                self.hang_up()
            case spec.Connection.CloseOk():
                self.hang_up()
            case spec.Channel.Open():
                received.reply(spec.Channel.OpenOk())
            case spec.Channel.Close() | spec.Channel.CloseOk():
                if isinstance(method, spec.Channel.Close):
                    received.reply(spec.Channel.CloseOk())
                self._closed_by_us.discard(channel)
                self._confirming.discard(channel)
                self._publishes.pop(channel, None)
            case spec.Confirm.Select():
                received.reply(spec.Confirm.SelectOk())
            case spec.Queue.Declare():
                received.reply(spec.Queue.DeclareOk(method.queue or "amq.gen-fake", 0, 0))
            case spec.Queue.Bind():
                received.reply(spec.Queue.BindOk())
            case spec.Queue.Delete():
                received.reply(spec.Queue.DeleteOk(0))
            case spec.Exchange.Declare():
                received.reply(spec.Exchange.DeclareOk())
            case spec.Basic.Qos():
                received.reply(spec.Basic.QosOk())
            case spec.Basic.Consume():
                self._consumers += 1
                received.reply(spec.Basic.ConsumeOk(method.consumer_tag or f"fake-{self._consumers}"))
            case spec.Basic.Cancel():
                received.reply(spec.Basic.CancelOk(method.consumer_tag))
            case spec.Basic.Publish():
                if channel in self._confirming:
                    received.reply(spec.Basic.Ack(received.delivery_tag))
            case spec.Connection.TuneOk() | spec.Basic.Ack() | spec.Basic.Nack() | spec.Basic.Reject():
                pass
            case _:
                raise AssertionError(f"the fake broker has no answer to {method!r}")


class FakeBroker:
    """Listens on 127.0.0.1 from construction to close(); any number of connections."""

    def __init__(self) -> None:
        self.greet: Greeting | None = None
        self.heartbeat = 60
        self.answer_heartbeats = True
        self.received: list[Received] = []
        self.sessions: list[Session] = []
        self.errors: list[Exception] = []
        self._handlers: list[tuple[type[Method], Callable[[Received], bool], Handler]] = []
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2f"

    def on(
        self,
        method: type[Method],
        handler: Handler,
        *,
        when: Callable[[Received], bool] = lambda _: True,
    ) -> None:
        """Has `handler` answer `method`; what was scripted last is asked first."""
        self._handlers.insert(0, (method, when, handler))

    def methods(self, *kinds: type[Method]) -> list[Received]:
        """What came in so far, over all connections, in order."""
        with self._changed:
            return [r for r in self.received if isinstance(r.method, kinds or Method)]

    def await_methods(self, kind: type[Method], count: int = 1, timeout: float = 15.0) -> list[Received]:
        self.wait_for(lambda: len(self.methods(kind)) >= count, f"{count} x {kind.NAME}", timeout)
        return self.methods(kind)

    def wait_for(self, condition: Callable[[], bool], what: str, timeout: float = 15.0) -> None:
        deadline = time.monotonic() + timeout
        with self._changed:
            if not self._changed.wait_for(condition, deadline - time.monotonic()):
                names = [r.method.NAME for r in self.received]
                raise AssertionError(f"no {what} within {timeout} s; received {names}")

    def record(self, received: Received) -> Handler:
        with self._changed:
            self.received.append(received)
            self._changed.notify_all()
        for method, when, handler in self._handlers:
            if isinstance(received.method, method) and when(received):
                return handler
        return answer

    def changed(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def __enter__(self) -> FakeBroker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends every session; raises what went wrong in a script."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for session in self.sessions:
            session.hang_up()
        for thread in self._threads:
            thread.join(5)
        if self.errors:
            raise self.errors[0]

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            session = Session(self, sock)
            thread = threading.Thread(target=session.run, daemon=True)
            self.sessions.append(session)
            self._threads.append(thread)
            thread.start()
            self.changed()
