import { once } from 'node:events';
import { createConnection } from 'node:net';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { expect, it } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { BINARY, CLOSE, CONTINUATION, closing, frame, handshake, PING, TEXT } from '../server/raw.js';
import { block } from '../support/block.js';
import { cleanup, serve, until } from '../support/serve.js';

/** The bytes that a client sends after the handshake, and the frames of the answer, in order: each is `text …`, `pong …` or `close 1002`. */
export interface Vector {
  name: string;
  bytes: Buffer;
  /** The frames that are sent back. A close may have one of several codes. */
  expected: (string | RegExp)[];
}

const PONG = 10;
const NAMES: Record<number, string> = { [TEXT]: 'text', [BINARY]: 'binary', [CLOSE]: 'close', [PING]: 'ping', [PONG]: 'pong' };
const GOODBYE = frame(CLOSE, closing(1000));

/** A vector of frames that are valid: the client closes behind them. */
function valid(name: string, bytes: Buffer[], ...answers: string[]): Vector {
  return { name, bytes: Buffer.concat([...bytes, GOODBYE]), expected: [...answers, 'close 1000'] };
}

/** A vector of which the last frame is invalid. */
function invalid(name: string, bytes: Buffer[], code: number | RegExp, ...answers: string[]): Vector {
  return { name, bytes: Buffer.concat(bytes), expected: [...answers, typeof code === 'number' ? `close ${code}` : code] };
}

/** A message in fragments of so many bytes. */
function fragmented(opcode: number, data: Buffer, size: number, reserved = 0): Buffer[] {
  const parts = Array.from({ length: Math.max(1, Math.ceil(data.length / size)) }, (_, index) =>
    data.subarray(index * size, (index + 1) * size),
  );
  return parts.map((part, index) =>
    frame(index === 0 ? opcode : CONTINUATION, part, { fin: index === parts.length - 1, reserved: index === 0 ? reserved : 0 }),
  );
}

/** A frame whose length takes eight bytes. */
function long(...length: number[]): Buffer {
  return Buffer.from([0x81, 0xff, ...length, 1, 2, 3, 4, 0x79]);
}

const framing: Vector[] = [
  ...[0, 1, 125, 126, 127, 128, 65_535, 65_536].flatMap((length) => [
    valid(`a string of ${length} bytes`, [frame(TEXT, '*'.repeat(length))], `text ${'*'.repeat(length)}`),
    valid(`a binary message of ${length} bytes`, [frame(BINARY, Buffer.alloc(length, 0xfe))], `binary ${'fe'.repeat(length)}`),
  ]),
  valid('a string that takes eight bytes for its length', [frame(TEXT, '*'.repeat(70_000))], `text ${'*'.repeat(70_000)}`),
  ...[1, 2, 3, 4, 5, 6, 7].flatMap((reserved) => [
    invalid(`reserved bits ${reserved} in a string`, [frame(TEXT, 'a'), frame(TEXT, 'x', { reserved })], 1002, 'text a'),
    invalid(`reserved bits ${reserved} in a ping`, [frame(PING, 'x', { reserved })], 1002),
    invalid(`reserved bits ${reserved} in a close`, [frame(CLOSE, closing(1000), { reserved })], 1002),
    invalid(
      `reserved bits ${reserved} in a continuation`,
      [frame(TEXT, 'a', { fin: false }), frame(CONTINUATION, 'x', { reserved })],
      1002,
    ),
  ]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) => [
    invalid(`opcode ${opcode}`, [frame(TEXT, 'a'), frame(opcode)], 1002, 'text a'),
    invalid(`opcode ${opcode} with data`, [frame(opcode, 'x')], 1002),
    invalid(`opcode ${opcode} between fragments`, [frame(TEXT, 'a', { fin: false }), frame(opcode, 'x')], 1002),
  ]),
  ...[TEXT, BINARY, PING, CLOSE].map((opcode) =>
    invalid(`opcode ${opcode} without a mask`, [frame(opcode, closing(1000), { masked: false })], 1002),
  ),
  invalid('a length of 2 ** 63', [long(0x80, 0, 0, 0, 0, 0, 0, 1)], /^close 10(02|09)$/),
  invalid('a length of 2 ** 64 - 1', [long(255, 255, 255, 255, 255, 255, 255, 255)], /^close 10(02|09)$/),
  invalid('a length of 2 ** 53', [long(0, 0x20, 0, 0, 0, 0, 0, 0)], 1009),
  invalid('a length of 1 TB', [long(0, 0, 1, 0, 0, 0, 0, 0)], 1009),
];

const control: Vector[] = [
  ...['', 'Hello', 'x'.repeat(125)].map((data) => valid(`a ping with ${data.length} bytes`, [frame(PING, data)], `pong ${data}`)),
  valid(
    'ten pings',
    Array.from({ length: 10 }, (_, index) => frame(PING, `ping ${index}`)),
    ...Array.from({ length: 10 }, (_, index) => `pong ping ${index}`),
  ),
  valid('pongs without a ping', [frame(PONG), frame(PONG, 'x'), frame(TEXT, 'a')], 'text a'),
  valid(
    'pings between fragments',
    [
      frame(TEXT, 'a', { fin: false }),
      frame(PING, '1'),
      frame(CONTINUATION, 'b', { fin: false }),
      frame(PING, '2'),
      frame(CONTINUATION, 'c'),
    ],
    'pong 1',
    'pong 2',
    'text abc',
  ),
  ...[PING, PONG, CLOSE].flatMap((opcode) => [
    invalid(`opcode ${opcode} with 126 bytes`, [frame(opcode, Buffer.alloc(126, 3))], 1002),
    invalid(`opcode ${opcode} in fragments`, [frame(opcode, closing(1000), { fin: false })], 1002),
  ]),
  invalid(
    'a close in fragments inside of a message',
    [frame(TEXT, 'a', { fin: false }), frame(CLOSE, closing(1000), { fin: false })],
    1002,
  ),
];

const fragments: Vector[] = [
  valid('a string in two fragments', [frame(TEXT, 'a', { fin: false }), frame(CONTINUATION, 'b')], 'text ab'),
  valid('empty fragments', [frame(TEXT, '', { fin: false }), frame(CONTINUATION, '', { fin: false }), frame(CONTINUATION)], 'text '),
  valid(
    'an empty fragment, then data',
    [frame(BINARY, '', { fin: false }), frame(CONTINUATION, 'a', { fin: false }), frame(CONTINUATION)],
    'binary 61',
  ),
  valid('2,000 fragments', fragmented(TEXT, Buffer.alloc(2_000, 'x'), 1), `text ${'x'.repeat(2_000)}`),
  valid('fragments of 64 bytes', fragmented(TEXT, Buffer.alloc(320_000, 'x'), 64), `text ${'x'.repeat(320_000)}`),
  ...[true, false].flatMap((fin) => [
    invalid(`a continuation of nothing, fin ${fin}`, [frame(CONTINUATION, 'x', { fin })], 1002),
    invalid(`a continuation of a complete string, fin ${fin}`, [frame(TEXT, 'a'), frame(CONTINUATION, 'x', { fin })], 1002, 'text a'),
    invalid(`a string between fragments, fin ${fin}`, [frame(TEXT, 'a', { fin: false }), frame(TEXT, 'x', { fin })], 1002),
    invalid(`a binary message between fragments, fin ${fin}`, [frame(TEXT, 'a', { fin: false }), frame(BINARY, 'x', { fin })], 1002),
  ]),
];

const GOOD_UTF8 = [
  'Hello-µ@ßöäüàá-UTF-8!!',
  'κόσμε',
  '\0',
  '\u007f\u0080\u07ff\u0800\uffff',
  '\ud7ff\ue000\ufffd',
  '\u{10000}\u{1f600}\u{10ffff}',
  '\ufdd0\ufffe\u{1fffe}\u{10fffe}',
];

const BAD_UTF8: Record<string, string> = {
  'surrogates among letters': 'cebae1bdb9cf83cebceda080656469746564',
  'a code point above the last': 'cebae1bdb9cf83cebcf4908080656469746564',
  'five bytes': 'f888808080',
  'six bytes': 'fc8480808080',
  'the first code point above the last': 'f4908080',
  'the last of four bytes': 'f7bfbfbf',
  'the last of five bytes': 'fbbfbfbfbf',
  'the last of six bytes': 'fdbfbfbfbfbf',
  'a continuation byte': '80',
  'the last continuation byte': 'bf',
  'seven continuation bytes': '80bf80bf80bf80',
  'all continuation bytes': Array.from({ length: 64 }, (_, index) => (0x80 + index).toString(16)).join(''),
  'first bytes of two, each before a space': 'c020c120c220df20',
  'first bytes of three, each before a space': 'e020e120ef20',
  'first bytes of four, each before a space': 'f020f420f720',
  'two bytes without the last': 'ce',
  'three bytes without the last': 'e080',
  'four bytes without the last': 'f0908d',
  'the bytes fe and ff': 'fefeffff',
  'an overlong slash of two bytes': 'c0af',
  'an overlong slash of three bytes': 'e080af',
  'an overlong slash of four bytes': 'f08080af',
  'an overlong slash of five bytes': 'f8808080af',
  'an overlong slash of six bytes': 'fc80808080af',
  'the greatest overlong of two bytes': 'c1bf',
  'the greatest overlong of three bytes': 'e09fbf',
  'the greatest overlong of four bytes': 'f08fbfbf',
  'an overlong NUL': 'c080',
  'the first high surrogate': 'eda080',
  'the last high surrogate': 'edafbf',
  'the first low surrogate': 'edb080',
  'the last low surrogate': 'edbfbf',
  'a pair of surrogates': 'eda080edb080',
};

const utf8: Vector[] = [
  ...GOOD_UTF8.flatMap((text, index) => [
    valid(`valid UTF-8, number ${index}`, [frame(TEXT, text)], `text ${text}`),
    valid(`valid UTF-8, number ${index}, in fragments of a byte`, fragmented(TEXT, Buffer.from(text), 1), `text ${text}`),
  ]),
  ...Object.entries(BAD_UTF8).flatMap(([name, hex]) => {
    const bytes = Buffer.from(hex, 'hex');
    const around = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')]);
    return [
      invalid(`UTF-8 with ${name}`, [frame(TEXT, bytes)], 1007),
      invalid(`UTF-8 with ${name}, among letters`, [frame(TEXT, around)], 1007),
      invalid(`UTF-8 with ${name}, in fragments of a byte`, fragmented(TEXT, around, 1), 1007),
    ];
  }),
  valid('a binary message that is no UTF-8', [frame(BINARY, Buffer.from('fefeffff', 'hex'))], 'binary fefeffff'),
];

const CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
const BAD_CODES = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];

const closes: Vector[] = [
  { name: 'a close without a code', bytes: frame(CLOSE), expected: ['close 1005'] },
  invalid('a close with one byte', [frame(CLOSE, 'x')], 1002),
  ...CODES.map((code) => ({ name: `close code ${code}`, bytes: frame(CLOSE, closing(code)), expected: [`close ${code}`] })),
  ...BAD_CODES.flatMap((code) => [
    invalid(`close code ${code}`, [frame(CLOSE, closing(code))], 1002),
    invalid(`close code ${code} with a reason`, [frame(CLOSE, closing(code, 'why'))], 1002),
  ]),
  { name: 'a close with a reason of 123 bytes', bytes: frame(CLOSE, closing(1000, 'x'.repeat(123))), expected: ['close 1000'] },
  invalid('a close with a reason of 124 bytes', [frame(CLOSE, closing(1000, 'x'.repeat(124)))], 1002),
  ...Object.entries(BAD_UTF8)
    .filter(([, hex]) => hex.length < 240)
    .map(([name, hex]) => invalid(`a reason with ${name}`, [frame(CLOSE, Buffer.concat([closing(1000), Buffer.from(hex, 'hex')]))], 1007)),
  valid('a message behind the close', [frame(TEXT, 'a'), GOODBYE, frame(TEXT, 'b'), frame(PING, 'c')], 'text a'),
  valid('a close between fragments', [frame(TEXT, 'a', { fin: false })]),
  valid('a message, a ping and a close at once', [frame(TEXT, 'a'), frame(PING, 'b')], 'text a', 'pong b'),
];

function deflated(data: string | Buffer): Buffer {
  return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

const RSV1 = 4;
const DEFLATE = 'Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n';
const LONG = 'Hello world, '.repeat(1_000);

/** Frames with permessage-deflate: RFC 7692. The server has agreed on `client_no_context_takeover`. */
const compressed: Vector[] = [
  valid('a message that is not compressed', [frame(TEXT, 'a')], 'text a'),
  valid('a compressed message', [frame(TEXT, deflated('Hello'), { reserved: RSV1 })], 'text Hello'),
  valid(
    'two compressed messages',
    [frame(TEXT, deflated('Hello'), { reserved: RSV1 }), frame(BINARY, deflated('Hello'), { reserved: RSV1 })],
    'text Hello',
    'binary 48656c6c6f',
  ),
  valid(
    'the compressed message of RFC 7692, 7.2.3.1',
    [frame(TEXT, Buffer.from('f248cdc9c90700', 'hex'), { reserved: RSV1 })],
    'text Hello',
  ),
  valid(
    'a block without compression: RFC 7692, 7.2.3.3',
    [frame(TEXT, Buffer.from('000500faff48656c6c6f00', 'hex'), { reserved: RSV1 })],
    'text Hello',
  ),
  valid('a final block: RFC 7692, 7.2.3.4', [frame(TEXT, Buffer.from('f348cdc9c9070000', 'hex'), { reserved: RSV1 })], 'text Hello'),
  valid('two blocks: RFC 7692, 7.2.3.5', [frame(TEXT, Buffer.from('f24805000000ffffcac9c90700', 'hex'), { reserved: RSV1 })], 'text Hello'),
  valid('an empty compressed message', [frame(TEXT, Buffer.from([0]), { reserved: RSV1 })], 'text '),
  valid('a compressed message in fragments', fragmented(TEXT, deflated(LONG), 10, RSV1), `text ${LONG}`),
  valid(
    'a compressed message with empty fragments',
    [
      frame(TEXT, '', { fin: false, reserved: RSV1 }),
      frame(PING, 'a'),
      frame(CONTINUATION, deflated('Hello'), { fin: false }),
      frame(CONTINUATION),
    ],
    'pong a',
    'text Hello',
  ),
  invalid(
    'a continuation that is marked as compressed',
    [frame(TEXT, deflated('Hello'), { fin: false, reserved: RSV1 }), frame(CONTINUATION, '', { reserved: RSV1 })],
    1002,
  ),
  invalid('a ping that is marked as compressed', [frame(PING, deflated('a'), { reserved: RSV1 })], 1002),
  invalid('a close that is marked as compressed', [frame(CLOSE, deflated(closing(1000)), { reserved: RSV1 })], 1002),
  ...[2, 3, 5, 6, 7].map((reserved) => invalid(`reserved bits ${reserved}`, [frame(TEXT, deflated('a'), { reserved })], /^close 100[27]$/)),
  invalid('data that cannot be inflated', [frame(TEXT, Buffer.alloc(20, 0xff), { reserved: RSV1 })], /^close 100[27]$/),
  invalid(
    'data that refers to the message before',
    [frame(TEXT, deflated('Hello'), { reserved: RSV1 }), frame(TEXT, Buffer.from('f200110000', 'hex'), { reserved: RSV1 })],
    /^close 100[27]$/,
    'text Hello',
  ),
  invalid('compressed text that is no UTF-8', [frame(TEXT, deflated(Buffer.from([0xff, 0xfe])), { reserved: RSV1 })], 1007),
];

export const vectors = { framing, control, fragments, utf8, closes };
export { compressed };

/** The parser of an echo in the bytes of the wire. */
const parser = {
  encoder: (data: unknown, done: (error: null, frame: string | Uint8Array) => void) => done(null, data as string | Uint8Array),
  decoder: (data: string | Uint8Array, done: (error: null, data: unknown) => void) => done(null, data),
};

/** How a transformer answers. */
export interface Rfc6455 {
  transformer: string;
  /** The path of its WebSockets. */
  path?: string;
  options?: ServerOptions;
  /** Whether it terminates the connection at an invalid frame, without a close frame. */
  terminates?: boolean;
  /** Why the frames that come in the segment of the handshake are not delivered. */
  losesFirstSegment?: string;
  /**
   * Whether the engine answers a close frame before the messages of a long turn of the event loop are delivered: their answers are lost then.
   * Vectors with both are sent one after the other, as a turn may be long because the machine is busy.
   */
  closesAtOnce?: boolean;
  /** The answers that differ from those of the RFCs, by the names of vectors. */
  differences?: readonly (readonly [names: RegExp, expected: (string | RegExp)[]])[];
}

/** Sends every vector to an echo server, each on a connection of its own. */
export function keepsRfc6455({
  transformer,
  path,
  options,
  terminates = false,
  losesFirstSegment,
  closesAtOnce,
  differences = [],
}: Rfc6455): void {
  const run = async (group: readonly Vector[], more: ServerOptions, headers?: string) => {
    const { port, primus } = await serve({ transformer, parser, pingInterval: false, ...options, ...more });
    primus.on('connection', (spark: Spark) => {
      spark.on('error', () => {});
      spark.on('data', (data) => spark.write(data));
    });
    const failures: unknown[] = [];
    // One that stays open takes its time.
    const isAlone = ({ expected }: Vector) => closesAtOnce && expected.length > 1 && expected.at(-1) !== 'open';
    const parts = group.filter(isAlone).map((vector) => [vector]);
    const others = group.filter((vector) => !isAlone(vector));
    for (let from = 0; from < others.length; from += 50) parts.push(others.slice(from, from + 50));
    for (const part of parts) {
      const answers = await Promise.all(part.map(({ bytes }) => exchange(port, bytes, path, headers)));
      for (const [index, { name, expected }] of part.entries()) {
        const wanted = differences.find(([names]) => names.test(name))?.[1] ?? expected;
        const answer = answers[index] as string[];
        if (!matches(answer, wanted, terminates)) failures.push({ name, wanted: wanted.map(shorten), answer: answer.map(shorten) });
      }
    }
    expect(failures).toEqual([]);
    await until(() => primus.connected === 0);
  };

  it.each(Object.entries(vectors))('answers the frames of the vectors as RFC 6455 asks: %s', (_, group) => run(group, {}));

  it('answers compressed frames as RFC 7692 asks', () => run(compressed, { compression: true }, DEFLATE));

  it('accepts messages of maxLength in every form, and closes with 1009 for one byte more', () => {
    const maxLength = 5_000;
    const sizes = Object.entries(FORMS).flatMap(([form, message]) => [
      ...[maxLength - 1, maxLength].map((length) => valid(`${length} bytes ${form}`, [message(length)], `text ${'x'.repeat(length)}`)),
      invalid(`one byte more ${form}`, [message(maxLength + 1)], 1009),
    ]);
    return run(sizes, { compression: true, maxLength }, DEFLATE);
  });

  const delayed = closesAtOnce ? it.skip : it;
  const why = closesAtOnce ? ' (the engine answers a close frame itself)' : '';
  delayed.each([
    ['a close', GOODBYE, 'close 1000'],
    ['an invalid frame', frame(3), 'close 1002'],
  ])(`answers messages that wait for the next turn before it answers %s behind them${why}`, async (_, last, closed) => {
    const { port, primus } = await serve({ transformer, parser, pingInterval: false, ...options });
    primus.on('connection', (spark: Spark) => {
      spark.on('error', () => {});
      spark.on('data', (data) => {
        // A turn has no time for all of them.
        block(10);
        spark.write(data);
      });
    });
    const messages = Array.from({ length: 20 }, (_, index) => `${index}`);
    const answer = await exchange(port, Buffer.concat([...messages.map((message) => frame(TEXT, message)), last]), path);
    expect(answer).toEqual([...messages.map((message) => `text ${message}`), closed]);
    await until(() => primus.connected === 0);
  });

  const early = losesFirstSegment === undefined ? it : it.skip;
  const note = losesFirstSegment === undefined ? '' : ` (${losesFirstSegment})`;
  early.each([
    ['two messages', [frame(TEXT, 'a'), frame(TEXT, 'b')], ['connection', 'data a', 'data b']],
    ['a message and a close', [frame(TEXT, 'a'), GOODBYE], ['connection', 'data a', 'disconnection']],
    ['a message and an invalid frame', [frame(TEXT, 'a'), frame(3)], ['connection', 'data a', 'disconnection']],
    ['an invalid frame', [frame(3)], ['connection', 'disconnection']],
    ['a close', [GOODBYE], ['connection', 'disconnection']],
  ])(`delivers what comes in the segment of the handshake, and keeps no dead spark: %s${note}`, async (_, frames, wanted) => {
    const { seen, primus, open } = await record();
    await open(Buffer.concat(frames));
    await until(() => seen.length === wanted.length);
    expect(seen).toEqual(wanted);
    expect(primus.connected).toBe(wanted.includes('disconnection') ? 0 : 1);
  });

  it.each([
    ['two messages', [frame(TEXT, 'a'), frame(TEXT, 'b')], ['connection', 'data a', 'data b']],
    ['a message and a close', [frame(TEXT, 'a'), GOODBYE], ['connection', 'data a', 'disconnection']],
  ])('delivers what comes while the request is authorized: %s', async (_, frames, wanted) => {
    const asked: (() => void)[] = [];
    const { seen, primus, open } = await record({ authorization: (_request, done) => void asked.push(done) });
    const socket = await open();
    await until(() => asked.length === 1);
    socket.write(Buffer.concat(frames));
    // The server shares this process, and has received them then.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    asked[0]?.();
    await until(() => seen.length === wanted.length);
    expect(seen).toEqual(wanted);
    expect(primus.connected).toBe(wanted.includes('disconnection') ? 0 : 1);
  });

  /** A server whose events are recorded, and a way to connect to it with bytes behind the handshake, in its segment. */
  async function record(more: ServerOptions = {}) {
    const { port, primus } = await serve({ transformer, parser, pingInterval: false, ...options, ...more });
    const seen: string[] = [];
    primus.on('connection', (spark: Spark) => {
      seen.push('connection');
      spark.on('error', () => {});
      spark.on('data', (data) => seen.push(`data ${data}`));
    });
    primus.on('disconnection', () => seen.push('disconnection'));
    const open = async (bytes = Buffer.alloc(0)) => {
      const socket = createConnection(port, '127.0.0.1');
      cleanup(() => socket.destroy());
      socket.on('error', () => {}).resume();
      await once(socket, 'connect');
      socket.write(Buffer.concat([Buffer.from(handshake(path)), bytes]));
      return socket;
    };
    return { seen, primus, open };
  }
}

/** The bytes of a text message of so many bytes, in each form that a message has. */
const FORMS: Record<string, (length: number) => Buffer> = {
  'in a frame': (length) => frame(TEXT, 'x'.repeat(length)),
  'in two fragments': (length) => Buffer.concat(fragmented(TEXT, Buffer.alloc(length, 'x'), length - 10)),
  'in fragments of 10 bytes': (length) => Buffer.concat(fragmented(TEXT, Buffer.alloc(length, 'x'), 10)),
  compressed: (length) => frame(TEXT, deflated('x'.repeat(length)), { reserved: RSV1 }),
  'compressed and in fragments': (length) => Buffer.concat(fragmented(TEXT, deflated('x'.repeat(length)), 10, RSV1)),
};

const shorten = (part: string | RegExp): string => String(part).slice(0, 60);

/** Whether an answer is that of a vector. Where a server `terminates`, what comes before an invalid frame need not be answered either. */
function matches(answer: readonly string[], wanted: readonly (string | RegExp)[], terminates: boolean): boolean {
  const isInvalid = /close 10(0[279]|\()|close 100\[/.test(String(wanted.at(-1)));
  if (answer.length !== wanted.length && !(terminates && isInvalid && answer.length < wanted.length)) return false;
  return answer.every((part, index) => {
    const want = wanted[index] as string | RegExp;
    return typeof want === 'string' ? part === want : want.test(part);
  });
}

/** After so many ms without an answer a connection stays open. */
const SILENCE = 5_000;

/** Opens a WebSocket, sends bytes, and returns the frames of the server when it has closed. */
async function exchange(port: number, bytes: Buffer, path?: string, headers?: string): Promise<string[]> {
  const socket = createConnection(port, '127.0.0.1');
  cleanup(() => socket.destroy());
  socket.on('error', () => {});
  let received = Buffer.alloc(0);
  let isOpen = false;
  socket.on('data', (data) => {
    received = Buffer.concat([received, data]);
    if (!isOpen) {
      const end = received.indexOf('\r\n\r\n');
      if (end === -1) return;
      isOpen = true;
      received = received.subarray(end + 4);
      socket.write(bytes);
    }
    if (parse(received).some((name) => name.startsWith('close'))) socket.end();
  });
  socket.write(handshake(path, headers));
  socket.setTimeout(SILENCE, () => socket.destroy());
  const [silent] = await Promise.race([once(socket, 'timeout').then(() => [true]), once(socket, 'close').then(() => [false])]);
  return silent ? [...parse(received), 'open'] : parse(received);
}

/** The frames in the bytes of a server. */
function parse(bytes: Buffer): string[] {
  const frames: string[] = [];
  let at = 0;
  while (bytes.length >= at + 2) {
    const first = bytes[at] as number;
    const opcode = first & 15;
    let length = (bytes[at + 1] as number) & 127;
    at += 2;
    if (length === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    if (bytes.length < at + length) break;
    const payload = bytes.subarray(at, at + length);
    frames.push(`${NAMES[opcode]} ${print(opcode, (first & 0x40) === 0 ? payload : inflated(payload))}`);
    at += length;
  }
  return frames;
}

function inflated(data: Buffer): Buffer {
  return inflateRawSync(Buffer.concat([data, Buffer.from([0, 0, 0xff, 0xff])]), { finishFlush: constants.Z_SYNC_FLUSH });
}

function print(opcode: number, payload: Buffer): string {
  if (opcode === CLOSE) return String(payload.length < 2 ? 1005 : payload.readUInt16BE());
  return payload.toString(opcode === BINARY ? 'hex' : 'utf8');
}
