"""pika_receive.py QUEUE COUNT auto|acked > LINES: `acked` has 1,000 prefetched and acks 500 at a time."""
import os
import sys

import pika

PREFETCH = 1000
ACKED_TOGETHER = 500

queue, count, acked = sys.argv[1], int(sys.argv[2]), sys.argv[3] == 'acked'
received = 0
output = sys.stdout.buffer


def callback(ch, method, properties, body):
    global received
    received += 1
    output.write(body + b'\n')
    if acked and (received % ACKED_TOGETHER == 0 or received == count):
        output.flush()
        ch.basic_ack(method.delivery_tag, multiple=True)
    if received == count:
        ch.stop_consuming()


connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
channel = connection.channel()
if acked:
    channel.basic_qos(prefetch_count=PREFETCH)
channel.basic_consume(queue=queue, on_message_callback=callback, auto_ack=not acked)
channel.start_consuming()
connection.close()
