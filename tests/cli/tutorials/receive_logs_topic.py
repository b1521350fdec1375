"""Tutorial 5, a subscriber: its arguments are the keys, which may be patterns."""
from __future__ import annotations

import os
import sys

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic


def show(_channel: BlockingChannel, method: Basic.Deliver, _properties: pika.BasicProperties, body: bytes) -> None:
    print(f" [x] {method.routing_key}:{body.decode()}")


with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.exchange_declare("topic_logs", "topic")
    queue = channel.queue_declare("", exclusive=True).method.queue
    for key in sys.argv[1:]:
        channel.queue_bind(queue, "topic_logs", key)
    channel.basic_consume(queue, show, auto_ack=True)
    print(" [*] Waiting for logs. To exit press CTRL+C")
    channel.start_consuming()
