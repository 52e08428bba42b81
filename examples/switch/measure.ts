import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Primus from 'primus-rx';
import { firstValueFrom, map, merge, mergeMap, take, tap, timeout, toArray } from 'rxjs';
import { relay } from './relay.js';

/** The measurements of one framework. */
export interface Figures {
  /** Time to open a connection: the median, in ms. */
  connect: number;
  /** Round trip of one message, without others in flight, in µs. */
  median: number;
  p99: number;
  /** Round trips per second with many messages in flight. */
  rate: number;
  /** Bytes of one message and its echo on the network, all protocols above TCP included. `undefined` without a network. */
  bytes: number | undefined;
}

const CONNECTIONS = 10;
const ROUND_TRIPS = 300;
const MESSAGES = 2_000;
const COUNTED = 200;

/** A message of the kind an application sends. */
const message = { type: 'move', id: 17, x: 12.5, y: -3, name: 'ada', tags: ['a', 'b'], done: false };

type Client = InstanceType<Primus['Socket']>;

/** Runs the same work on any framework. Only the byte count depends on it: `memory` has no network. */
export async function measure(transformer: string, parser: string): Promise<Figures> {
  const primus = Primus.createServer({ transformer, parser, port: 0, host: '127.0.0.1', pingInterval: false, iknowhttpsisbetter: true });
  const clients: Client[] = [];
  const dial = async (url: string): Promise<Client> => {
    const client = new primus.Socket(url, { strategy: false });
    clients.push(client);
    await opened(client);
    return client;
  };
  primus.connection$.pipe(mergeMap((spark) => spark.data$.pipe(tap((data) => spark.write(data))))).subscribe();
  try {
    const server = primus.server as Server;
    if (!server.listening) await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;

    const connects: number[] = [];
    for (let count = 0; count < CONNECTIONS; count++) connects.push(await timed(() => dial(url)));
    const client = await dial(url);
    // Once for those who change to a better way after they have opened, and for the compiler.
    await echoes(client, MESSAGES);
    const trips: number[] = [];
    for (let count = 0; count < ROUND_TRIPS; count++) trips.push(await timed(() => echoes(client, 1)));
    const rate = MESSAGES / ((await timed(() => echoes(client, MESSAGES))) / 1000);
    const bytes = transformer === 'memory' ? undefined : await counted(port, dial);
    return { connect: quantile(connects, 0.5), median: quantile(trips, 0.5) * 1000, p99: quantile(trips, 0.99) * 1000, rate, bytes };
  } finally {
    for (const client of clients) client.destroy();
    await primus[Symbol.asyncDispose]();
  }
}

/** Resolves when the client is open, rejects with its error. */
function opened(client: Client): Promise<void> {
  const failed$ = client.error$.pipe(
    map((error) => {
      throw error;
    }),
  );
  return firstValueFrom(merge(client.open$, failed$));
}

/** Writes so many messages at once; resolves when all echoes have arrived. */
async function echoes(client: Client, count: number): Promise<void> {
  const all = firstValueFrom(client.data$.pipe(take(count), toArray(), timeout(20_000)));
  for (let written = 0; written < count; written++) client.write(message);
  await all;
}

/** Bytes per message, counted by a relay. Messages go one at a time: a busy framework may put several in one packet. */
async function counted(port: number, dial: (url: string) => Promise<Client>): Promise<number> {
  const counter = await relay(port);
  try {
    const client = await dial(counter.url);
    await echoes(client, COUNTED);
    const before = counter.bytes();
    for (let count = 0; count < COUNTED; count++) await echoes(client, 1);
    return (counter.bytes() - before) / COUNTED;
  } finally {
    counter.close();
  }
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] as number;
}
