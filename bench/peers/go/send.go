package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	window      = 10000   // messages in flight
	windowBytes = 8 << 20 // bodies in flight
)

type published struct {
	confirmation *amqp.DeferredConfirmation
	size         int
}

// send publishes each line, mandatory and confirmed.
func send(channel *amqp.Channel, queue string, input io.Reader) error {
	if _, err := channel.QueueDeclarePassive(queue, false, false, false, false, nil); err != nil {
		return err
	}
	if err := channel.Confirm(false); err != nil {
		return err
	}
	// A return comes before its message's confirm, so that none is left to come when all are confirmed.
	returns := channel.NotifyReturn(make(chan amqp.Return, window))
	inFlight := make(chan published, window)
	bytesInFlight := 0
	awaitOldest := func() error {
		oldest := <-inFlight
		bytesInFlight -= oldest.size
		if !oldest.confirmation.Wait() {
			return errors.New("a message was nacked")
		}
		return nil
	}

	lines := bufio.NewReaderSize(input, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			break
		} else if err != nil && err != io.EOF {
			return err
		}
		body := bytes.TrimSuffix(line, []byte("\n"))
		for len(inFlight) == window || len(inFlight) > 0 && bytesInFlight+len(body) > windowBytes {
			if err := awaitOldest(); err != nil {
				return err
			}
		}
		confirmation, err := channel.PublishWithDeferredConfirm("", queue, true, false, amqp.Publishing{Body: body})
		if err != nil {
			return err
		}
		inFlight <- published{confirmation, len(body)}
		bytesInFlight += len(body)
	}
	for len(inFlight) > 0 {
		if err := awaitOldest(); err != nil {
			return err
		}
	}
	if len(returns) > 0 {
		return errors.New("a message was returned")
	}
	return nil
}
