import { describe, expect, it } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { watchForCrashes } from '../server/crashes.js';
import { CLOSE, closing, frame, handshake, type Raw, raw, TEXT } from '../server/raw.js';
import { event, roundTrips, serve, until } from '../support/serve.js';

/** A transformer whose WebSockets may be dialled by hand. */
export interface Dialled {
  transformer: string;
  /** The target of the handshake. */
  target?: string;
  /** The frames that a client sends first. */
  opening?: readonly string[];
  /** Returns the frame of an encoded message. */
  encode?: (message: string) => string;
}

/** Frames that come in the same segment as the handshake are like those that come later. */
export function coalesced({ transformer, target = '/primus', opening = [], encode = (message) => message }: Dialled): void {
  const message = (data: unknown) => frame(TEXT, encode(JSON.stringify(data)));
  const hello = Buffer.concat(opening.map((text) => frame(TEXT, text)));

  /** A server, and what it and its sparks emit, in order. */
  async function scene(options: ServerOptions = {}) {
    const served = await serve({ transformer, ...options });
    const { primus } = served;
    const events: unknown[] = [];
    primus.on('connection', (spark: Spark) => {
      events.push('connection');
      spark.on('data', (data: unknown) => events.push(data));
      spark.on('error', () => {});
    });
    primus.on('disconnection', () => events.push('disconnection'));
    return { ...served, events };
  }

  const dial = async (port: number, ...parts: Buffer[]): Promise<Raw> => (await raw(port)).send(handshake(target), hello, ...parts);

  // One that has to join first, and leaves at once, has never joined.
  const endsBehind = it.skipIf(opening.length > 0);

  describe(`frames in one segment with the handshake of ${transformer}`, () => {
    watchForCrashes();

    it('arrive once and in order, before what comes later', async () => {
      const { port, events } = await scene();
      const client = await dial(port, message(1), message(2), message('3'));
      expect(await client.answer()).toMatch(/^HTTP\/1\.1 101/);
      await until(() => events.length === 4);
      client.send(message(4));
      await until(() => events.length === 5);
      expect(events).toEqual(['connection', 1, 2, '3', 4]);
    });

    endsBehind('arrive before the end that follows them', async () => {
      const { port, primus, events } = await scene();
      await dial(port, message(1), message(2), frame(CLOSE, closing(1000)));
      await until(() => events.includes('disconnection'));
      expect(events).toEqual(['connection', 1, 2, 'disconnection']);
      expect(primus.connected).toBe(0);
    });

    endsBehind('that are valid arrive before a malformed one ends the connection', async () => {
      const { port, primus, events } = await scene();
      await dial(port, message(1), frame(TEXT, 'x', { reserved: 7 }), message(2));
      await until(() => events.includes('disconnection'));
      expect(events).toEqual(['connection', 1, 'disconnection']);
      expect(primus.connected).toBe(0);
    });

    it('that only close leave no spark behind', async () => {
      const { port, primus, events } = await scene();
      const client = await dial(port, frame(CLOSE, closing(1000)));
      await client.rest();
      await until(() => primus.connected === 0);
      expect(events.filter((name) => name !== 'connection' && name !== 'disconnection')).toEqual([]);
      expect(events.filter((name) => name === 'connection')).toHaveLength(events.filter((name) => name === 'disconnection').length);
    });

    it('may be many, and end with half a one', async () => {
      const { port, events } = await scene();
      const numbers = Array.from({ length: 5_000 }, (_, index) => index);
      const last = message('the last');
      const client = await dial(port, ...numbers.map(message), last.subarray(0, 5));
      await client.answer();
      client.send(last.subarray(5));
      await until(() => events.length === numbers.length + 2);
      expect(events).toEqual(['connection', ...numbers, 'the last']);
    });

    it('wait for authorization, with those that come meanwhile', async () => {
      let authorize = () => {};
      const { port, url, primus, events } = await scene({
        authorization: (_request, done) => {
          authorize = done;
        },
      });
      const client = await dial(port, message(1));
      await roundTrips(url);
      client.send(message(2), message(3));
      await roundTrips(url);
      expect(events).toEqual([]);
      authorize();
      await until(() => events.length === 4);
      expect(events).toEqual(['connection', 1, 2, 3]);
      expect(primus.connected).toBe(1);
    });

    it('do not arrive when authorization fails', async () => {
      const { port, primus, events } = await scene({ authorization: (_request, done) => setImmediate(done, { message: 'no' }) });
      const client = await dial(port, message(1));
      expect(await client.answer()).toMatch(/^HTTP\/1\.1 401/);
      await client.rest();
      expect(events).toEqual([]);
      expect(primus.connected).toBe(0);
    });

    it('wait for an asynchronous connection listener', async () => {
      const { port, primus, events } = await scene();
      let accept = () => {};
      const asked = new Promise<void>((resolve) => {
        primus.on('connection', (_spark: Spark, next: () => void) => {
          accept = next;
          resolve();
        });
      });
      await dial(port, message(1), message(2));
      await asked;
      expect(events).toEqual(['connection']);
      accept();
      await until(() => events.length === 3);
      expect(events).toEqual(['connection', 1, 2]);
    });

    it('may ask for the id of the spark', async () => {
      const { port, primus } = await scene();
      const announced = event(primus, 'connection');
      const client = await dial(port, message('primus::id::'));
      const [spark] = (await announced) as [Spark];
      const answer = async (): Promise<string> => {
        const text = (await client.frame()).payload.toString();
        return text.includes('primus::id::') ? text : answer();
      };
      expect(await answer()).toContain(spark.id);
    });
  });
}
