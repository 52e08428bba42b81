import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { dropped } from '../../src/core/errors.js';
import { Primus } from '../../src/index.js';
import { reject } from '../../src/server/http/reject.js';
import { Child } from '../faults/child.js';
import { watchForCrashes } from '../server/crashes.js';
import { cleanup } from '../support/serve.js';
import type { StormMethods, StormReport, StormSettings } from './storm-clients.js';

/** How many times the mean a tenth of the time may have: of 150 random delays, one storm in 50,000 has more. */
const HIGHEST_PEAK = 2.5;

/** The same of delays that are the sum of two random ones, which are more often in the middle: one in 20 has more than 2.5. All at once would be 10. */
const HIGHEST_PEAK_OF_SUMS = 3.6;

/** `CLIENTS=5000 npx vitest run test/transformers/storm.test.ts --testTimeout 900000` runs it as large as a production server. */
const CLIENTS = Number(process.env.CLIENTS ?? 150);

/** The processes of the clients, one more for each so many: a client of a session over HTTP has up to three descriptors. */
const PER_PROCESS = 1_000;
const PROCESSES = Math.max(2, Math.ceil(CLIENTS / PER_PROCESS));

/** How many clients begin to connect before the next ones do. */
const BATCH = 100;

/** Waits for a condition. How long many clients take depends on the machine: only the time-out of the test is a limit. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(20);
}

/** The program of the clients, which runs the built package. */
const PROGRAM = resolve('dist/storm/clients.mjs');

/** Clients in several processes, which end with the test. */
class Clients {
  private readonly children: Child<StormMethods>[];

  constructor(settings: StormSettings) {
    this.children = Array.from({ length: PROCESSES }, () => new Child<StormMethods>(pathToFileURL(PROGRAM).href, settings));
    cleanup(async () => void (await Promise.all(this.children.map((child) => child.stop()))));
  }

  /** Opens all clients. */
  async open(): Promise<void> {
    for (let dialled = 0, turn = 0; dialled < CLIENTS; dialled += BATCH, turn++) {
      const batch = Math.min(BATCH, CLIENTS - dialled);
      await this.children[turn % PROCESSES]?.call('dial', batch);
      await until(async () => (await this.count()).open === dialled + batch);
    }
  }

  async begin(): Promise<void> {
    await Promise.all(this.children.map((child) => child.call('begin')));
  }

  /** The sums of what the processes count. */
  async count(): Promise<{ open: number; ended: number; scheduled: [number, number] }> {
    const sum = { open: 0, ended: 0, scheduled: [0, 0] as [number, number] };
    for (const { open, ended, scheduled } of await Promise.all(this.children.map((child) => child.call('count')))) {
      sum.open += open;
      sum.ended += ended;
      sum.scheduled = [sum.scheduled[0] + scheduled[0], sum.scheduled[1] + scheduled[1]];
    }
    return sum;
  }

  async report(): Promise<StormReport[]> {
    return (await Promise.all(this.children.map((child) => child.call('report')))).flat();
  }
}

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
  server.listen(0, '127.0.0.1', 4_096);
  await once(server, 'listening');
  const clients = new Clients({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, transformer });
  await clients.open();
  await until(() => primus.connected === CLIENTS);
  await clients.begin();
  const terminate = () => {
    // A session over HTTP survives the loss of a TCP connection.
    primus.forEach((spark) => {
      spark.connection.terminate(dropped());
    });
    for (const socket of sockets) socket.destroy();
  };
  return { primus, clients, terminate };
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

beforeAll(async () => {
  await build({
    entryPoints: ['test/transformers/storm-clients.ts'],
    outfile: PROGRAM,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
  });
});

describe.each(['websockets', 'engine.io', 'sockjs'])(`${CLIENTS} clients of %s`, (transformer) => {
  watchForCrashes();

  it('reconnect after they were terminated at once, at a rate that has no peak', async ({ annotate }) => {
    const { primus, clients, terminate } = await storming(transformer);
    const began = performance.now();
    terminate();
    await until(async () => (await clients.count()).scheduled[0] === CLIENTS);
    await until(async () => primus.connected === CLIENTS && (await clients.count()).open === CLIENTS);
    const delays = (await clients.report()).map(({ delays }) => delays[0] as number);
    await annotate(`all back after ${Math.round(performance.now() - began)} ms, peak ${peakOf(delays).toFixed(2)} x mean`);
    expect(delays).toHaveLength(CLIENTS);
    expect(peakOf(delays)).toBeLessThanOrEqual(HIGHEST_PEAK);
  });

  it('follow the Retry-After of a server that rejects them all, spread over half of it and the jitter', async () => {
    const { primus, clients, terminate } = await storming(transformer);
    let rejected = 0;
    const busy = (_request: IncomingMessage, response: ServerResponse, _next: () => void) => {
      rejected++;
      reject(response, { status: 503, headers: { 'Retry-After': '3' } });
    };
    primus.use('busy', busy, undefined, 0);
    terminate();
    await until(async () => (await clients.count()).scheduled[1] === CLIENTS);
    primus.remove('busy');
    const before = rejected;
    await until(() => primus.connected === CLIENTS);
    const delays = (await clients.report()).map(({ delays }) => delays[1] as number);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(3_500);
    expect(Math.max(...delays)).toBeLessThanOrEqual(3_000 + 1_500 + 2_000);
    expect(peakOf(delays)).toBeLessThanOrEqual(HIGHEST_PEAK_OF_SUMS);
    expect(rejected).toBe(before);
  });

  it('end, and say why, when the server rejects them all with 401', async () => {
    const { primus, clients, terminate } = await storming(transformer);
    let asked = 0;
    primus.authorize((_request, done) => {
      asked++;
      done({ statusCode: 401, message: 'log in again' });
    });
    terminate();
    await until(async () => (await clients.count()).ended === CLIENTS);
    const reports = await clients.report();
    const final = { state: 'closed', by: 'failure', cause: { status: 401, reason: 'log in again' } };
    expect(reports).toMatchObject(reports.map(() => final));
    expect(reports.map(({ statuses }) => statuses.filter((status) => status === 401))).toEqual(reports.map(() => [401]));
    const before = asked;
    await clients.count();
    expect(asked).toBe(before);
  });
});
