"""Answers each request in a queue with its own body, until it is ended."""
import os
import sys

import pika

channel = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL'])).channel()


def answer(_channel, _method, request, body):
    properties = pika.BasicProperties(correlation_id=request.correlation_id)
    channel.basic_publish('', request.reply_to, body, properties)


channel.basic_consume(sys.argv[1], answer, auto_ack=True)
print('ready', flush=True)
channel.start_consuming()
