// The core of the contract of one transformer: connect, echo, reconnect, end. Runs on any runtime with the built package, and prints `ok`.
import { createServer } from 'node:http';
import { Primus } from 'primus-rx';

const [transformer] = process.argv.slice(2);

/** Ends what hangs, and says where. */
let step = 'start';
const deadline = setTimeout(() => fail(new Error('nothing happens')), 20_000);

function fail(error) {
  console.log(`${step}: ${error.code ?? ''} ${error.message}`);
  process.exit(1);
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

const once = (emitter, event) => new Promise((resolve) => emitter.once(event, resolve));

const http = createServer();
const primus = new Primus(http, { transformer });
primus.on('connection', (spark) => spark.on('data', (data) => spark.write({ echo: data })));
step = 'listen';
http.listen(0, '127.0.0.1');
await once(http, 'listening');

step = 'connect';
const client = new primus.Socket(`http://127.0.0.1:${http.address().port}`, { reconnect: { min: 10, max: 100 } });
client.on('error', fail);
await once(client, 'open');

step = 'echo';
for (const message of ['hello', 'é ü 漢 🎉', { a: [null, 1.5] }, 'x'.repeat(100_000)]) {
  client.write(message);
  const { echo } = await once(client, 'data');
  if (JSON.stringify(echo) !== JSON.stringify(message)) fail(new Error(`got ${JSON.stringify(echo).slice(0, 60)}`));
}

step = 'reconnect';
const reconnected = once(client, 'reconnected');
const closed = once(client, 'close');
primus.forEach((spark) => {
  spark.end(undefined, { reconnect: true });
});
await closed;
client.write('written meanwhile');
const [, answer] = await Promise.all([reconnected, once(client, 'data')]);
if (answer.echo !== 'written meanwhile') fail(new Error('the buffered message is lost'));

step = 'end';
const disconnected = once(primus, 'disconnection');
client.end();
await disconnected;

step = 'destroy';
await new Promise((resolve) => primus.destroy({}, resolve));
clearTimeout(deadline);
console.log('ok');
// A runtime may keep a socket of its own.
setTimeout(() => process.exit(0), 100).unref?.();
