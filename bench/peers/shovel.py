"""Moves messages with RabbitMQ's shovel plugin, and prints how many seconds it took from the first to the last.

    shovel.py SOURCE TARGET COUNT
"""
import json
import os
import subprocess
import sys
import time

import pika

NAME = 'bench'


def ctl(*arguments):
    subprocess.run([os.path.join(os.environ['BROKER_DIR'], 'ctl'), *arguments], stdout=subprocess.DEVNULL, check=True)


def main():
    source, target, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    url = os.environ['AMQP_URL']
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()

    def moved():
        return channel.queue_declare(target, passive=True).method.message_count

    ctl('set_parameter', 'shovel', NAME, json.dumps({
        'src-protocol': 'amqp091', 'src-uri': url, 'src-queue': source, 'src-prefetch-count': 1000,
        'dest-protocol': 'amqp091', 'dest-uri': url, 'dest-queue': target, 'ack-mode': 'on-confirm'}))
    # It has begun when rabbitmqctl ends: what it has moved until then is not counted.
    already, began = moved(), time.perf_counter()
    while moved() < count:
        time.sleep(0.01)
    seconds = time.perf_counter() - began
    ctl('clear_parameter', 'shovel', NAME)
    connection.close()
    print(seconds * count / (count - already) if already < count else sys.exit('it had moved all before it was looked at'))


main()
