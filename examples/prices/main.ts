// A server with 1,000 prices a second, and a reader that takes ten: `node dist/examples/prices/main.js`, for so many seconds (10).
// With --expose-gc the memory is that in use.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import Primus from 'primus-rx';
import { Primus as Client } from 'primus-rx/client';
import { type Price, price$, publish, readLatest } from './prices.js';

const seconds = Number(process.argv[2] ?? 10);

const server = createServer();
const primus = new Primus(server);
publish(primus);
await once(server.listen(0), 'listening');

const client = new Client<Price>(`http://localhost:${(server.address() as AddressInfo).port}`);
let made = 0;
let taken = 0;
let oldest = 0;
price$.subscribe(() => made++);
readLatest(client, async ({ at }) => {
  taken++;
  oldest = Math.max(oldest, Date.now() - at);
  await sleep(100);
}).subscribe();
await once(client, 'open');

const memory: number[] = [];
for (let second = 0; second < seconds; second++) {
  await sleep(1_000);
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  memory.push(heapUsed + external);
  console.log(`${made} prices made, ${taken} taken, the oldest ${oldest} ms old, ${((heapUsed + external) / 1e6).toFixed(1)} MB`);
}
console.log(JSON.stringify({ made, taken, oldest, growth: Math.max(...memory.slice(-3)) - Math.max(...memory.slice(1, 4)) }));
client.destroy();
await primus.destroy({ close: true });
process.exit();
