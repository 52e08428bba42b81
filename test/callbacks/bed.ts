import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ClientOptions, Primus, type ServerOptions, type Spark } from '../../src/index.js';
import { LIMIT, until } from '../support/wait.js';

type Client = InstanceType<Primus['Socket']>;

/** Time-outs that a function which never answers meets. */
const TIMEOUTS = { connectionTimeout: 40, authorizationTimeout: 40, pingInterval: 1_000 };

/** Whether a message is one of the innocent client: no failing function touches it. */
export function isInnocent(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'innocent' in data;
}

/** Resolves when `run` calls back; rejects when it takes too long. */
export async function promised(what: string, run: (done: () => void) => void): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await new Promise<void>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Not within ${LIMIT} ms: ${what}`)), LIMIT);
    run(resolve);
  });
  clearTimeout(timer);
}

/** A server, with an innocent client whose messages it echoes. */
export class Bed {
  readonly primus: Primus;
  readonly url: string;
  /** The failures that were reported: as errors, as entries of the log, or to the caller. */
  readonly reports: unknown[] = [];
  private readonly innocent: Client;
  private readonly guilty = new Set<Client>();
  private readonly heard: boolean;
  private count = 0;
  /** The client that `connect` created last. */
  last: Client | undefined;

  private constructor(primus: Primus, url: string, innocent: Client, heard: boolean) {
    this.primus = primus;
    this.url = url;
    this.innocent = innocent;
    this.heard = heard;
  }

  /** @param heard whether there are listeners for errors and the log */
  static async make(options: ServerOptions, heard: boolean, before: (primus: Primus) => void = () => {}): Promise<Bed> {
    const http = createServer();
    const primus = new Primus(http, { ...TIMEOUTS, ...options });
    before(primus);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const serve = (spark: Spark) => {
      if (spark.query.innocent) spark.on('data', (data) => spark.write(data));
    };
    primus.on('connection', serve);
    const innocent = new primus.Socket(`${url}?innocent=1`, { strategy: false });
    const bed = new Bed(primus, url, innocent, heard);
    if (heard) primus.on('log', (...values) => bed.reports.push(values));
    await once(innocent as never, 'open');
    return bed;
  }

  /** Another client, and its spark once it has one. */
  async connect(
    options: ClientOptions = {},
    Socket: Primus['Socket'] = this.primus.Socket,
  ): Promise<{ client: Client; spark: Spark | undefined }> {
    const id = String(++this.count);
    const client = new Socket(`${this.url}?guilty=${id}`, { strategy: false, timeout: 500, ...options });
    this.guilty.add(client);
    this.last = client;
    if (this.heard) client.on('error', (error) => this.reports.push(error));
    await promised(`client ${id} opens or ends`, (done) => void client.once('open', done).once('end', done));
    const spark = Object.values(this.primus.connections).find(({ query }) => query.guilty === id);
    if (this.heard) spark?.on('error', (error) => this.reports.push(error));
    return { client, spark };
  }

  /** Calls something; what it throws, the caller of the library gets. */
  call(run: () => unknown): void {
    try {
      run();
    } catch (thrown) {
      this.reports.push(['thrown', thrown]);
    }
  }

  /** Has the innocent client served. What was under way before has arrived by then. */
  async echo(): Promise<void> {
    const innocent = ++this.count;
    let served = () => {};
    const listener = (data: { innocent?: number }) => data.innocent === innocent && served();
    this.innocent.on('data', listener);
    await promised('the innocent client is served', (done) => {
      served = done;
      this.innocent.write({ innocent });
    });
    this.innocent.removeListener('data', listener);
  }

  /** Ends the guilty clients. Resolves when the server has only the innocent one. */
  async clear(): Promise<void> {
    for (const client of this.guilty) client.destroy();
    this.guilty.clear();
    await until(() => this.primus.connected <= 1);
  }

  /** Returns the number of connections that are left. */
  async leave(): Promise<number> {
    for (const client of this.guilty) client.destroy();
    this.innocent.destroy();
    this.primus.auth = null;
    await promised('the server is destroyed', (done) => void this.primus.destroy({}, done));
    return Object.keys(this.primus.connections).length + this.primus.connected;
  }
}
