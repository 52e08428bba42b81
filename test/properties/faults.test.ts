import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageTransformer, Parser, Primus, Spark } from '../../src/index.js';
import { json } from '../../src/parsers/json.js';
import { type Peer, World } from '../support/world.js';

/** Where the application's code runs, and what it may do there instead of its work. */
const PLACES = ['outgoing', 'incoming', 'encoder', 'decoder', 'listener'] as const;
const FAULTS = [
  'throws',
  'throws nothing',
  'rejects',
  'calls back an error',
  'calls back twice',
  'calls back, then throws',
  'never answers',
] as const;

interface Fault {
  side: 'server' | 'client';
  place: (typeof PLACES)[number];
  fault: (typeof FAULTS)[number];
}

interface Message {
  n: number;
  /** Whether the code misbehaves on this one. */
  evil: boolean;
}

/** Misbehaves as a function of the documented signature; `good` returns the right value. */
function misbehave(fault: Fault['fault'], done: (error?: Error | null, value?: unknown) => void, good: () => unknown): unknown {
  switch (fault) {
    case 'throws':
      throw new Error('evil');
    case 'throws nothing':
      throw undefined;
    case 'rejects':
      return Promise.reject(new Error('evil'));
    case 'calls back an error':
      return void done(new Error('evil'));
    case 'calls back twice':
      done(null, good());
      return void done(null, good());
    case 'calls back, then throws':
      done(null, good());
      throw new Error('evil');
    case 'never answers':
      return undefined;
  }
}

function transformerOf(fault: Fault['fault']): MessageTransformer {
  return ({ data }, next) => ((data as Message).evil ? misbehave(fault, next as never, () => undefined) : next());
}

function parserOf({ place, fault }: Fault): Parser {
  const evil = (text: unknown) => String(text).includes('"evil":true');
  return {
    encoder(data, done) {
      const frame = JSON.stringify(data);
      return place === 'encoder' && evil(frame) ? (misbehave(fault, done as never, () => frame) as undefined) : done(null, frame);
    },
    decoder(frame, done) {
      return place === 'decoder' && evil(frame)
        ? (misbehave(fault, done, () => JSON.parse(String(frame))) as undefined)
        : json.decoder(frame, done);
    },
  };
}

function listenerOf(fault: Fault['fault']): (message: Message) => unknown {
  return ({ evil }) => (evil ? misbehave(fault, noop, noop) : undefined);
}

function noop(): void {}

interface Seen {
  up: Message[];
  down: Message[];
  /** At the end where it happened. */
  errors: unknown[];
}

describe('faulty code of one connection', () => {
  const escaped: unknown[] = [];
  const escaping = (error: unknown) => escaped.push(error);
  beforeAll(() => process.on('uncaughtException', escaping).on('unhandledRejection', escaping));
  afterAll(() => process.off('uncaughtException', escaping).off('unhandledRejection', escaping));

  const fault: fc.Arbitrary<Fault> = fc.record({
    side: fc.constantFrom('server', 'client'),
    place: fc.constantFrom(...PLACES),
    fault: fc.constantFrom(...FAULTS),
  });
  const script = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 });

  it('throws nothing out, does not affect another connection, and costs one message and one error', async () => {
    await fc.assert(
      fc.asyncProperty(fault, script, fc.boolean(), async (what, evils, heard) => {
        const { world, faulty, other, seen } = await set(what, heard);
        evils.forEach((evil, n) => {
          // Only the faulty connection gets messages that make the code misbehave.
          faulty.client.write({ n, evil });
          other.client.write({ n, evil: false });
          world.findSpark(faulty)?.write({ n, evil });
          world.findSpark(other)?.write({ n, evil: false });
        });
        await world.pass(10);

        const all = evils.map((evil, n) => ({ n, evil }));
        const good = all.map(({ n }) => ({ n, evil: false }));
        expect([seen.other.up, seen.other.down], 'the other connection').toEqual([good, good]);
        expect(seen.other.errors).toEqual([]);
        expect([faulty.client.state.name, other.client.state.name]).toEqual(['open', 'open']);

        const affectsUp = (what.side === 'client') === (what.place === 'outgoing' || what.place === 'encoder');
        const [affected, unaffected] = affectsUp ? [seen.faulty.up, seen.faulty.down] : [seen.faulty.down, seen.faulty.up];
        expect(unaffected, 'the other direction').toEqual(all);
        expect(affected, 'the affected direction').toEqual(survivors(what, all));
        if (heard) expect(seen.faulty.errors).toHaveLength(evils.filter((evil) => evil && isLoud(what)).length);

        await world.destroy();
        expect(world.primus.connected, 'the server keeps no connection').toBe(0);
        expect(world.clock.pending).toBe(0);
        expect(escaped.splice(0)).toEqual([]);
      }),
      { numRuns: 250 },
    );
  });

  it.each([
    ['the next heartbeat', 1_000],
    ['the shutdown', false],
  ] as const)('keeps a connection whose client has left no longer than until %s', async (_who, pingInterval) => {
    const world = new World({ server: { pingInterval } });
    world.primus.transform('incoming', (_packet, _next) => {});
    const { client } = world.connect();
    await world.pass(1);
    // So many that the link is paused as well.
    for (let n = 0; n < 40; n++) client.write(n);
    await world.pass(1);
    world.network.cut();
    client.destroy();
    await world.pass(2_200);
    expect(world.primus.connected).toBe(pingInterval === false ? 1 : 0);
    await world.destroy();
    expect([world.primus.connected, world.clock.pending]).toEqual([0, 0]);
  });

  /** Two connected clients of which one has, or shares with its spark, the misbehaving code. */
  async function set(
    what: Fault,
    heard: boolean,
  ): Promise<{ world: World; faulty: Peer; other: Peer; seen: Record<'faulty' | 'other', Seen> }> {
    const { side, place, fault } = what;
    const parser = place === 'encoder' || place === 'decoder' ? parserOf(what) : json;
    const world = new World({ server: { pingInterval: false, ...(side === 'server' && { parser }) } });
    const [faulty, other] = [world.connect({}, side === 'client' ? { parser } : { parser: json }), world.connect({}, { parser: json })];
    const seen = { faulty: { up: [], down: [], errors: [] } as Seen, other: { up: [], down: [], errors: [] } as Seen };
    const faultyEnd: Primus | Peer['client'] = side === 'server' ? world.primus : faulty.client;
    if (place === 'outgoing' || place === 'incoming') faultyEnd.transform(place, transformerOf(fault));
    world.primus.on('connection', (spark: Spark) => {
      const whose = spark.query.peer === faulty.name ? seen.faulty : seen.other;
      // First: Node.js does not call the listeners after one that throws.
      spark.on('data', (message: Message) => whose.up.push(message));
      if (side === 'server' && place === 'listener') spark.on('data', listenerOf(fault));
      if (heard && side === 'server') spark.on('error', (error) => whose.errors.push(error));
    });
    for (const [peer, whose] of [
      [faulty, seen.faulty],
      [other, seen.other],
    ] as const) {
      if (side === 'client' && place === 'listener' && peer === faulty) peer.client.on('data', listenerOf(fault));
      peer.client.on('data', (message: Message) => whose.down.push(message));
      if (heard && side === 'client') peer.client.on('error', (error) => whose.errors.push(error));
    }
    await world.pass(1);
    return { world, faulty, other, seen };
  }

  /** The messages that still arrive. */
  function survivors({ place, fault }: Fault, all: Message[]): Message[] {
    if (place === 'listener') return all;
    if (fault === 'never answers') {
      const first = all.findIndex(({ evil }) => evil);
      return first === -1 ? all : all.slice(0, first);
    }
    return fault === 'calls back twice' ? all : all.filter(({ evil }) => !evil);
  }

  /** Whether the fault causes an `error` event. A listener has no callback. */
  function isLoud({ place, fault }: Fault): boolean {
    if (fault === 'calls back an error') return place !== 'listener';
    return fault !== 'calls back twice' && fault !== 'never answers';
  }
});
