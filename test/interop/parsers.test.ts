import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Primus } from '../../src/index.js';
import { domains, normal } from '../parsers/domains.js';
import { cleanup, event, until } from '../support/serve.js';
import { type Any, Original } from './original.js';

interface Ends {
  what: string;
  Server: Any;
  Client: Any;
}

const ends: Ends[] = [
  { what: 'their client against our server', Server: Primus, Client: Original },
  { what: 'our client against their server', Server: Original, Client: Primus },
];

/** The keys that the original's parsers reject or lose. */
const KEYS = ['__proto__', 'constructor', 'hasOwnProperty'];

/** The values that the original carries too; see `test/parsers` for the others. */
function carried(parser: string, value: unknown): boolean {
  if (typeof value === 'string') return !value.startsWith('primus::');
  if (parser === 'binary' && typeof value === 'number') return Math.abs(value) < 2 ** 31;
  if (parser === 'binary' && value instanceof Uint8Array) return value.length > 0;
  if (typeof value !== 'object' || value === null) return true;
  return !Object.keys(value).some((key) => KEYS.includes(key)) && Object.values(value).every((part) => carried(parser, part));
}

/** JSONH is not among the parsers of 8.0.9. */
describe.each(['json', 'ejson', 'msgpack', 'binary'])('8.0.9 over websockets and %s', (parser) => {
  it.each(ends)('$what: carries the values that both support in both directions, and the control messages', async ({ Server, Client }) => {
    const options = { transformer: 'websockets', parser, pingInterval: 2_000 };
    const http = createServer();
    const primus = new Server(http, options);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    cleanup(() => new Promise<void>((resolve) => primus.destroy({ close: true }, resolve)));
    const connection = event(primus, 'connection');
    const socket = new (Client.createSocket(options))(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
    cleanup(() => socket.destroy());
    const [spark] = (await connection) as [Any];
    const up: unknown[] = [];
    const down: unknown[] = [];
    const errors: unknown[] = [];
    spark.on('data', (data: unknown) => up.push(data));
    socket.on('data', (data: unknown) => down.push(data));
    for (const end of [spark, socket]) end.on('error', (error: unknown) => errors.push(error));

    const values = [
      '',
      0,
      false,
      null,
      ...fc.sample(
        (domains[parser] as fc.Arbitrary<unknown>).filter((value) => carried(parser, value)),
        200,
      ),
    ];
    for (const value of values) {
      socket.write(value);
      spark.write(value);
    }
    await until(() => (up.length === values.length && down.length === values.length) || errors.length > 0);
    expect(errors).toEqual([]);
    expect(up.map(normal)).toStrictEqual(values.map(normal));
    expect(down.map(normal)).toStrictEqual(values.map(normal));

    expect(await new Promise((resolve) => socket.id(resolve))).toBe(spark.id);
    await event(spark, 'heartbeat');
    const over = event(socket, 'end');
    spark.end({ last: 'words' });
    await over;
    expect(down.at(-1)).toEqual({ last: 'words' });
  });
});
