"""The streams tutorial, the producer, with AMQP 0-9-1: each argument a message."""
from __future__ import annotations

import os
import sys

import pika

STREAM = "hello-python-stream"

with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.queue_declare(
        STREAM, durable=True, arguments={"x-queue-type": "stream", "x-max-length-bytes": 5_000_000_000}
    )
    channel.confirm_delivery()
    for message in sys.argv[1:]:
        channel.basic_publish("", STREAM, message.encode())
        print(f" [x] Sent {message}")
