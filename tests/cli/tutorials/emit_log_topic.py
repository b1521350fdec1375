"""Tutorial 5, the producer: the key, and the words of a message."""
from __future__ import annotations

import os
import sys

import pika

key, message = sys.argv[1], " ".join(sys.argv[2:])
with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.exchange_declare("topic_logs", "topic")
    channel.basic_publish("topic_logs", key, message.encode())
    print(f" [x] Sent {key}:{message}")
