"""The streams tutorial, the consumer, with AMQP 0-9-1: reads from the beginning."""
from __future__ import annotations

import os

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic

STREAM = "hello-python-stream"


def show(channel: BlockingChannel, method: Basic.Deliver, properties: pika.BasicProperties, body: bytes) -> None:
    print(f" [x] {properties.headers['x-stream-offset']}: {body.decode()}")
    channel.basic_ack(method.delivery_tag)


with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    messages = connection.channel()
    messages.queue_declare(
        STREAM, durable=True, arguments={"x-queue-type": "stream", "x-max-length-bytes": 5_000_000_000}
    )
    messages.basic_qos(prefetch_count=100)
    messages.basic_consume(STREAM, show, arguments={"x-stream-offset": "first"})
    print(" [*] Waiting for messages. To exit press CTRL+C")
    messages.start_consuming()
