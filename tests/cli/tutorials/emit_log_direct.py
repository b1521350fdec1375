"""Tutorial 4, the producer: the severity, and the words of a message."""
from __future__ import annotations

import os
import sys

import pika

severity, message = sys.argv[1], " ".join(sys.argv[2:])
with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.exchange_declare("direct_logs", "direct")
    channel.basic_publish("direct_logs", severity, message.encode())
    print(f" [x] Sent {severity}:{message}")
