import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Primus as Client } from '../../client/primus.js';
import { parseControl, printControl } from '../../src/core/protocol.js';
import type { MessageTransformer, Parser, Primus, Spark } from '../../src/index.js';
import { json } from '../../src/parsers/json.js';
import type { Clock } from '../support/clock.js';
import { type LinkPair, type Peer, World, type WorldOptions } from '../support/world.js';

interface Connected {
  world: World;
  peer: Peer;
  spark: Spark;
  pair: LinkPair;
  /** The messages that the server, and the client, received. */
  up: unknown[];
  down: unknown[];
  errors: Error[];
}

/** Runs a test with one connected client, and destroys everything: no timer is left. */
async function withConnection(
  options: WorldOptions,
  run: (connected: Connected) => Promise<void>,
  prepare?: (end: Primus | Client) => void,
): Promise<void> {
  const world = new World(options);
  const peer = world.connect();
  prepare?.(world.primus);
  prepare?.(peer.client);
  await world.pass(100);
  const spark = world.findSpark(peer) as Spark;
  const connected: Connected = { world, peer, spark, pair: world.network.pairs[0] as LinkPair, up: [], down: [], errors: [] };
  spark.on('data', (data) => connected.up.push(data));
  peer.client.on('data', (data) => connected.down.push(data));
  spark.on('error', (error) => connected.errors.push(error));
  peer.client.on('error', (error) => connected.errors.push(error));
  await run(connected);
  await world.destroy();
  // The timers of a slow parser are its own.
  await world.pass(50);
  expect(world.clock.pending).toBe(0);
}

/** Any JSON value, above all with keys and characters that are special somewhere. */
const value = fc.oneof(
  fc.jsonValue({ stringUnit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\0', '\u2028', '\ud800', '"', '\\', '\ufeff', '🎉', 'é') }),
  fc
    .dictionary(
      fc.constantFrom('__proto__', 'constructor', 'toString', 'then', 'data', 'length', ''),
      fc.jsonValue({ stringUnit: 'binary' }),
    )
    .map(
      (entries) =>
        JSON.parse(`{${Object.entries(entries).map(([key, data]) => `${JSON.stringify(key)}:${JSON.stringify(data)}`)}}`) as unknown,
    ),
);

const strings = (values: readonly unknown[]): string[] => values.map((data) => JSON.stringify(data));

describe('a JSON value', () => {
  it('arrives unchanged and in order, in both directions and by broadcast', async () => {
    const lists = fc.array(value, { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(lists, fc.constantFrom(0, 3), async (values, latency) =>
        withConnection({ latency }, async ({ world, peer, spark, up, down, errors }) => {
          const plain = values.filter((data) => !(typeof data === 'string' && data.startsWith('primus::')));
          for (const data of plain) {
            expect(peer.client.write(data)).toBe(true);
            expect(spark.write(data)).toBe(true);
            expect(world.primus.write(data)).toBe(world.primus);
          }
          await world.pass(10);
          // As strings, as `toEqual` ignores `__proto__`; and as values, as strings have no types.
          expect(strings(up)).toEqual(strings(plain));
          expect(strings(down)).toEqual(strings(plain.flatMap((data) => [data, data])));
          expect(up).toEqual(JSON.parse(JSON.stringify(plain)));
          expect(errors).toEqual([]);
        }),
      ),
      { numRuns: 100 },
    );
  });

  it('that JSON cannot express is not sent: write() returns false, and an error gives the reason', async () => {
    const circle: unknown[] = [];
    circle.push(circle);
    for (const odd of [undefined, () => {}, Symbol('odd'), circle, 1n]) {
      await withConnection({}, async ({ world, peer, spark, up, down, errors }) => {
        for (const end of [peer.client, spark]) {
          expect(end.write(odd)).toBe(false);
          expect(end.write('next')).toBe(true);
        }
        await world.pass(1);
        expect([up, down]).toEqual([['next'], ['next']]);
        expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_ENCODE' }, { code: 'ERR_PRIMUS_ENCODE' }]);
      });
    }
  });
});

/** When a step answers: at once, at the end of the turn, or so many ms later. */
type Delay = 'now' | 'turn' | number;

/** One message transformer: when it answers and which messages it drops, in patterns that repeat. */
interface Step {
  style: 'callback' | 'promise';
  delays: Delay[];
  drops: boolean[];
}

interface Numbered {
  n: number;
  path: string[];
}

const delay = fc.oneof(fc.constantFrom<Delay>('now', 'turn'), fc.integer({ min: 1, max: 20 }));
const step: fc.Arbitrary<Step> = fc.record({
  style: fc.constantFrom('callback', 'promise'),
  delays: fc.array(delay, { minLength: 1, maxLength: 5 }),
  drops: fc.array(
    fc.nat(5).map((nat) => nat === 0),
    { minLength: 1, maxLength: 5 },
  ),
});
const steps = fc.array(step, { maxLength: 3 });

function at<T>(pattern: readonly T[], n: number): T {
  return pattern[n % pattern.length] as T;
}

function after(clock: Clock, how: Delay, done: () => void): void {
  if (how === 'now') done();
  else if (how === 'turn') queueMicrotask(done);
  else clock.schedule(done, how);
}

function transformer(clock: Clock, { style, delays, drops }: Step, tag: string): MessageTransformer {
  const mark = (data: Numbered) => data.path.push(tag);
  if (style === 'callback') {
    return ({ data }, next) =>
      after(clock, at(delays, data.n), () => {
        mark(data);
        next(null, !at(drops, data.n));
      });
  }
  return ({ data }) => {
    const how = at(delays, data.n);
    if (how === 'now') {
      mark(data);
      return !at(drops, data.n);
    }
    return new Promise<boolean>((resolve) =>
      after(clock, how, () => {
        mark(data);
        resolve(!at(drops, data.n));
      }),
    );
  };
}

/** A parser whose two functions take the times of a pattern. */
function slowParser(clock: () => Clock, encoding: readonly Delay[], decoding: readonly Delay[]): Parser {
  let encoded = 0;
  let decoded = 0;
  return {
    encoder: (data, done) => after(clock(), at(encoding, encoded++), () => json.encoder(data, done)),
    decoder: (frame, done) => after(clock(), at(decoding, decoded++), () => json.decoder(frame, done)),
  };
}

describe('the order of messages', () => {
  const stacks = fc.record({ up: fc.record({ outgoing: steps, incoming: steps }), down: fc.record({ outgoing: steps, incoming: steps }) });
  const delays = fc.array(delay, { minLength: 1, maxLength: 4 });
  const parsers = fc.option(fc.record({ encoding: delays, decoding: delays }), { nil: undefined });
  /** Messages written in one go, and the pause after them. */
  const bursts = fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.nat(30)), { minLength: 1, maxLength: 6 });

  it('is kept by any mix of synchronous and asynchronous transformers and parsers, in both directions', async () => {
    await fc.assert(
      fc.asyncProperty(stacks, parsers, bursts, fc.constantFrom(0, 4), async ({ up, down }, slow, script, latency) => {
        let clock!: Clock;
        const parser = slow && slowParser(() => clock, slow.encoding, slow.decoding);
        const world: WorldOptions = { latency, server: { pingInterval: false, ...(parser && { parser }) } };

        const prepare = (end: Primus | Client): void => {
          const server = 'connections' in end;
          clock = server ? (end.options.scheduler as Clock) : clock;
          const [outgoing, incoming] = server ? [down.outgoing, up.incoming] : [up.outgoing, down.incoming];
          outgoing.forEach((each, index) => void end.transform('outgoing', transformer(clock, each, `out ${index}`)));
          incoming.forEach((each, index) => void end.transform('incoming', transformer(clock, each, `in ${index}`)));
        };

        const run = async (connected: Connected): Promise<void> => {
          let n = 0;
          for (const [count, pause] of script) {
            for (let each = 0; each < count; each++, n++) {
              expect([connected.peer.client.write({ n, path: [] }), connected.spark.write({ n, path: [] })]).not.toContain(undefined);
            }
            await connected.world.pass(pause);
          }
          // As long as all messages, one after the other, take at most.
          await connected.world.pass(n * 8 * 20 + 100);
          expect(connected.up).toEqual(expected(up, n));
          expect(connected.down).toEqual(expected(down, n));
          expect(connected.errors).toEqual([]);
        };

        await withConnection(world, run, prepare);
      }),
      { numRuns: 150 },
    );
  });

  function expected({ outgoing, incoming }: { outgoing: Step[]; incoming: Step[] }, count: number): Numbered[] {
    const path = [...outgoing.map((_, index) => `out ${index}`), ...incoming.map((_, index) => `in ${index}`)];
    return Array.from({ length: count }, (_, n) => ({ n, path })).filter(
      ({ n }) => ![...outgoing, ...incoming].some(({ drops }) => at(drops, n)),
    );
  }
});

describe('a message that begins with primus::', () => {
  const rest = fc.oneof(fc.string(), fc.constantFrom('server::close', 'id::', 'id::x', 'ping::1', 'pong::1'));

  it('is not sent when it is written, or made by a message transformer', async () => {
    await fc.assert(
      fc.asyncProperty(rest, fc.boolean(), async (tail, transformed) => {
        const reserved = `primus::${tail}`;
        // What a message transformer makes of a harmless message counts as well.
        const prepare = (end: Primus | Client) => {
          if (!transformed) return;
          end.transform('outgoing', (packet) => {
            if (packet.data === 'harmless') packet.data = reserved;
          });
        };
        const run = async ({ world, peer, spark, pair, up, down, errors }: Connected) => {
          const log: string[] = [];
          world.primus.on('log', (level) => log.push(level));
          const sent = [...pair.up, ...pair.down];
          for (const end of [peer.client, spark]) expect(end.write(transformed ? 'harmless' : reserved)).toBe(false);
          expect(errors).toMatchObject([
            { code: 'ERR_PRIMUS_RESERVED', data: reserved },
            { code: 'ERR_PRIMUS_RESERVED', data: reserved },
          ]);
          world.primus.write(reserved);
          expect(log).toEqual(['error']);
          expect([...pair.up, ...pair.down]).toEqual(sent);
          await world.pass(1);
          expect([peer.client.state.name, up, down]).toEqual(['open', [], []]);
        };
        await withConnection({}, run, prepare);
      }),
      { numRuns: 50 },
    );
  });

  it('is ignored when it is an unknown control message', async () => {
    const nonsense = rest.filter((tail) => !/^(ping|pong)::\d{1,16}$|^id::|^server::close$/.test(tail));
    // Known, but only to the peer.
    const upwards = fc.oneof(nonsense, fc.constantFrom('server::close', 'ping::1', 'id::x'));
    const downwards = fc.oneof(nonsense, fc.constantFrom('pong::1', 'id::'));
    await fc.assert(
      fc.asyncProperty(upwards, downwards, async (above, below) =>
        withConnection({}, async ({ world, peer, spark, pair, up, down, errors }) => {
          const said = [pair.up.length, pair.down.length];
          pair.client.send(JSON.stringify(`primus::${above}`));
          pair.server.send(JSON.stringify(`primus::${below}`));
          await world.pass(1);
          expect([up, down, errors]).toEqual([[], [], []]);
          // No end answered: one frame in each direction, the one above.
          expect([pair.up.length, pair.down.length]).toEqual(said.map((count) => count + 1));
          expect([peer.client.state.name, spark.readyState]).toEqual(['open', 3]);
        }),
      ),
      { numRuns: 100 },
    );
  });

  it('is parsed as it was printed', () => {
    const stamp = fc.stringMatching(/^\d{1,16}$/);
    const control = fc.oneof(
      fc.record({ type: fc.constantFrom('ping' as const, 'pong' as const), value: stamp }),
      fc.record({ type: fc.constant('id' as const), value: fc.string({ unit: 'binary' }) }),
      fc.constant({ type: 'server' as const, value: 'close' as const }),
    );
    fc.assert(
      fc.property(control, (message) => {
        expect(parseControl(printControl(message))).toEqual(message);
      }),
    );
  });

  it('is parsed as a control message, or as unknown, and printed as the same string', () => {
    fc.assert(
      fc.property(fc.oneof(rest, fc.string({ unit: 'binary' })), (tail) => {
        const message = parseControl(`primus::${tail}`);
        expect(message.type === 'unknown' ? message.value : printControl(message)).toBe(`primus::${tail}`);
      }),
    );
  });
});
