// The server under attack, in a process of its own: its end is a crash, and nothing else uses its event loop.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import Primus, { type ServerOptions } from 'primus-rx';
import { answerCalls } from '../child.js';
import { type ApplicationSettings, counters, runApplication } from './application.js';
import { LoopMonitor } from './loop.js';

export interface ServerSettings {
  options: ServerOptions;
  application: ApplicationSettings;
}

const { options, application } = JSON.parse(process.argv[2] as string) as ServerSettings;
const server = createServer();
const primus = new Primus(server, options);
runApplication(primus, application);
const monitor = new LoopMonitor();

const methods = {
  /** Starts to listen; the port. */
  async listen(): Promise<number> {
    server.listen(0, '127.0.0.1', 4_096);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },

  /** The longest stall of the event loop since the last call, in ms. */
  stall: () => monitor.take(),

  counters: () => counters,

  /** The number of open connections. */
  connected: () => primus.connected,

  /** Bytes of the heap and beside it after a garbage collection, and the number of open descriptors. */
  async usage(): Promise<{ heap: number; descriptors: number }> {
    for (let turn = 0; turn < 3; turn++) {
      await pause(5);
      globalThis.gc?.();
    }
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    return { heap: heapUsed + external + arrayBuffers, descriptors: readdirSync('/proc/self/fd').length };
  },

  /** Broadcasts messages of `size` bytes at a rate, in bytes a second, for a time in ms. */
  async broadcast(rate: number, size: number, duration: number): Promise<void> {
    const begin = performance.now();
    let sent = 0;
    for (let now = 0; now < duration; now = performance.now() - begin) {
      // At most a tenth of a second at once, should the loop have stood still.
      const due = Math.min((now * rate) / 1_000, sent + rate / 10);
      for (; sent < due; sent += size) primus.write('x'.repeat(size - 12) + String(sent).padStart(12));
      await pause(5);
      // Node.js runs timers that are due again before it reads any socket, for ever when the machine is busy.
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
};

export type ServerMethods = typeof methods;

answerCalls(methods);
