"""What the Pika witness does for more than one file of tests."""
from __future__ import annotations

from pika.adapters.blocking_connection import BlockingChannel


def take_all(channel: BlockingChannel, queue: str) -> list[bytes]:
    """Empties a queue, in order."""
    bodies = []
    while (message := channel.basic_get(queue, auto_ack=True))[0] is not None:
        bodies.append(message[2])
    return bodies


def publish(channel: BlockingChannel, queue: str, *bodies: bytes) -> None:
    for body in bodies:
        channel.basic_publish("", queue, body)
