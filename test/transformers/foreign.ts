import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { cleanup, event, serve } from '../support/serve.js';

interface Peer {
  on(event: string, listener: (...args: never[]) => void): unknown;
  once(event: string, listener: (...args: unknown[]) => void): unknown;
  write(data: unknown): boolean;
  end(): unknown;
  readonly Socket: new (url: string, options?: object) => Peer;
  destroy(options?: object): unknown;
}

/** The original, whose clients and servers ours are to get on with. */
const Original = createRequire(import.meta.url)('primus') as new (server: object, options: object) => Peer;

/** Two tests: a client of the original with our server, and ours with a server of the original. */
export function foreign(transformer: string, theirs = transformer): void {
  it('serves an unmodified client of the original', async () => {
    const { primus, url } = await serve({ transformer, pingInterval: 50 });
    primus.on('connection', (spark) => {
      spark.on('data', (data) => spark.write({ echo: data, query: spark.query.token }));
    });
    const client = new new Original(createServer(), { transformer: theirs }).Socket(`${url}?token=1`);
    cleanup(() => client.end());
    client.write('hello');
    expect((await event(client, 'data'))[0]).toEqual({ echo: 'hello', query: '1' });
    // It answers heartbeats, and obeys a farewell.
    const [spark] = Object.values(primus.connections);
    await event(spark, 'heartbeat');
    spark?.end();
    await event(client, 'end');
  });

  it('is an unmodified server of the original a server like any', async () => {
    const http = createServer();
    const original = new Original(http, { transformer: theirs, pingInterval: 50 });
    cleanup(() => original.destroy({ timeout: 0 }));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const sparks: Peer[] = [];
    original.on('connection', (spark: Peer) => {
      sparks.push(spark);
      spark.on('data', (data: unknown) => spark.write({ echo: data }));
    });
    const { primus } = await serve({ transformer });
    const client = new primus.Socket(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
    cleanup(() => client.destroy());
    client.write('hello');
    expect((await event(client, 'data'))[0]).toEqual({ echo: 'hello' });
    // Its farewell must not cross our answer to a ping: by requests, one may overtake the other.
    await event(sparks[0], 'heartbeat');
    sparks[0]?.end();
    await event(client, 'end');
    expect(client.state).toMatchObject({ name: 'closed', by: 'server' });
  });
}
