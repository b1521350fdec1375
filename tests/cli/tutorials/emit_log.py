"""Tutorial 3, the producer: logs the words of its command line as one message."""
from __future__ import annotations

import os
import sys

import pika

message = " ".join(sys.argv[1:])
with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.exchange_declare("logs", "fanout")
    channel.basic_publish("logs", "", message.encode())
    print(f" [x] Sent {message}")
