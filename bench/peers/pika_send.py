"""pika_send.py QUEUE < LINES: each line a message, mandatory and confirmed.

BlockingConnection, which nearly everybody uses, waits for the confirm of each before it publishes the next.
"""
import os
import sys

import pika

queue = sys.argv[1]
connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
channel = connection.channel()
channel.queue_declare(queue=queue, passive=True)
channel.confirm_delivery()
for line in sys.stdin.buffer:
    channel.basic_publish(exchange='', routing_key=queue, body=line.removesuffix(b'\n'), mandatory=True)
connection.close()
