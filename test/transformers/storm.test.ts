import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { dropped } from '../../src/core/errors.js';
import { Primus, type ReconnectAttempt } from '../../src/index.js';
import { reject } from '../../src/server/http/reject.js';
import { watchForCrashes } from '../server/crashes.js';
import { cleanup, event, until } from '../support/serve.js';

/** How many times the mean a tenth of the time may have: of 150 random delays, one in a million storms has more. */
const HIGHEST_PEAK = 2.5;

/** `CLIENTS=5000 npx vitest run test/transformers/storm.test.ts` runs it as large as a production server. */
const CLIENTS = Number(process.env.CLIENTS ?? 150);

/** How many clients begin to connect before the next ones do. */
const BATCH = 100;

type Socketed = InstanceType<Primus['Socket']>;

/** A server whose connections can be terminated all at once, and its clients, which are open. */
async function storming(transformer: string) {
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const primus = new Primus(server, { transformer });
  cleanup(() => new Promise<void>((resolve) => primus.destroy(resolve)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients: Socketed[] = [];
  cleanup(() => {
    for (const client of clients) client.destroy();
  });
  while (clients.length < CLIENTS) {
    const batch = Array.from({ length: Math.min(BATCH, CLIENTS - clients.length) }, () => new primus.Socket(url));
    clients.push(...batch);
    await Promise.all(batch.map((client) => event(client, 'open')));
  }
  await until(() => primus.connected === CLIENTS);
  const terminate = () => {
    // A session over HTTP survives the loss of a TCP connection.
    primus.forEach((spark) => {
      spark.connection.terminate(dropped());
    });
    for (const socket of sockets) socket.destroy();
  };
  return { primus, clients, terminate };
}

/** Records the delay of each attempt that a client schedules. */
function delaysOf(clients: readonly Socketed[]): number[] {
  const delays: number[] = [];
  for (const client of clients) client.on('reconnect scheduled', ({ scheduled }: ReconnectAttempt) => delays.push(scheduled));
  return delays;
}

/** The largest number of delays within any tenth of the span from the shortest to the longest, as a multiple of the mean. */
function peakOf(delays: readonly number[]): number {
  const sorted = [...delays].sort((a, b) => a - b);
  const span = (sorted.at(-1) as number) - (sorted[0] as number);
  const width = span / 10;
  let first = 0;
  let most = 0;
  for (const [index, delay] of sorted.entries()) {
    while (delay - (sorted[first] as number) > width) first++;
    most = Math.max(most, index - first + 1);
  }
  return most / (delays.length / 10);
}

describe.each(['websockets', 'engine.io', 'sockjs'])(`${CLIENTS} clients of %s`, (transformer) => {
  watchForCrashes();

  it('reconnect after they were terminated at once, at a rate that has no peak', async ({ annotate }) => {
    const { primus, clients, terminate } = await storming(transformer);
    const delays = delaysOf(clients);
    const closed = Promise.all(clients.map((client) => event(client, 'close')));
    const opened = Promise.all(clients.map((client) => event(client, 'open')));
    const began = performance.now();
    terminate();
    await closed;
    await opened;
    await until(() => primus.connected === CLIENTS);
    await annotate(`all back after ${Math.round(performance.now() - began)} ms, peak ${peakOf(delays).toFixed(2)} x mean`);
    expect(delays.length).toBeGreaterThanOrEqual(CLIENTS);
    expect(peakOf(delays.slice(0, CLIENTS))).toBeLessThanOrEqual(HIGHEST_PEAK);
    expect(clients.every(({ state }) => state.name === 'open')).toBe(true);
  });

  it('follow the Retry-After of a server that rejects them all, spread over half of it and the jitter', async () => {
    const { primus, clients, terminate } = await storming(transformer);
    let rejected = 0;
    const busy = (_request: IncomingMessage, response: ServerResponse, _next: () => void) => {
      rejected++;
      reject(response, { status: 503, headers: { 'Retry-After': '3' } });
    };
    primus.use('busy', busy, undefined, 0);
    const delays: number[] = [];
    const refused = Promise.all(
      clients.map(async (client) => {
        await event(client, 'reconnect');
        const [{ scheduled }] = (await event(client, 'reconnect scheduled')) as [ReconnectAttempt];
        delays.push(scheduled);
      }),
    );
    terminate();
    await refused;
    primus.remove('busy');
    const before = rejected;
    await until(() => primus.connected === CLIENTS);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(3_500);
    expect(Math.max(...delays)).toBeLessThanOrEqual(3_000 + 1_500 + 2_000);
    expect(peakOf(delays)).toBeLessThanOrEqual(HIGHEST_PEAK);
    expect(rejected).toBe(before);
  });

  it('end, and say why, when the server rejects them all with 401', async () => {
    const { primus, clients, terminate } = await storming(transformer);
    let asked = 0;
    primus.authorize((_request, done) => {
      asked++;
      done({ statusCode: 401, message: 'log in again' });
    });
    const errors: unknown[] = [];
    for (const client of clients) client.on('error', (error: unknown) => errors.push(error));
    const ended = Promise.all(clients.map((client) => event(client, 'end')));
    terminate();
    await ended;
    const finals = clients.map((client) => client.state);
    expect(finals).toMatchObject(clients.map(() => ({ name: 'closed', by: 'failure', cause: { status: 401, reason: 'log in again' } })));
    expect(errors.filter((error) => (error as { status?: number }).status === 401)).toHaveLength(CLIENTS);
    const before = asked;
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toBe(before);
  });
});
