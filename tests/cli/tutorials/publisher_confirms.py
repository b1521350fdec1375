"""Tutorial 7: publishes its arguments to the queue `confirms`, each confirmed before the next is published."""
from __future__ import annotations

import os
import sys

import pika
import pika.exceptions

with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.confirm_delivery()
    for message in sys.argv[1:]:
        try:
            channel.basic_publish("", "confirms", message.encode(), mandatory=True)
            print(f" [x] Confirmed {message}")
        except pika.exceptions.UnroutableError:
            print(f" [x] Returned {message}")
