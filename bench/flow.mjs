// Pipes much data through one connection to a reader that is slow, each way, with server and client in processes of their own, and reports how
// much the memory of both grows. Run it by hand after `npm run build`:
//   node --expose-gc bench/flow.mjs [--megabytes 1000] [--transformers websockets,engine.io,uws] [--mark 262144]
// Fails when one of them grows, or the writer buffers, more than twice the mark and 1 MB.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Primus from 'primus-rx';
import { flow } from 'primus-rx/flow';

const MEGABYTE = 1_000_000;
/** The length of a message. */
const CHUNK = 50_000;
/** The messages before the memory is measured: compilers and pools have what they take by then. */
const WARM_UP = 1_000;
/** The reader rests for a millisecond after so many messages. */
const BETWEEN = 4;

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1000' },
    transformers: { type: 'string', default: 'websockets,engine.io,uws' },
    mark: { type: 'string', default: '262144' },
    child: { type: 'string' },
  },
});
const highWaterMark = Number(values.mark);
const count = Math.round((Number(values.megabytes) * MEGABYTE) / CHUNK);

if (values.child) await serve(values.child);
else await measureAll();

/** The memory in use, after a collection: the second one frees what the first one finalized. */
async function used() {
  gc();
  await turn();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Measures the memory at steps of messages. */
function meter() {
  const step = Math.max(1, Math.floor(count / 100));
  let messages = 0;
  let base = 0;
  let most = 0;
  return {
    async message() {
      messages += 1;
      if (messages === WARM_UP) base = await used();
      if (messages > WARM_UP && messages % step === 0) most = Math.max(most, (await used()) - base);
    },
    get growth() {
      return most;
    },
  };
}

/** Writes all messages, as fast as the peer takes them. */
async function write(end) {
  const growth = meter();
  const chunk = 'x'.repeat(CHUNK);
  let written = 0;
  let buffered = 0;
  const source = new ReadableStream(
    {
      async pull(controller) {
        buffered = Math.max(buffered, end.bufferedAmount);
        if (written++ === WARM_UP + count) return controller.close();
        await growth.message();
        // A string of its own, as a source would make it.
        controller.enqueue(written + chunk);
      },
    },
    { highWaterMark: 0 },
  );
  await source.pipeTo(end.writable, { preventClose: true });
  return { growth: growth.growth, buffered };
}

/** Reads all messages, slowly. */
async function read(end) {
  const growth = meter();
  let messages = 0;
  for await (const message of end) {
    messages += 1;
    if (Number.parseInt(message, 10) !== messages) throw new Error(`Message ${messages} is missing`);
    await growth.message();
    if (messages === WARM_UP + count) break;
    if (messages % BETWEEN === 0) await sleep(1);
  }
  return { growth: growth.growth };
}

/** The server, in a process of its own. */
async function serve(transformer) {
  const server = createServer();
  const primus = new Primus(server, { transformer, maxBuffer: 8 * highWaterMark });
  primus.on('connection', async (spark) => {
    const end = flow(spark, { highWaterMark });
    process.send(await (spark.query.way === 'up' ? read(end) : write(end)));
  });
  server.listen(0);
  await once(server, 'listening');
  process.send(server.address().port);
  await once(process, 'disconnect');
  primus.destroy();
}

async function measure(transformer, way) {
  const child = fork(new URL(import.meta.url), ['--child', transformer, ...process.argv.slice(2)], { execArgv: ['--expose-gc'] });
  const [port] = await once(child, 'message');
  const Socket = Primus.createSocket({ transformer });
  const client = new Socket(`http://127.0.0.1:${port}?way=${way}`);
  const failed = new Promise((_, reject) => client.on('close', () => reject(new Error('The connection was lost'))));
  const end = flow(client, { highWaterMark });
  const start = performance.now();
  try {
    const both = Promise.all([way === 'up' ? write(end) : read(end), once(child, 'message')]);
    const [ofClient, [ofServer]] = await Promise.race([both, failed]);
    return { seconds: (performance.now() - start) / 1000, client: ofClient, server: ofServer };
  } finally {
    client.destroy();
    child.disconnect();
  }
}

async function measureAll() {
  const limit = 2 * highWaterMark + MEGABYTE;
  const table = [];
  for (const transformer of values.transformers.split(',')) {
    for (const way of ['down', 'up']) {
      // uWebSockets.js cannot stop reading: a server on it ends the connection when `maxBuffer` is exceeded.
      if (transformer === 'uws' && way === 'up') continue;
      const { seconds, client, server } = await measure(transformer, way);
      const writer = way === 'up' ? client : server;
      table.push({
        transformer,
        way,
        megabytes: (count * CHUNK) / MEGABYTE,
        seconds: Number(seconds.toFixed(1)),
        'most buffered': writer.buffered,
        'growth of client': client.growth,
        'growth of server': server.growth,
        limit,
      });
      // What an engine of its own buffers is in no figure of V8.
      if (Math.max(client.growth, server.growth, writer.buffered) > limit) process.exitCode = 1;
    }
  }
  console.table(table);
}
