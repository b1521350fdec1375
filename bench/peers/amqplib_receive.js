// amqplib_receive.js QUEUE COUNT auto|acked > LINES: `acked` has 1,000 prefetched and acks 500 at a time.
'use strict';

const amqp = require('amqplib');
const fs = require('node:fs');

const prefetch = 1000;
const ackedTogether = 500;
const newline = Buffer.from('\n');

function receiveAll(channel, queue, count, acked) {
  return new Promise((resolve, reject) => {
    let received = 0;
    let written = [];

    function flush() {
      fs.writeFileSync(1, Buffer.concat(written));
      written = [];
    }
    function receive(message) {
      if (message === null) return reject(new Error('the broker ended the consumer'));
      written.push(message.content, newline);
      if (++received % ackedTogether === 0 || received === count) {
        flush();
        if (acked) channel.ack(message, true);
      }
      if (received === count) resolve();
    }
    channel.consume(queue, receive, { noAck: !acked }).catch(reject);
  });
}

async function main([queue, count, mode]) {
  const acked = mode === 'acked';
  const connection = await amqp.connect(process.env.AMQP_URL);
  const channel = await connection.createChannel();
  if (acked) await channel.prefetch(prefetch);
  await receiveAll(channel, queue, Number(count), acked);
  await channel.close();  // the connection's close alone may overtake the last acks
  await connection.close();
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`amqplib_receive.js: ${error.message}`);
  process.exit(1);
});
