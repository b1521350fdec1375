"""Tutorial 3, a subscriber."""
from __future__ import annotations

import os

import pika

with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.exchange_declare("logs", "fanout")
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "logs")
    channel.basic_consume(queue, lambda _channel, _method, _properties, body: print(f" [x] {body}"), auto_ack=True)
    print(" [*] Waiting for logs. To exit press CTRL+C")
    channel.start_consuming()
