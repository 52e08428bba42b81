import { EMPTY, type Observable } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';
import {
  type Arrival,
  type ClientTransformer,
  type Frame,
  type Host,
  type Link,
  type Parser,
  Primus,
  type ServerTransformer,
  type Transformer,
} from '../../src/index.js';
import { memory } from '../../transformers/memory/index.js';
import { websockets } from '../../transformers/websockets/index.js';
import { anything } from './anything.js';

const link: Link = anything;

describe('the contract of a transformer', () => {
  it('is a name, a server half and a client half', () => {
    const mine = {
      name: 'mine',
      server: {
        listen(host: Host) {
          expectTypeOf(host.upgrade$).toExtend<Observable<{ request: unknown }>>();
          return EMPTY;
        },
      },
      client: { connect: () => EMPTY },
    } satisfies Transformer<Host>;
    expectTypeOf(mine).toExtend<Transformer<Host>>();
    // @ts-expect-error It has a server's half.
    ({ name: 'mine', client: { connect: () => EMPTY } }) satisfies Transformer;
    // @ts-expect-error It has a client's half.
    ({ name: 'mine', server: { listen: () => EMPTY } }) satisfies Transformer;
    // @ts-expect-error It has a name.
    ({ server: { listen: () => EMPTY }, client: { connect: () => EMPTY } }) satisfies Transformer;
    // @ts-expect-error What arrives is a stream.
    ({ listen: () => [] }) satisfies ServerTransformer;
    // @ts-expect-error A client half returns a stream of links.
    ({ connect: async () => link }) satisfies ClientTransformer;
    // @ts-expect-error An arrival has its request.
    ({ link }) satisfies Arrival;
  });

  it('is kept by the built-in transformers and accepted by a server', () => {
    expectTypeOf(memory.name).toBeString();
    expectTypeOf(websockets.bundle).toBeString();
    // The `transformer` option takes them as objects.
    () => new Primus(null as never, { transformer: websockets });
    () => new Primus(null as never, { transformer: memory });
  });
});

describe('a link', () => {
  it('sends frames and closes', () => {
    expectTypeOf(link.send).parameters.toEqualTypeOf<[Frame]>();
    expectTypeOf<Frame>().toEqualTypeOf<string | Uint8Array>();
    expectTypeOf(link.bufferedAmount).toEqualTypeOf<number>();
    // @ts-expect-error A frame is encoded.
    () => link.send({ data: 1 });
    // @ts-expect-error `bufferedAmount` is read-only.
    link.bufferedAmount = 0;
  });
});

describe('a parser', () => {
  it('is an encoder and a decoder with error-first callbacks', () => {
    ({
      encoder: (data, done) => done(null, JSON.stringify(data)),
      decoder: (frame, done) => {
        expectTypeOf(frame).toEqualTypeOf<Frame>();
        done(new Error('no'));
      },
    }) satisfies Parser;
    // @ts-expect-error It decodes as well.
    ({ encoder() {} }) satisfies Parser;
    ({
      // @ts-expect-error A frame is a string or bytes.
      encoder: (_data, done) => done(null, 42),
      decoder() {},
    }) satisfies Parser;
  });
});
