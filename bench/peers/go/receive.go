package main

import (
	"bufio"
	"errors"
	"io"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	prefetch      = 1000
	ackedTogether = 500
)

// receive writes count bodies, each with a newline, and acks them, 500 at a time, unless the broker takes them as acked.
func receive(channel *amqp.Channel, queue string, count int, acked bool, output io.Writer) error {
	if acked {
		if err := channel.Qos(prefetch, 0, false); err != nil {
			return err
		}
	}
	deliveries, err := channel.Consume(queue, "", !acked, false, false, false, nil)
	if err != nil {
		return err
	}
	lines := bufio.NewWriterSize(output, 64<<10)
	for received := 1; received <= count; received++ {
		delivery, open := <-deliveries
		if !open {
			return errors.New("the broker ended the consumer")
		}
		lines.Write(delivery.Body)
		if err := lines.WriteByte('\n'); err != nil {
			return err
		}
		if acked && (received%ackedTogether == 0 || received == count) {
			if err := lines.Flush(); err != nil {
				return err
			}
			if err := delivery.Ack(true); err != nil {
				return err
			}
		}
	}
	return lines.Flush()
}
