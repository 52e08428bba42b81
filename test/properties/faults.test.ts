import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageTransformer, Parser, Primus, Spark } from '../../src/index.js';
import { json } from '../../src/parsers/json.js';
import { type Peer, World } from '../support/world.js';

/** Where somebody else's code runs, and what it may do there instead of its work. */
const PLACES = ['outgoing', 'incoming', 'encoder', 'decoder', 'listener'] as const;
const DEEDS = [
  'throws',
  'throws nothing',
  'rejects',
  'calls back an error',
  'calls back twice',
  'calls back, then throws',
  'never answers',
] as const;

interface Crime {
  side: 'server' | 'client';
  place: (typeof PLACES)[number];
  deed: (typeof DEEDS)[number];
}

interface Message {
  n: number;
  /** Whether the code misbehaves on this one. */
  evil: boolean;
}

/** What a step of documented signature does with a message that makes it misbehave; `good` is what it should have done. */
function misbehave(deed: Crime['deed'], done: (error?: Error | null, value?: unknown) => void, good: () => unknown): unknown {
  switch (deed) {
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

function transformerOf(deed: Crime['deed']): MessageTransformer {
  return ({ data }, next) => ((data as Message).evil ? misbehave(deed, next as never, () => undefined) : next());
}

function parserOf({ place, deed }: Crime): Parser {
  const evil = (text: unknown) => String(text).includes('"evil":true');
  return {
    encoder(data, done) {
      const frame = JSON.stringify(data);
      return place === 'encoder' && evil(frame) ? (misbehave(deed, done as never, () => frame) as undefined) : done(null, frame);
    },
    decoder(frame, done) {
      return place === 'decoder' && evil(frame)
        ? (misbehave(deed, done, () => JSON.parse(String(frame))) as undefined)
        : json.decoder(frame, done);
    },
  };
}

function listenerOf(deed: Crime['deed']): (message: Message) => unknown {
  return ({ evil }) => (evil ? misbehave(deed, nobody, nobody) : undefined);
}

function nobody(): void {}

interface Seen {
  up: Message[];
  down: Message[];
  /** At the end where it happened. */
  errors: unknown[];
}

describe('code that misbehaves on one connection', () => {
  const escaped: unknown[] = [];
  const escaping = (error: unknown) => escaped.push(error);
  beforeAll(() => process.on('uncaughtException', escaping).on('unhandledRejection', escaping));
  afterAll(() => process.off('uncaughtException', escaping).off('unhandledRejection', escaping));

  const crime: fc.Arbitrary<Crime> = fc.record({
    side: fc.constantFrom('server', 'client'),
    place: fc.constantFrom(...PLACES),
    deed: fc.constantFrom(...DEEDS),
  });
  const script = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 });

  it('never throws out, never harms another one, and costs one message and one error', async () => {
    await fc.assert(
      fc.asyncProperty(crime, script, fc.boolean(), async (what, evils, heard) => {
        const { world, victim, other, seen } = await set(what, heard);
        evils.forEach((evil, n) => {
          // Nobody but the victim's own connection ever meets an evil message.
          victim.client.write({ n, evil });
          other.client.write({ n, evil: false });
          world.sparkOf(victim)?.write({ n, evil });
          world.sparkOf(other)?.write({ n, evil: false });
        });
        await world.pass(10);

        const all = evils.map((evil, n) => ({ n, evil }));
        const good = all.map(({ n }) => ({ n, evil: false }));
        expect([seen.other.up, seen.other.down], 'the other connection').toEqual([good, good]);
        expect(seen.other.errors).toEqual([]);
        expect([victim.client.state.name, other.client.state.name]).toEqual(['open', 'open']);

        // Which direction it is in the way of.
        const inTheWayOfUp = (what.side === 'client') === (what.place === 'outgoing' || what.place === 'encoder');
        const [met, unmet] = inTheWayOfUp ? [seen.victim.up, seen.victim.down] : [seen.victim.down, seen.victim.up];
        expect(unmet, 'the other direction').toEqual(all);
        expect(met, 'the direction that was met').toEqual(survivors(what, all));
        if (heard) expect(seen.victim.errors).toHaveLength(evils.filter((evil) => evil && isLoud(what)).length);

        await world.destroy();
        expect(world.primus.connected, 'nobody is held for ever').toBe(0);
        expect(world.clock.pending).toBe(0);
        expect(escaped.splice(0)).toEqual([]);
      }),
      { numRuns: 250 },
    );
  });

  it.each([
    ['the heartbeat', 1_000],
    ['the end of the server', false],
  ] as const)('holds no connection whose client has left for longer than %s', async (_who, pingInterval) => {
    const world = new World({ server: { pingInterval } });
    world.primus.transform('incoming', (_packet, _next) => {});
    const { client } = world.connect();
    await world.pass(1);
    // More than there may be under way without the line being paused, too.
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
    what: Crime,
    heard: boolean,
  ): Promise<{ world: World; victim: Peer; other: Peer; seen: Record<'victim' | 'other', Seen> }> {
    const { side, place, deed } = what;
    const parser = place === 'encoder' || place === 'decoder' ? parserOf(what) : json;
    const world = new World({ server: { pingInterval: false, ...(side === 'server' && { parser }) } });
    const [victim, other] = [world.connect({}, side === 'client' ? { parser } : { parser: json }), world.connect({}, { parser: json })];
    const seen = { victim: { up: [], down: [], errors: [] } as Seen, other: { up: [], down: [], errors: [] } as Seen };
    const guilty: Primus | Peer['client'] = side === 'server' ? world.primus : victim.client;
    if (place === 'outgoing' || place === 'incoming') guilty.transform(place, transformerOf(deed));
    world.primus.on('connection', (spark: Spark) => {
      const whose = spark.query.peer === victim.name ? seen.victim : seen.other;
      // First, for whom comes after a listener that throws hears nothing, as with every emitter of Node's.
      spark.on('data', (message: Message) => whose.up.push(message));
      if (side === 'server' && place === 'listener') spark.on('data', listenerOf(deed));
      if (heard && side === 'server') spark.on('error', (error) => whose.errors.push(error));
    });
    for (const [peer, whose] of [
      [victim, seen.victim],
      [other, seen.other],
    ] as const) {
      if (side === 'client' && place === 'listener' && peer === victim) peer.client.on('data', listenerOf(deed));
      peer.client.on('data', (message: Message) => whose.down.push(message));
      if (heard && side === 'client') peer.client.on('error', (error) => whose.errors.push(error));
    }
    await world.pass(1);
    return { world, victim, other, seen };
  }

  /** What still arrives. */
  function survivors({ place, deed }: Crime, all: Message[]): Message[] {
    if (place === 'listener') return all;
    if (deed === 'never answers') {
      const first = all.findIndex(({ evil }) => evil);
      return first === -1 ? all : all.slice(0, first);
    }
    return deed === 'calls back twice' ? all : all.filter(({ evil }) => !evil);
  }

  /** Whether an error is told of. A listener has nothing to call back. */
  function isLoud({ place, deed }: Crime): boolean {
    if (deed === 'calls back an error') return place !== 'listener';
    return deed !== 'calls back twice' && deed !== 'never answers';
  }
});
