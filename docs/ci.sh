#!/bin/bash
# A CI job with send and receive on the broker of AMQP_URL: waits for it, sends, receives, compares, and looks at exit
# codes. Both programs have to be in PATH. Ends with 0 only if everything came out as it should; ci.md explains it.
set -euo pipefail

# expect CODE COMMAND...: the command has to end with that exit code.
expect() {
    local -i code=0
    "${@:2}" || code=$?
    if ((code != $1)); then
        echo "exit code $code instead of $1: ${*:2}" >&2
        exit 1
    fi
}

send --check --retry-for 60

# A queue of this run's own, which the broker deletes when nobody has used it for ten minutes.
queue=ci-$(</proc/sys/kernel/random/uuid)
receive --quiet --queue "$queue" --durable --queue-arg x-expires:int=600000 --count 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo 'Lines come back as they were sent.'
seq 1000 >sent.txt
send --queue "$queue" --lines <sent.txt
receive --queue "$queue" --count 1000 --timeout 30 --format lines >received.txt
diff sent.txt received.txt

echo 'So does a file, byte for byte, with its properties.'
head -c 100000 /dev/urandom >sent.bin
send --quiet --queue "$queue" --file sent.bin --content-type application/octet-stream --message-id 1
receive --queue "$queue" --count 1 --timeout 30 --format json >record.json
send --quiet --queue "$queue" --json <record.json
receive --queue "$queue" --count 1 --timeout 30 --format raw >received.bin
cmp sent.bin received.bin
grep -q '"message_id":"1"' record.json

echo 'What goes wrong has its exit code.'
expect 2 receive --queue "$queue" --count 1 --timeout 1
send --queue "$queue" one
expect 3 receive --queue "$queue" --count 2 --timeout 1
expect 4 send --queue "$queue.missing" --no-declare lost
expect 65 send --queue "$queue" --json <<<'no record'
expect 69 send --check --port 1
expect 77 send --check --user nobody

echo 'All is well.'
