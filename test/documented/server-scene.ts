import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { cleanup } from '../support/serve.js';
import { event, until } from '../support/wait.js';
import { type Any, load, type Name, Program } from './program.js';

/** Servers and clients around an example of one package. */
export class Scene {
  readonly name: Name;
  readonly Primus: Any;

  constructor(name: Name) {
    this.name = name;
    this.Primus = load(name);
  }

  program(given: Record<string, unknown> = {}, modules?: Record<string, unknown>): Program {
    return new Program(this.name, { Primus: this.Primus, ...given }, modules);
  }

  /** Has a server of HTTP listen, and end with the test. */
  async listen(http: Any, primus: Any, host = '127.0.0.1'): Promise<string> {
    if (!http.listening) http.listen(0, host);
    await until(() => http.listening);
    this.ends(primus);
    const { port } = http.address() as AddressInfo;
    return `http://${host}:${port}`;
  }

  ends(primus: Any): void {
    cleanup(() => {
      primus.server?.closeAllConnections?.();
      return new Promise<void>((resolve) => primus.destroy({}, resolve));
    });
  }

  async serve(options: object = {}): Promise<{ primus: Any; url: string; http: Any }> {
    const http = createServer();
    const primus = new this.Primus(http, { transformer: 'websockets', ...options });
    return { primus, http, url: await this.listen(http, primus) };
  }

  client(Socket: Any, url: string, options: object = {}): Any {
    const client = new Socket(url, { reconnect: { min: 10, max: 50 }, ...options });
    cleanup(() => client.destroy());
    client.got = [];
    client.seen = [];
    client.on('data', (data: unknown) => client.got.push(data));
    for (const one of ['open', 'end', 'reconnected', 'error']) client.on(one, () => client.seen.push(one));
    return client;
  }

  /** A client of a server that is open, and its spark, whose messages are in `heard`. */
  async pair(primus: Any, url: string, options: object = {}): Promise<{ client: Any; spark: Any; heard: unknown[] }> {
    const announced = event(primus, 'connection');
    const client = this.client(primus.Socket, url, options);
    const [spark] = (await announced) as [Any];
    const heard: unknown[] = [];
    spark.on('data', (data: unknown) => heard.push(data));
    await until(() => client.seen.includes('open'));
    return { client, spark, heard };
  }

  /** Messages pass in both directions. */
  async exchanges(primus: Any, url: string): Promise<void> {
    const { client, spark, heard } = await this.pair(primus, url);
    client.write('there');
    spark.write('back');
    await until(() => heard.length > 0 && client.got.length > 0);
    expect([heard.at(-1), client.got.at(-1)]).toEqual(['there', 'back']);
  }
}
