import { describe, expect, it } from 'vitest';
import type { Done } from '../../src/core/eventual.js';
import type { Frame } from '../../src/core/link.js';
import { type MessageTransformer, MessageTransformers } from '../../src/core/message-transformers.js';
import { defineParser, type Parser } from '../../src/core/parser.js';
import type { Control } from '../../src/core/protocol.js';
import { RelayChannel, type RelayHandler } from '../../src/core/relay-channel.js';
import { json } from '../../src/parsers/json.js';
import { settle } from '../support/clock.js';

/** A channel whose ends are lists. */
class Recorder implements RelayHandler {
  readonly subject = {};
  readonly transformers = new MessageTransformers();
  readonly delivered: unknown[] = [];
  readonly raws: Frame[] = [];
  readonly controls: Control[] = [];
  readonly frames: Frame[] = [];
  readonly errors: (Error & { code?: string; data?: unknown })[] = [];
  readonly pressures: boolean[] = [];
  /** The messages that wait, in each direction. */
  waiting = { written: 0, received: 0 };
  private readonly channel: RelayChannel;

  constructor(parser: Parser = json) {
    this.channel = new RelayChannel({ parser, transformers: this.transformers }, this);
  }

  receive(frame: Frame): void {
    this.channel.receive(frame);
  }

  send(data: unknown): boolean {
    return this.channel.send(data);
  }

  relay(data: unknown, frame: Promise<Frame>): void {
    this.channel.relay(data, frame);
  }

  control(control: Parameters<RelayChannel['control']>[0]): void {
    this.channel.control(control);
  }

  flush(done: () => void): void {
    this.channel.flush(done);
  }

  drain(done: () => void): void {
    this.channel.drain(done);
  }

  queued(): () => void {
    this.waiting.written++;
    return () => this.waiting.written--;
  }

  queuedFrame(): () => void {
    this.waiting.received++;
    return () => this.waiting.received--;
  }

  stop(): void {
    this.channel.close();
  }

  incoming(transformer: MessageTransformer): void {
    this.transformers.add('incoming', transformer);
  }

  outgoing(transformer: MessageTransformer): void {
    this.transformers.add('outgoing', transformer);
  }

  deliver(data: unknown, raw: Frame): void {
    this.delivered.push(data);
    this.raws.push(raw);
  }

  handleControl(control: Control): void {
    this.controls.push(control);
  }

  forward(data: unknown): boolean {
    return this.channel.write(data);
  }

  transmit(frame: Frame): void {
    this.frames.push(frame);
  }

  fail(error: Error): void {
    this.errors.push(error);
  }

  pressure(high: boolean): void {
    this.pressures.push(high);
  }
}

/** A parser whose answers come when they are called for: every answer of an `even` message is late. */
function halfLate() {
  const waiting: (() => void)[] = [];
  const answer = <T>(value: T, late: boolean, done: Done<T>): void => {
    if (late) waiting.push(() => done(null, value));
    else done(null, value);
  };
  const parser: Parser = {
    encoder: (data, done) => answer(String(data), Number(data) % 2 === 0, done),
    decoder: (frame, done) => answer(Number(frame), Number(frame) % 2 === 0, done),
  };
  return {
    parser,
    waiting,
    /** Answers those who wait; what follows from it has happened when this resolves. */
    release: () => {
      for (const run of waiting.splice(0)) run();
      return settle();
    },
  };
}

/** A transformer that answers when it is released. */
function gate() {
  const waiting: (() => void)[] = [];
  const transformer: MessageTransformer = (_packet, next) => void waiting.push(() => next());
  const open = () => waiting.shift()?.();
  /** Lets all pass, those that come meanwhile included. */
  const openAll = async () => {
    while (waiting.length > 0) {
      open();
      await settle();
    }
  };
  return { transformer, open, openAll };
}

const fails = (): never => {
  throw new Error('broken');
};

describe('the way in', () => {
  it('decodes, transforms and delivers at once while every step answers at once', () => {
    const pipeline = new Recorder();
    pipeline.incoming((packet) => {
      packet.data += 1;
    });
    pipeline.receive('41');
    expect(pipeline.delivered).toEqual([42]);
    expect(pipeline.raws).toEqual(['41']);
  });

  it('shows transformers the packet with its raw frame, and the connection as `this`', () => {
    const pipeline = new Recorder();
    const seen: unknown[] = [];
    pipeline.incoming(function (packet) {
      seen.push(this, { ...packet });
    });
    pipeline.receive('[1]');
    expect(seen).toEqual([pipeline.subject, { data: [1], raw: '[1]' }]);
    expect(seen[0]).toBe(pipeline.subject);
  });

  it('takes control messages out before any transformer sees them', () => {
    const pipeline = new Recorder();
    pipeline.incoming(fails);
    pipeline.receive('"primus::ping::1"');
    pipeline.receive('"primus::what::ever"');
    expect(pipeline.controls).toEqual([
      { type: 'ping', value: '1' },
      { type: 'unknown', value: 'primus::what::ever' },
    ]);
    expect(pipeline.delivered).toEqual([]);
    expect(pipeline.errors).toEqual([]);
  });

  it('delivers what a transformer makes of a message, even if it looks like protocol', () => {
    const pipeline = new Recorder();
    pipeline.incoming((packet) => {
      packet.data = 'primus::server::close';
    });
    pipeline.receive('1');
    expect(pipeline.delivered).toEqual(['primus::server::close']);
    expect(pipeline.controls).toEqual([]);
  });

  it('says that a message cannot be decoded, and goes on', () => {
    const pipeline = new Recorder();
    for (const frame of ['{', '1', Uint8Array.of(0xff), '', '2']) pipeline.receive(frame);
    expect(pipeline.delivered).toEqual([1, 2]);
    expect(pipeline.errors.map(({ code }) => code)).toEqual(['ERR_PRIMUS_DECODE', 'ERR_PRIMUS_DECODE', 'ERR_PRIMUS_DECODE']);
    expect(pipeline.errors[0]?.cause).toBeInstanceOf(SyntaxError);
  });

  it('says what a transformer threw, drops that message, and goes on', () => {
    const pipeline = new Recorder();
    pipeline.incoming(({ data }) => (data === 1 ? fails() : undefined));
    for (const frame of ['1', '2']) pipeline.receive(frame);
    expect(pipeline.delivered).toEqual([2]);
    expect(pipeline.errors).toHaveLength(1);
    expect(pipeline.errors[0]?.message).toContain('broken');
  });

  it('drops in silence what a transformer answers `false` to', () => {
    const pipeline = new Recorder();
    pipeline.incoming(({ data }) => data !== 1);
    for (const frame of ['1', '2']) pipeline.receive(frame);
    expect(pipeline.delivered).toEqual([2]);
    expect(pipeline.errors).toEqual([]);
  });

  it('keeps the order behind a message that has to wait', async () => {
    const pipeline = new Recorder();
    const late = gate();
    pipeline.incoming((packet, next) => (packet.data === 2 ? late.transformer(packet, next) : next()));
    for (const frame of ['1', '2', '3', '"primus::ping::4"']) pipeline.receive(frame);
    expect(pipeline.delivered).toEqual([1]);
    expect(pipeline.controls).toEqual([]);
    late.open();
    await settle();
    expect(pipeline.delivered).toEqual([1, 2, 3]);
    expect(pipeline.controls).toHaveLength(1);
  });

  it('keeps the order of an asynchronous decoder, an error among the answers included', async () => {
    const answers: (() => void)[] = [];
    const pipeline = new Recorder({
      encoder() {},
      decoder: (frame, done) => void answers.push(() => (frame === '2' ? done(new Error('no')) : done(null, Number(frame)))),
    });
    for (const frame of ['1', '2', '3']) pipeline.receive(frame);
    // One at a time: the next is not even begun.
    expect(answers).toHaveLength(1);
    for (let index = 0; index < 3; index++) {
      answers[index]?.();
      await settle();
    }
    expect(pipeline.delivered).toEqual([1, 3]);
    expect(pipeline.errors.map(({ code }) => code)).toEqual(['ERR_PRIMUS_DECODE']);
  });

  it('keeps the order of a parser that is sometimes late', async () => {
    const { parser, waiting, release } = halfLate();
    const pipeline = new Recorder(parser);
    const numbers = Array.from({ length: 50 }, (_, index) => index);
    for (const number of numbers) pipeline.receive(String(number));
    while (waiting.length > 0) await release();
    expect(pipeline.delivered).toEqual(numbers);
  });

  it('takes the first answer of a decoder that answers twice', () => {
    const pipeline = new Recorder({
      encoder() {},
      decoder: (frame, done) => {
        done(null, frame);
        done(new Error('second'));
        done(null, 'third');
      },
    });
    pipeline.receive('a');
    expect(pipeline.delivered).toEqual(['a']);
    expect(pipeline.errors).toEqual([]);
  });

  it('reports a rejecting async decoder as it does a failing one', async () => {
    const pipeline = new Recorder({ encoder() {}, decoder: async () => fails() });
    pipeline.receive('a');
    await settle();
    expect(pipeline.errors.map(({ code }) => code)).toEqual(['ERR_PRIMUS_DECODE']);
  });

  it('reports pressure while many wait, and its end when none does', async () => {
    const pipeline = new Recorder();
    const late = gate();
    pipeline.incoming(late.transformer);
    for (let number = 0; number < 100; number++) pipeline.receive(String(number));
    expect(pipeline.pressures).toEqual([true]);
    await late.openAll();
    await settle();
    expect(pipeline.pressures).toEqual([true, false]);
    expect(pipeline.delivered).toHaveLength(100);
  });

  it('takes nothing more once it is closed, but ends the pressure on the link', async () => {
    const pipeline = new Recorder();
    const late = gate();
    pipeline.incoming(late.transformer);
    for (let number = 0; number < 100; number++) pipeline.receive(String(number));
    pipeline.stop();
    pipeline.receive('100');
    await late.openAll();
    await settle();
    expect(pipeline.delivered).not.toContain(100);
    expect(pipeline.pressures.at(-1)).toBe(false);
  });

  it('survives 20,000 messages behind one that waits', async () => {
    const pipeline = new Recorder();
    const late = gate();
    pipeline.incoming((packet, next) => (packet.data === 0 ? late.transformer(packet, next) : next()));
    for (let number = 0; number < 20_000; number++) pipeline.receive(String(number));
    late.open();
    await settle();
    expect(pipeline.delivered).toHaveLength(20_000);
    expect(pipeline.delivered.at(-1)).toBe(19_999);
  });
});

describe('the way out', () => {
  it('transforms, encodes and transmits at once while every step answers at once', () => {
    const pipeline = new Recorder();
    pipeline.outgoing((packet) => {
      packet.data += 1;
    });
    expect(pipeline.send(41)).toBe(true);
    expect(pipeline.frames).toEqual(['42']);
  });

  it('refuses what begins like protocol, also from a transformer, and says so with the message', () => {
    const pipeline = new Recorder();
    expect(pipeline.send('primus::server::close')).toBe(false);
    pipeline.outgoing((packet) => {
      packet.data = 'primus::id::mine';
    });
    expect(pipeline.send('harmless')).toBe(false);
    expect(pipeline.frames).toEqual([]);
    expect(pipeline.errors).toMatchObject([
      { code: 'ERR_PRIMUS_RESERVED', data: 'primus::server::close' },
      { code: 'ERR_PRIMUS_RESERVED', data: 'primus::id::mine' },
    ]);
  });

  it('lets protocol words pass inside a message', () => {
    const pipeline = new Recorder();
    expect(pipeline.send({ text: 'primus::server::close' })).toBe(true);
    expect(pipeline.send(['primus::x'])).toBe(true);
    expect(pipeline.frames).toHaveLength(2);
  });

  it('sends control messages past the transformers', () => {
    const pipeline = new Recorder();
    pipeline.outgoing(fails);
    pipeline.control({ type: 'server', value: 'close' });
    expect(pipeline.frames).toEqual(['"primus::server::close"']);
  });

  it.each<[string, unknown]>([
    ['a circle', Object.assign([] as unknown[], { 0: null })],
    ['nothing', undefined],
    ['a function', () => {}],
    ['a BigInt', 1n],
    ['a toJSON that throws', { toJSON: fails }],
  ])('says that %s cannot be encoded, with the message, and goes on', (name, data) => {
    if (name === 'a circle') (data as unknown[])[0] = data;
    const pipeline = new Recorder();
    expect(pipeline.send(data)).toBe(false);
    expect(pipeline.send(1)).toBe(true);
    expect(pipeline.frames).toEqual(['1']);
    expect(pipeline.errors).toHaveLength(1);
    expect(pipeline.errors[0]?.code).toBe('ERR_PRIMUS_ENCODE');
    expect(pipeline.errors[0]?.data).toBe(data);
  });

  it('says what a transformer threw, drops that message, and goes on', () => {
    const pipeline = new Recorder();
    pipeline.outgoing(({ data }) => (data === 1 ? fails() : undefined));
    pipeline.send(1);
    pipeline.send(2);
    expect(pipeline.frames).toEqual(['2']);
    expect(pipeline.errors).toHaveLength(1);
  });

  it('keeps the order behind a message that has to wait, and takes more meanwhile', async () => {
    const pipeline = new Recorder();
    const late = gate();
    pipeline.outgoing((packet, next) => (packet.data === 2 ? late.transformer(packet, next) : next()));
    for (const number of [1, 2, 3]) expect(pipeline.send(number)).toBe(true);
    expect(pipeline.frames).toEqual(['1']);
    late.open();
    await settle();
    expect(pipeline.frames).toEqual(['1', '2', '3']);
  });

  it('keeps the order of a parser that is sometimes late, control messages included', async () => {
    const { parser, waiting, release } = halfLate();
    const pipeline = new Recorder({ ...parser, encoder: (data, done) => parser.encoder(String(data).replace('primus::pong::', ''), done) });
    const numbers = Array.from({ length: 50 }, (_, index) => String(index));
    for (const number of numbers) {
      if (number.endsWith('5')) pipeline.control({ type: 'pong', value: number });
      else pipeline.send(number);
    }
    while (waiting.length > 0) await release();
    expect(pipeline.frames).toEqual(numbers);
  });

  it('reports a rejecting async encoder as it does a failing one, and goes on', async () => {
    const pipeline = new Recorder({
      decoder() {},
      encoder: async (data, done) => (data === 1 ? fails() : done(null, String(data))),
    });
    pipeline.send(1);
    pipeline.send(2);
    await settle();
    expect(pipeline.frames).toEqual(['2']);
    expect(pipeline.errors).toMatchObject([{ code: 'ERR_PRIMUS_ENCODE', data: 1 }]);
  });

  it.each([undefined, null, 42, true, {}, [], Symbol('x'), () => {}])(
    'refuses %o of an encoder, which is no frame, at once and later, and goes on',
    async (odd) => {
      const make = (data: unknown) => (data === 'odd' ? (odd as string) : String(data));
      for (const parser of [
        { ...json, encode: make },
        { decoder: json.decoder, encoder: (data, done) => done(null, make(data)) },
        { decoder: json.decoder, encoder: (data, done) => void Promise.resolve().then(() => done(null, make(data))) },
      ] satisfies Parser[]) {
        const recorder = new Recorder(parser);
        for (const data of ['a', 'odd', 'b']) recorder.send(data);
        await settle();
        expect(recorder.frames).toEqual(['a', 'b']);
        expect(recorder.errors).toMatchObject([{ code: 'ERR_PRIMUS_ENCODE', data: 'odd' }]);
      }
    },
  );

  it('takes bytes in any form from an encoder', () => {
    const recorder = new Recorder({ ...json, encode: (data) => data as Uint8Array });
    for (const bytes of [Uint8Array.of(1, 2), Uint8Array.of(1, 2).buffer, new DataView(Uint8Array.of(1, 2).buffer)]) recorder.send(bytes);
    expect(recorder.frames).toEqual(Array.from({ length: 3 }, () => Uint8Array.of(1, 2)));
  });

  it('sends an empty text with a parser that makes one', () => {
    const text = defineParser('text', String, String);
    const pipeline = new Recorder(text);
    expect(pipeline.send('')).toBe(true);
    pipeline.receive('');
    expect(pipeline.frames).toEqual(['']);
    expect(pipeline.delivered).toEqual(['']);
  });

  it('works in both directions at once without one waiting for the other', () => {
    const pipeline = new Recorder();
    const late = gate();
    pipeline.outgoing(late.transformer);
    pipeline.send(1);
    pipeline.receive('2');
    expect(pipeline.delivered).toEqual([2]);
    expect(pipeline.frames).toEqual([]);
  });
});

describe('flush', () => {
  it('calls back at once when nothing waits', () => {
    const pipeline = new Recorder();
    let done = false;
    pipeline.send(1);
    pipeline.flush(() => {
      done = true;
    });
    expect(done).toBe(true);
  });

  it('calls back behind transformers and encoders, and what is sent later is not waited for', async () => {
    const { parser, waiting, release } = halfLate();
    const pipeline = new Recorder(parser);
    const late = gate();
    pipeline.outgoing(late.transformer);
    const order: unknown[] = [];
    pipeline.send(2);
    pipeline.flush(() => order.push(...pipeline.frames, 'flushed'));
    pipeline.send(4);
    expect(order).toEqual([]);
    late.open();
    await settle();
    // Transformed, but still with the encoder.
    expect(order).toEqual([]);
    expect(waiting).toHaveLength(1);
    await release();
    expect(order).toEqual(['2', 'flushed']);
  });

  it('calls back when what it waited for was dropped or failed', async () => {
    const pipeline = new Recorder();
    const late = gate();
    pipeline.outgoing((packet, next) => late.transformer(packet, () => next(packet.data === 1 ? new Error('no') : undefined, false)));
    let flushed = 0;
    for (const number of [1, 2]) {
      pipeline.send(number);
      pipeline.flush(() => {
        flushed++;
      });
    }
    await late.openAll();
    await settle();
    expect(flushed).toBe(2);
    expect(pipeline.frames).toEqual([]);
    expect(pipeline.errors).toHaveLength(1);
  });
});
