import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type NetConnectOpts, type Socket } from 'node:net';
import WebSocket from 'ws';
import { until } from '../../support/wait.js';

// biome-ignore lint/suspicious/noExplicitAny: the original has no types, and these scenarios run with both.
export type Any = any;

/** A defect of 8.0.9, as a scenario that runs with this package and with the original. */
export interface Defect {
  /** The number in the list of the original's defects, with a letter where a defect has several causes. */
  readonly no: string;
  readonly name: string;
  /** Uses the API that both have in common, and returns the outcome. */
  readonly scenario: (stage: Stage) => Promise<unknown>;
  /** The outcome with this package. */
  readonly ours: unknown;
  /** The outcome with 8.0.9; a pattern for what it writes to stderr if it crashes. */
  readonly original: unknown;
}

/** The package whose server and clients a scenario runs with. */
export type Make = 'ours' | 'original';

export interface Played {
  primus: Any;
  http: Server;
  port: number;
  url: string;
  /** A client of the same package as the server. */
  connect(options?: object): Any;
}

/** Runs a scenario with servers and clients of one package, which are all closed at its end. */
export class Stage {
  private readonly undo: (() => unknown)[] = [];
  /** The constructor of servers. */
  readonly Primus: Any;
  readonly make: Make;

  constructor(make: Make, Primus: Any) {
    this.make = make;
    this.Primus = Primus;
  }

  /** A Primus server on an HTTP server, which need not listen. */
  create(http: Server, options: object = {}): Any {
    const primus = new this.Primus(http, { transformer: 'websockets', ...options });
    const sockets = new Set<Socket>();
    http.on('connection', (socket) => sockets.add(socket));
    this.undo.push(() => {
      primus.destroy({ close: http.listening });
      // Some scenarios leave connections that a server would wait for.
      for (const socket of sockets) socket.destroy();
    });
    return primus;
  }

  async serve(options: object = {}): Promise<Played> {
    const http = createServer();
    const primus = this.create(http, options);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const { port } = http.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    const connect = (clientOptions: object = {}) => {
      const client = new primus.Socket(url, { reconnect: { min: 5, max: 20 }, ...clientOptions });
      this.undo.push(() => client.destroy());
      return client;
    };
    return { primus, http, port, url, connect };
  }

  /** A spark and its client, which is open. */
  async pair(options: object = {}, clientOptions: object = {}): Promise<Played & { spark: Any; client: Any }> {
    const played = await this.serve(options);
    const announced = once(played.primus, 'connection');
    const client = played.connect(clientOptions);
    const [spark] = (await Promise.all([announced, once(client, 'open')]))[0];
    return { ...played, spark, client };
  }

  /** A plain WebSocket: open, or closed if it was rejected. */
  async stranger(port: number, { headers, pathname = '/primus' }: { headers?: object; pathname?: string } = {}): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${pathname}`, { headers } as object);
    socket.on('error', () => {});
    this.undo.push(() => socket.terminate());
    await new Promise((resolve) => socket.on('open', resolve).on('close', resolve));
    return socket;
  }

  /** A TCP connection that has sent this. */
  async raw(port: number, bytes: string, options: Partial<NetConnectOpts> = {}): Promise<Socket> {
    const socket = connect({ port, host: '127.0.0.1', ...options } as NetConnectOpts);
    socket.on('error', () => {});
    this.undo.push(() => socket.destroy());
    await once(socket, 'connect');
    socket.write(bytes);
    return socket;
  }

  /** Returns the answer of a server, up to its close. */
  async answer(port: number, bytes: string): Promise<string> {
    const socket = await this.raw(port, bytes);
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    await once(socket, 'close');
    return text;
  }

  /** Whether a condition becomes true. With one package it must; with the other it has not yet when the control ends. */
  async holds(condition: () => boolean, expected: Make, control: () => Promise<unknown>): Promise<boolean> {
    if (this.make === expected) await until(condition);
    else await control();
    return condition();
  }

  /** Has something undone at the end. */
  cleanup(undo: () => unknown): void {
    this.undo.push(undo);
  }

  async leave(): Promise<void> {
    for (const undo of this.undo.splice(0).reverse()) await undo();
  }
}

/** A request for an upgrade to WebSockets. */
export function upgrade(target = '/primus', headers = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`;
}

export function request(target: string, headers = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`;
}

/** Waits for a fixed time: for a failure of the original, or for a timer that the scenario tests. Everything else is awaited. */
export async function pause(ms: number): Promise<void> {
  // In steps: when the machine stalls, what takes several timers must not be overtaken by one.
  const steps = Math.min(Math.max(Math.ceil(ms), 1), 20);
  for (let step = 0; step < steps; step++) await new Promise((resolve) => setTimeout(resolve, Math.ceil(ms / steps)));
}
