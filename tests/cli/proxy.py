"""A TCP proxy that breaks what goes through it."""
from __future__ import annotations

import contextlib
import socket
import struct
import threading

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time


class Pair:
    """One client's connection and the one made for it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.sockets = (client, server)
        self.stalled = threading.Event()
        self.thawed = threading.Event()
        self.thawed.set()
        self._open_directions = threading.Semaphore(1)

    def end_direction(self, sink: socket.socket) -> None:
        """The last one closes both sockets."""
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        if not self._open_directions.acquire(blocking=False):
            for each in self.sockets:
                each.close()

    def reset(self) -> None:
        """Both ends get a TCP reset, in the middle of whatever was on its way."""
        self.thawed.set()
        for each in self.sockets:
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                each.shutdown(socket.SHUT_RD)  # wakes the thread that reads it
                each.close()


class Proxy:
    """Forwards connections to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: set[Pair] = set()
        self._bytes_to_cut: int | None = None
        self._cut = threading.Event()
        self._bytes_to_throttle: int | None = None
        self._throttled = threading.Event()
        self._unthrottled = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, count: int) -> threading.Event:
        """Resets every connection once so many more bytes came through; tells when it has."""
        self._cut = threading.Event()
        with self._lock:
            self._bytes_to_cut = count
        return self._cut

    def stall(self) -> None:
        """Forwards nothing more on the connections there are; new ones work."""
        with self._lock:
            for pair in self._pairs:
                pair.stalled.set()

    def freeze(self) -> None:
        """Holds back what comes on the connections there are until thaw(); new ones work."""
        with self._lock:
            for pair in self._pairs:
                pair.thawed.clear()

    def thaw(self) -> None:
        with self._lock:
            for pair in self._pairs:
                pair.thawed.set()

    def throttle(self, count: int) -> threading.Event:
        """Once so many more bytes came from clients, takes one at a time from them, five a second, until unthrottle();
        tells when it begins."""
        with self._lock:
            self._bytes_to_throttle = count
        return self._throttled

    def unthrottle(self) -> None:
        self._unthrottled.set()

    def close(self) -> None:
        self.unthrottle()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._reset_all()

    def _reset_all(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            pair.reset()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            pair = Pair(client, server)
            with self._lock:
                self._pairs.add(pair)
            for source, sink in (pair.sockets, pair.sockets[::-1]):
                threading.Thread(target=self._forward, args=(pair, source, sink), daemon=True).start()

    def _forward(self, pair: Pair, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16 if sink is pair.sockets[0] else self._most_from_client()):
                allowed = self._allow(len(data))
                pair.thawed.wait()
                if not pair.stalled.is_set():
                    sink.sendall(data[:allowed])
                if allowed < len(data):
                    self._reset_all()
                    self._cut.set()
                    break
        except OSError:
            pair.reset()
        pair.end_direction(sink)

    def _most_from_client(self) -> int:
        with self._lock:
            if self._bytes_to_throttle is None or self._unthrottled.is_set():
                return 1 << 16
            if self._bytes_to_throttle > 0:
                most = min(self._bytes_to_throttle, 1 << 16)
                self._bytes_to_throttle -= most
                return most
        self._throttled.set()
        self._unthrottled.wait(0.2)
        return 1

    def _allow(self, count: int) -> int:
        with self._lock:
            if self._bytes_to_cut is None:
                return count
            allowed = min(count, self._bytes_to_cut)
            self._bytes_to_cut = None if allowed < count else self._bytes_to_cut - count
            return allowed
