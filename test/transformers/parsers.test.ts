import { createServer } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtins } from '../../src/builtins.js';
import { Primus, type Spark } from '../../src/index.js';
import { domains, normal, same } from '../parsers/domains.js';
import { Clock } from '../support/clock.js';
import { cleanup, event, serve, until } from '../support/serve.js';

const pairs = [...builtins.transformers.keys()].flatMap((transformer) =>
  [...builtins.parsers.keys()].map((parser) => ({ transformer, parser })),
);

describe('every pair of a parser and a transformer', () => {
  it('has a test for each of them', () => {
    expect(pairs.length).toBeGreaterThanOrEqual(6 * 5);
  });

  it.each(pairs)('$transformer carries every value of $parser in both directions, in order', async ({ transformer, parser }) => {
    const { primus, connect } = await serve({ transformer, parser });
    const announced = event(primus, 'connection');
    const client = connect();
    const [spark] = (await announced) as [Spark];
    const errors: unknown[] = [];
    const up: unknown[] = [];
    const down: unknown[] = [];
    spark.on('error', (error) => errors.push(error));
    client.on('error', (error) => errors.push(error));
    spark.on('data', (data) => {
      up.push(data);
      spark.write(data);
    });
    client.on('data', (data) => down.push(data));

    const values = (domains[parser] as fc.Arbitrary<unknown>).filter((value) => typeof value !== 'string' || !value.startsWith('primus::'));
    await fc.assert(
      fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 8 }), async (list) => {
        up.length = down.length = 0;
        for (const value of list) expect(client.write(value)).toBe(true);
        await until(() => down.length === list.length || errors.length > 0);
        expect(errors).toEqual([]);
        for (const received of [up, down]) if (!same(list, received)) expect(received.map(normal)).toStrictEqual(list.map(normal));
      }),
      { numRuns: 12 },
    );
    expect(await new Promise((resolve) => client.id(resolve))).toBe(spark.id);
    down.length = 0;
    expect(primus.write({ to: 'all' })).toBe(primus);
    await until(() => down.length === 1);
    expect(down).toEqual([{ to: 'all' }]);
  });
});

describe.each([...builtins.parsers.keys()])('the parser %s on a connection', (parser) => {
  it('carries heartbeats and messages, and does not send data that begins like the protocol', async () => {
    const scheduler = new Clock();
    const { primus, connect } = await serve({ parser, pingInterval: 500, scheduler });
    const announced = event(primus, 'connection');
    const client = connect({ pingTimeout: false });
    const [spark] = (await announced) as [Spark];
    for (const _ of [1, 2]) {
      const heartbeat = event(spark, 'heartbeat');
      scheduler.advance(500);
      await heartbeat;
    }
    const errors: unknown[] = [];
    spark.on('error', (error) => errors.push(error));
    expect(spark.write('primus::server::close')).toBe(false);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_RESERVED' }]);
    expect(client.readyState).toBe(3);
  });

  it('reports a frame that it cannot decode, and decodes the next one', async () => {
    const { primus, connect } = await serve({ parser });
    const announced = event(primus, 'connection');
    const client = connect();
    const [spark] = (await announced) as [Spark];
    if (client.readyState !== 3) await event(client, 'open');
    const errors: unknown[] = [];
    const heard: unknown[] = [];
    spark.on('error', (error) => errors.push(error));
    spark.on('data', (data) => heard.push(data));
    const { link } = client.connection;
    const frames = [Buffer.from('ddffffffff', 'hex'), Buffer.alloc(100_000, 0x91), 'no {', '', new Uint8Array()];
    for (const frame of frames) link?.send(frame);
    client.write(['next']);
    await until(() => heard.length === 1);
    expect(heard).toEqual([['next']]);
    expect(errors).toHaveLength(frames.length);
    for (const error of errors) expect(error).toMatchObject({ name: 'PrimusError', code: 'ERR_PRIMUS_DECODE' });
  });

  it('does not send a value that it cannot encode, and sends the next one', async () => {
    const { primus, connect } = await serve({ parser });
    const announced = event(primus, 'connection');
    const client = connect();
    const [spark] = (await announced) as [Spark];
    const errors: unknown[] = [];
    spark.on('error', (error) => errors.push(error));
    const next = event(client, 'data');
    for (const odd of [undefined, () => {}, Symbol('odd'), 1n]) expect(spark.write(odd)).toBe(false);
    expect(spark.write(0)).toBe(true);
    expect((await next)[0]).toBe(0);
    expect(errors).toHaveLength(4);
    for (const error of errors) expect(error).toMatchObject({ code: 'ERR_PRIMUS_ENCODE' });
  });

  it('has its name in the specification', () => {
    const primus = new Primus(createServer(), { parser: parser.toUpperCase() });
    cleanup(() => primus.destroy());
    expect(primus.spec.parser).toBe(parser);
  });
});

describe('bytes in Node', () => {
  it('are Buffers at both ends, within messages as well', async () => {
    const { primus, connect } = await serve({ parser: 'msgpack' });
    primus.on('connection', (spark) => {
      spark.on('data', (data) => spark.write({ buffer: Buffer.isBuffer(data.bytes), bytes: data.bytes }));
    });
    const client = connect();
    const answer = event(client, 'data');
    client.write({ bytes: Buffer.from('bytes') });
    const [data, raw] = (await answer) as [{ buffer: boolean; bytes: Buffer }, unknown];
    expect(data).toStrictEqual({ buffer: true, bytes: Buffer.from('bytes') });
    expect(Buffer.isBuffer(raw)).toBe(true);
  });
});
