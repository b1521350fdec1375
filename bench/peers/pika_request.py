"""Asks for each line of standard input, one after the other, by direct reply-to, and prints the answers."""
import os
import sys

import pika

queue = sys.argv[1]
connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))
channel = connection.channel()
answers = {}


def keep(_channel, _method, properties, body):
    answers[properties.correlation_id] = body


channel.basic_consume('amq.rabbitmq.reply-to', keep, auto_ack=True)
for number, line in enumerate(sys.stdin.buffer):
    identity = str(number)
    properties = pika.BasicProperties(reply_to='amq.rabbitmq.reply-to', correlation_id=identity)
    channel.basic_publish('', queue, line.rstrip(b'\n'), properties)
    while identity not in answers:
        connection.process_data_events(time_limit=None)
    sys.stdout.buffer.write(answers.pop(identity) + b'\n')
connection.close()
