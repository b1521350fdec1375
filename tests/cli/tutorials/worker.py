"""Tutorial 2, a worker: a second for each dot. With --quorum, as the newest edition declares the queue."""
from __future__ import annotations

import os
import sys

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic


def work(channel: BlockingChannel, method: Basic.Deliver, properties: pika.BasicProperties, body: bytes) -> None:
    print(f" [x] Received {body.decode()} (delivery mode {properties.delivery_mode})")
    connection.sleep(body.count(b"."))
    print(" [x] Done")
    channel.basic_ack(method.delivery_tag)


arguments = {"x-queue-type": "quorum"} if "--quorum" in sys.argv else {}
with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    tasks = connection.channel()
    tasks.queue_declare("task_queue", durable=True, arguments=arguments)
    tasks.basic_qos(prefetch_count=1)
    tasks.basic_consume("task_queue", work)
    print(" [*] Waiting for messages. To exit press CTRL+C")
    tasks.start_consuming()
