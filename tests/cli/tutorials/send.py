"""Tutorial 1, the producer of the newest edition: a durable quorum queue."""
from __future__ import annotations

import os

import pika

with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.queue_declare("hello", durable=True, arguments={"x-queue-type": "quorum"})
    channel.basic_publish("", "hello", b"Hello World!")
    print(" [x] Sent 'Hello World!'")
