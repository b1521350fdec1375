"""Tutorial 2, the producer: each argument a task. With --quorum first, as the newest edition declares the queue."""
from __future__ import annotations

import os
import sys

import pika

tasks = sys.argv[1:]
arguments = {}
if tasks and tasks[0] == "--quorum":
    arguments["x-queue-type"] = tasks.pop(0)[2:]
with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.queue_declare("task_queue", durable=True, arguments=arguments)
    for task in tasks:
        channel.basic_publish("", "task_queue", task.encode(), pika.BasicProperties(delivery_mode=2))
        print(f" [x] Sent {task}")
