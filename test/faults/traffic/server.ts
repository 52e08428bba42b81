// The server of the traffic program, in a process of its own.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Primus, { type ServerOptions, type Spark } from 'primus-rx';
import { answerCalls } from '../child.js';
import { Journal, type Report } from './journal.js';
import { type Message, Sender } from './messages.js';

export interface TrafficServerSettings {
  options: ServerOptions;
  seed: number;
}

const { options, seed } = JSON.parse(process.argv[2] as string) as TrafficServerSettings;
const server = createServer();
const primus = new Primus(server, options);
/** That of the latest connection, while it is there. */
let current: Spark | undefined;
let connections = 0;
const sender = new Sender(seed, () => current);
const journal = new Journal(seed, () => sender.written);

primus.on('connection', (spark: Spark) => {
  current = spark;
  connections++;
  spark.resume$.subscribe((resume) => journal.resume(resume));
  spark.on('error', () => {});
  spark.on('data', (message: Message) => journal.receive(message));
  spark.on('end', () => {
    if (current === spark) current = undefined;
  });
});

const methods = {
  async listen(): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },
  send: (count: number, ms: number): Promise<void> => sender.send(count, ms),
  written: () => sender.written,
  last: () => journal.last,
  report: (): Report & { written: number; connections: number } => ({ ...journal.report(), written: sender.written, connections }),
};

export type TrafficServerMethods = typeof methods;

answerCalls(methods);
