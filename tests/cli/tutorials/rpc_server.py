"""Tutorial 6, the server: answers a number with that Fibonacci number."""
from __future__ import annotations

import os

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic


def fib(n: int) -> int:
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def answer(channel: BlockingChannel, method: Basic.Deliver, request: pika.BasicProperties, body: bytes) -> None:
    n = int(body)
    print(f" [.] fib({n})")
    properties = pika.BasicProperties(correlation_id=request.correlation_id)
    channel.basic_publish("", request.reply_to, str(fib(n)).encode(), properties)
    channel.basic_ack(method.delivery_tag)


with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    requests = connection.channel()
    requests.queue_declare("rpc_queue")
    requests.basic_qos(prefetch_count=1)
    requests.basic_consume("rpc_queue", answer)
    print(" [x] Awaiting RPC requests")
    requests.start_consuming()
