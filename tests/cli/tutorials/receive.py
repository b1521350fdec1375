"""Tutorial 1, the consumer of the newest edition: a durable quorum queue."""
from __future__ import annotations

import os

import pika

with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.queue_declare("hello", durable=True, arguments={"x-queue-type": "quorum"})
    channel.basic_consume(
        "hello", lambda _channel, _method, _properties, body: print(f" [x] Received {body}"), auto_ack=True
    )
    print(" [*] Waiting for messages. To exit press CTRL+C")
    channel.start_consuming()
