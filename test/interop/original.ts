import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { freePort } from '../../scripts/ports.mjs';
import { Primus } from '../../src/index.js';
import { cleanup, until } from '../support/serve.js';

// biome-ignore lint/suspicious/noExplicitAny: the original has no types.
export type Any = any;

/** The original, 8.0.9. */
export const Original: Any = createRequire(import.meta.url)('primus');

export interface Make {
  /** Makes a server on an HTTP server. */
  server: (http: Any, options: Record<string, unknown>) => Any;
  /** A class of clients for it. */
  socket: (options: Record<string, unknown>) => Any;
}

export const ours: Make = {
  server: (http, options) => new Primus(http, options),
  socket: (options) => Primus.createSocket(options),
};

export const theirs: Make = {
  server: (http, options) => new Original(http, known(options)),
  socket: (options) => Original.createSocket(known(options)),
};

/** Its own `uws` does not run on a supported Node.js; our server speaks plain WebSocket. */
function known({ transformer = 'websockets', ...options }: Record<string, unknown>) {
  return { ...options, transformer: transformer === 'uws' ? 'websockets' : transformer };
}

/** The pairs of server and client, for each of these transformers. */
export function directions(...transformers: string[]) {
  return transformers.flatMap((transformer) => [
    { transformer, what: 'their client, our server', server: ours, client: theirs },
    { transformer, what: 'our client, their server', server: theirs, client: ours },
  ]);
}

/** Waits while a client with the usual back-off of these tests tries three times to reach a port on which no server listens. */
export async function threeAttempts(): Promise<void> {
  const client = new (ours.socket({ transformer: 'websockets' }))(`http://127.0.0.1:${await freePort()}`, {
    reconnect: { min: 20, max: 50 },
  });
  cleanup(() => client.destroy());
  let attempts = 0;
  client.on('error', () => {}).on('reconnect', () => attempts++);
  await until(() => attempts === 3);
}

/** Starts a server of that package on a free port. */
export async function listening(make: Make, options: Record<string, unknown>) {
  const http = createServer();
  const primus = make.server(http, options);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  cleanup(() => new Promise<void>((resolve) => primus.destroy({ close: true }, resolve)));
  return { http, primus, port: (http.address() as AddressInfo).port };
}
