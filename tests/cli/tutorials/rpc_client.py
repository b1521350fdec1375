"""Tutorial 6, the client: asks for the Fibonacci number of each argument, one after the other."""
from __future__ import annotations

import os
import sys
import uuid

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic


class FibonacciClient:
    """Gets its answers in an exclusive queue of its own and knows them by their correlation id."""

    def __init__(self, channel: BlockingChannel) -> None:
        self._channel = channel
        self._asked = ""
        self._answer: int | None = None
        self._answers = channel.queue_declare("", exclusive=True).method.queue
        channel.basic_consume(self._answers, self._take, auto_ack=True)

    def _take(
        self, _channel: BlockingChannel, _method: Basic.Deliver, answer: pika.BasicProperties, body: bytes
    ) -> None:
        if answer.correlation_id == self._asked:
            self._answer = int(body)

    def call(self, n: int) -> int:
        self._answer = None
        self._asked = str(uuid.uuid4())
        properties = pika.BasicProperties(reply_to=self._answers, correlation_id=self._asked)
        self._channel.basic_publish("", "rpc_queue", str(n).encode(), properties)
        while self._answer is None:
            self._channel.connection.process_data_events(time_limit=None)
        return self._answer


with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    client = FibonacciClient(connection.channel())
    for argument in sys.argv[1:]:
        print(f" [x] Requesting fib({argument})")
        print(f" [.] Got {client.call(int(argument))}")
