import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { dropped } from '../../src/core/errors.js';
import { Primus, type ServerOptions } from '../../src/index.js';

export { event, eventually, LIMIT, until } from './wait.js';

type Client = InstanceType<Primus['Socket']>;
type ClientOptions = ConstructorParameters<Primus['Socket']>[1];

export interface Served {
  primus: Primus;
  server: Server;
  port: number;
  url: string;
  /** A client of this server; destroyed after the test. */
  connect(options?: ClientOptions, query?: string): Client;
}

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Something to undo after the test, last first. */
export function cleanup(undo: () => unknown): void {
  cleanups.push(undo);
}

/**
 * Has a server answer some requests, each on a connection of its own. What had reached it before, or the client that shares this process,
 * has been dealt with by then.
 */
export async function roundTrips(url: string): Promise<void> {
  for (let count = 0; count < 5; count++) await (await fetch(`${url}/primus/spec`, { headers: { connection: 'close' } })).text();
}

/** The next request that reaches a server, once its turn is over. Listeners of `request` are not called for requests to Primus. */
export function requested(server: Server): Promise<IncomingMessage> {
  const emit = server.emit as (name: string, ...args: unknown[]) => boolean;
  return new Promise((resolve) => {
    server.emit = (name: string, ...args: unknown[]) => {
      if (name === 'request') {
        server.emit = emit;
        setImmediate(() => resolve(args[0] as IncomingMessage));
      }
      return emit.call(server, name, ...args);
    };
  });
}

/** A server on a free port, and clients for it; all of it is gone after the test. */
export async function serve(options: ServerOptions = {}, { port = 0, host = '127.0.0.1' } = {}): Promise<Served> {
  const server = createServer();
  const primus = new Primus(server, options);
  server.listen(port, host);
  await once(server, 'listening');
  const { port: at } = server.address() as AddressInfo;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${at}`;
  cleanup(() => {
    // A test that polls by hand fetches no more messages of its sessions.
    primus.forEach((spark) => {
      spark.connection.terminate(dropped());
    });
    return new Promise<void>((resolve) => primus.destroy({}, resolve));
  });
  return {
    primus,
    server,
    port: at,
    url,
    connect(clientOptions = {}, query = '') {
      const transport = { ...(options.transport as object), ...(clientOptions.transport as object) };
      const client = new primus.Socket(url + query, { ...clientOptions, transport });
      cleanup(() => client.destroy());
      return client;
    },
  };
}
