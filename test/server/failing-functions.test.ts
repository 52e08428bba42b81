import { createServer } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Primus, type Spark } from '../../src/index.js';
import { json } from '../../src/parsers/json.js';
import { event, serve, until } from '../support/serve.js';
import { watchForCrashes } from './crashes.js';

/** A server, the entries of its log, and a client that is connected. */
async function connected(options: Parameters<typeof serve>[0] = {}) {
  const served = await serve(options);
  const entries: unknown[] = [];
  served.primus.on('log', (...values) => entries.push(...values));
  const announced = event(served.primus, 'connection');
  const client = served.connect();
  const [[spark]] = (await Promise.all([announced, event(client, 'open')])) as [[Spark], unknown];
  return { ...served, client, spark, entries };
}

const broken = () => {
  throw new Error('broken');
};

watchForCrashes();

describe('a function of the application that fails', () => {
  it('as a subscriber of the log is a warning of the process, not the next entry of the log', async () => {
    const { primus } = await connected();
    let calls = 0;
    primus.log$.subscribe(() => {
      calls += 1;
      broken();
    });
    const warned = event(process, 'warning');
    primus.write(1n as never);
    expect((await warned)[0]).toMatchObject({ message: 'broken' });
    expect(calls).toBe(1);
  });

  it('as a subscriber of the errors of a spark is an entry of the log, not the next error', async () => {
    const { spark, entries } = await connected();
    spark.error$.subscribe(broken);
    spark.write(1n as never);
    expect(entries).toEqual(['error', 'An error listener threw', expect.objectContaining({ message: 'broken' })]);
  });

  it('as an async subscriber is an error of its spark', async () => {
    const { spark, client } = await connected();
    spark.data$.subscribe(async () => broken());
    client.write('hello');
    expect((await event(spark, 'error'))[0]).toMatchObject({ message: 'broken' });
  });

  it('as an encoder of pings does not stop the heartbeat', async () => {
    const encode = (data: unknown) => (String(data).startsWith('primus::ping') ? broken() : JSON.stringify(data));
    const { entries } = await connected({ pingInterval: 16, parser: { ...json, encode } });
    await until(() => entries.filter((entry) => entry instanceof Error && entry.message === 'broken').length > 1);
    expect(entries).toContainEqual(expect.objectContaining({ message: 'broken' }));
  });

  it('as an async `idGenerator` refuses the connection, and as an async `trustProxy` trusts no proxy', async () => {
    for (const options of [{ idGenerator: async () => broken() }, { trustProxy: async () => broken() }]) {
      const { primus, connect } = await serve(options as never);
      const logged = event(primus, 'log');
      const client = connect({ strategy: false, headers: { 'X-Forwarded-For': '10.0.0.1' } });
      client.on('error', () => {});
      await event(client, 'end');
      expect((await logged)[1]).toMatchObject({ code: 'ERR_PRIMUS_OPTION' });
      expect(primus.connected).toBe(0);
    }
  });

  it('as a plugin of a server that is created leaves no listeners on the HTTP server', () => {
    const http = createServer();
    const { emit } = http;
    expect(() => new Primus(http, { plugin: { broken: { server: broken } } })).toThrow('broken');
    expect([http.listenerCount('request'), http.listenerCount('upgrade'), http.emit]).toEqual([0, 0, emit]);
  });
});

it('an error of a duplex stream without a listener for it is an entry of the log', async () => {
  const { spark, entries } = await connected();
  spark.duplex().destroy(new Error('broken'));
  await until(() => entries.length > 0);
  expect(entries).toEqual(['error', expect.objectContaining({ message: 'broken' })]);
});

it('a spark that is printed shows neither its query nor its headers', async () => {
  const { primus, connect } = await serve();
  const announced = event(primus, 'connection');
  connect({ credentials: { token: 'secret-token' } });
  const [spark] = (await announced) as [Spark];
  expect(spark.query.token).toBe('secret-token');
  expect(inspect(spark)).toBe(`Spark {"id":"${spark.id}","ip":"127.0.0.1","readyState":3}`);
});
