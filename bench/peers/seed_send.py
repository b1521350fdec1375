"""send.py of the tutorial, at the broker of AMQP_URL."""
import os

import pika

params = pika.URLParameters(os.environ['AMQP_URL'])
connection = pika.BlockingConnection(parameters=params)
channel = connection.channel()

channel.queue_declare(queue='hello')

channel.basic_publish(exchange='', routing_key='hello', body='Hello World!')
print(" [x] Sent 'Hello World!'")
connection.close()
