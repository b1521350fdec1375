// amqplib_send.js QUEUE < LINES: each line a message, mandatory and confirmed, 10,000 in flight.
'use strict';

const amqp = require('amqplib');
const fs = require('node:fs');

const window = 10000;

function readLines() {
  const lines = fs.readFileSync(0, 'latin1').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function publishAll(channel, queue, lines) {
  return new Promise((resolve, reject) => {
    let published = 0;
    let confirmed = 0;
    let full = false;

    function pump() {
      while (!full && published < lines.length && published - confirmed < window) {
        const body = Buffer.from(lines[published++], 'latin1');
        full = !channel.publish('', queue, body, { mandatory: true }, settled);
      }
    }
    function settled(error) {
      if (error) return reject(error);
      if (++confirmed === lines.length) return resolve();
      pump();
    }
    channel.on('drain', () => {
      full = false;
      pump();
    });
    channel.on('return', () => reject(new Error('a message was returned')));
    if (lines.length === 0) resolve();
    pump();
  });
}

async function main([queue]) {
  const lines = readLines();
  const connection = await amqp.connect(process.env.AMQP_URL);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(queue, { durable: false });
  await publishAll(channel, queue, lines);
  await connection.close();
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`amqplib_send.js: ${error.message}`);
  process.exit(1);
});
