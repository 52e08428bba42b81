import { describe, expect, it } from 'vitest';
import type { Parser } from '../../src/core/parser.js';
import type { ServerOptions, Spark } from '../../src/index.js';
import { withLimits } from '../../src/server/parser-limits.js';
import { registry } from '../parsers/domains.js';
import { processorTime } from '../support/cpu.js';
import { event, serve, until } from '../support/serve.js';

const names = [...registry.keys()];

/** Lists in one another. */
function nested(depth: number): unknown[] {
  let value: unknown[] = [];
  for (let level = 1; level < depth; level++) value = [value];
  return value;
}

async function pair(options: ServerOptions) {
  const { primus, connect } = await serve(options);
  const announced = event(primus, 'connection');
  const client = connect();
  const [spark] = (await announced) as [Spark];
  if (client.readyState !== 3) await event(client, 'open');
  const errors: unknown[] = [];
  const received: unknown[] = [];
  spark.on('error', (error) => errors.push(error));
  spark.on('data', (data) => received.push(data));
  return { primus, client, spark, errors, received };
}

describe.each(names)('a server with the parser %s', (name) => {
  it('accepts 100,000 values and 1,000 levels by default, and drops a message with one more', async () => {
    const { client, errors, received } = await pair({ parser: name });
    const within = [Array.from({ length: 100_000 }, (_, index) => index / 3), nested(1_000)];
    client.write(within[0]);
    client.write(within[1]);
    client.write([...(within[0] as number[]), 0]);
    client.write(Object.fromEntries(Array.from({ length: 50_001 }, (_, index) => [`key${index}`, index])));
    // The binary parsers do not even encode more levels.
    if (name !== 'msgpack' && name !== 'binary') client.write([nested(1_000)]);
    client.write('last');
    await until(() => received.at(-1) === 'last');
    expect(received).toEqual([...within, 'last']);
    expect(errors[0]).toMatchObject({
      code: 'ERR_PRIMUS_DECODE',
      message: expect.stringMatching(/more than 100000 keys and values \(`maxValues`\)/),
    });
    expect(errors).toHaveLength(name === 'msgpack' || name === 'binary' ? 2 : 3);
  });

  it('accepts any number of values when the option is Infinity', async () => {
    const { client, errors, received } = await pair({ parser: name, maxValues: Infinity });
    const many = Array.from({ length: 200_000 }, (_, index) => index);
    client.write(many);
    await until(() => received.length + errors.length > 0);
    expect(errors).toEqual([]);
    expect(received).toEqual([many]);
  });

  it('accepts a string and bytes of nearly maxLength', async () => {
    const { client, errors, received } = await pair({ parser: name, maxLength: 1_000_000 });
    const string = '["[{'.repeat(150_000);
    client.write(string);
    if (name !== 'json' && name !== 'jsonh') client.write(Buffer.alloc(700_000, 7));
    client.write('last');
    await until(() => received.at(-1) === 'last');
    expect(errors).toEqual([]);
    expect(received[0]).toBe(string);
    if (received.length > 2) expect(received[1]).toHaveLength(700_000);
  });
});

describe('limits of messages', () => {
  it('bind the client no more than before: it decodes what its server sends', async () => {
    const { client, spark } = await pair({ maxValues: 10, maxDepth: 2 });
    const long = Array.from({ length: 1_000 }, () => [[[1]]]);
    const data = event(client, 'data');
    spark.write(long);
    expect((await data)[0]).toEqual(long);
  });

  it('do not bind a parser of the application', async () => {
    const parser: Parser = {
      encoder: (data, done) => done(null, JSON.stringify(data)),
      decoder: (frame, done) => done(null, JSON.parse(String(frame))),
      encode: (data) => JSON.stringify(data),
      decode: (frame) => JSON.parse(String(frame)),
    };
    const { primus, client, received, errors } = await pair({ parser, maxValues: 10, maxDepth: 2 });
    expect(primus.parser).toBe(parser);
    const long = Array.from({ length: 1_000 }, () => [[[1]]]);
    client.write(long);
    await until(() => received.length + errors.length > 0);
    expect(received).toEqual([long]);
  });

  it('are positive numbers', async () => {
    for (const option of ['maxDepth', 'maxValues'] as const) {
      for (const value of [0, -1, Number.NaN, '5'])
        await expect(serve({ [option]: value })).rejects.toMatchObject({
          code: 'ERR_PRIMUS_OPTION',
          message: expect.stringContaining(option),
        });
    }
  });

  it('bound the time that ten megabytes take, whatever they contain', async () => {
    const size = 10_000_000;
    const reference = await processorTime(() => JSON.parse(`[${'[1],'.repeat(size / 4)}1]`));
    const worst: { [frame: string]: number } = {};
    for (const name of names) {
      const { decode } = withLimits(registry.get(name) as Parser, { maxDepth: 1_000, maxValues: 100_000 });
      for (const [index, frame] of (name === 'msgpack' || name === 'binary' ? bytes(size) : strings(size)).entries()) {
        const before = process.memoryUsage().heapUsed;
        const time = await processorTime(() => attempt(() => decode?.(frame)));
        worst[`${name} ${index} ${String(frame.slice(0, 10))}`] = time;
        expect(process.memoryUsage().heapUsed - before).toBeLessThan(200e6);
      }
    }
    // An unlimited parser takes up to ten times as long as the reference.
    for (const [frame, time] of Object.entries(worst)) expect([frame, time < reference + 1_000]).toEqual([frame, true]);
  });
});

/** Strings that JSON parsers take long to decode. */
function strings(size: number): string[] {
  const many = (part: string) => part.repeat(size / part.length);
  const each = (count: number, part: (index: number) => string) => Array.from({ length: count }, (_, index) => part(index)).join();
  const id = (index: number) => index.toString(36);
  return [
    many('['),
    `${'['.repeat(size / 2)}${']'.repeat(size / 2)}`,
    many('{"a":'),
    `[${many('{},')}1]`,
    `[${many('"",')}1]`,
    `[${many('1,')}1]`,
    `{${each(600_000, (index) => `"${id(index)}":1`)}}`,
    `[${each(4_700, (row) => `{${each(10, (index) => `"${id(row * 10 + index)}":1`)}}`)}]`,
    `[${each(33_000, (index) => `{"${id(index)}":1}`)}]`,
    `[1,"1020",${each(99_000, String)}]`,
    `[1000,${each(1_000, (index) => `"k${index}"`)},${each(98_000, String)}]`,
    `${'{"$escape":{"x":['.repeat(300)}${each(90_000, () => '1')}${']}}'.repeat(300)}`,
    `[${each(33_000, (index) => `{"$date":"${index} 1 1 GMT"}`)}]`,
    `[${each(30_000, (index) => `{"$regexp":"a${index}","$flags":"${'gimuy'.repeat(10)}"}`)}]`,
    `{"$binary":"${many('AAAA')}"}`,
    `{"$date":"${many('(')}"}`,
    `"${many('\\u0061')}"`,
    `"${many('\\"')}"`,
    many('1'),
    `0.${many('1')}`,
    many(' '),
  ];
}

/** Frames that the binary parsers take long to decode: lists of the whole length, and of as many values as are allowed. */
function bytes(size: number): Buffer[] {
  const list = (count: number, item: string) => {
    const content = Buffer.from(item, 'hex');
    const head = Buffer.from([0xdd, 0, 0, 0, 0]);
    head.writeUInt32BE(count, 1);
    return Buffer.concat([head, Buffer.alloc(count * content.length, content)]);
  };
  const short = ['01', 'c0', '80', '90', 'a0', 'b0', 'c400', 'a0', 'cb3ff199999999999a', '81cd03f001', '81a43130303001', '81b43130303001'];
  const extensions = ['d41100', 'd41a00', 'd40680', 'd40bc3', 'c7090dcb3ff199999999999a', 'c7050a92a161a169'];
  return [
    Buffer.alloc(size, 0x91),
    Buffer.alloc(size, 0x81),
    ...short.map((item) => list(Math.floor((size * 2) / item.length), item)),
    ...[...short, ...extensions].map((item) => list(33_000, item)),
    ...extensions.map((item) => list(100_000, item)),
  ];
}

function attempt(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}
