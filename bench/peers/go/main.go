// The peer written in Go that scripts/bench measures, with the broker of AMQP_URL.
//
//	amqp091-go send QUEUE < LINES
//	amqp091-go receive QUEUE COUNT auto|acked > LINES
package main

import (
	"fmt"
	"os"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"
)

func run(arguments []string) error {
	connection, err := amqp.Dial(os.Getenv("AMQP_URL"))
	if err != nil {
		return err
	}
	channel, err := connection.Channel()
	if err != nil {
		return err
	}
	switch {
	case len(arguments) == 2 && arguments[0] == "send":
		err = send(channel, arguments[1], os.Stdin)
	case len(arguments) == 4 && arguments[0] == "receive":
		var count int
		if count, err = strconv.Atoi(arguments[2]); err == nil {
			err = receive(channel, arguments[1], count, arguments[3] == "acked", os.Stdout)
		}
	default:
		err = fmt.Errorf("send QUEUE, or receive QUEUE COUNT auto|acked?")
	}
	if err != nil {
		return err
	}
	if err = channel.Close(); err != nil {
		return err
	}
	return connection.Close()
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "amqp091-go:", err)
		os.Exit(1)
	}
}
