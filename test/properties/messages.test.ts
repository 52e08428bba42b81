import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Primus as Client } from '../../client/primus.js';
import { parseControl, printControl } from '../../src/core/protocol.js';
import type { MessageTransformer, Parser, Primus, Spark } from '../../src/index.js';
import { json } from '../../src/parsers/json.js';
import type { Clock } from '../support/clock.js';
import { type Line, type Peer, World, type WorldOptions } from '../support/world.js';

interface Pair {
  world: World;
  peer: Peer;
  spark: Spark;
  line: Line;
  /** What the server, and the client, received. */
  up: unknown[];
  down: unknown[];
  errors: Error[];
}

/** One client that is connected; all of it is gone afterwards, and no timer is left. */
async function together(
  options: WorldOptions,
  run: (pair: Pair) => Promise<void>,
  prepare?: (end: Primus | Client) => void,
): Promise<void> {
  const world = new World(options);
  const peer = world.connect();
  prepare?.(world.primus);
  prepare?.(peer.client);
  await world.pass(100);
  const spark = world.sparkOf(peer) as Spark;
  const pair: Pair = { world, peer, spark, line: world.network.lines[0] as Line, up: [], down: [], errors: [] };
  spark.on('data', (data) => pair.up.push(data));
  peer.client.on('data', (data) => pair.down.push(data));
  spark.on('error', (error) => pair.errors.push(error));
  peer.client.on('error', (error) => pair.errors.push(error));
  await run(pair);
  await world.destroy();
  // The timers of a slow parser are its own.
  await world.pass(50);
  expect(world.clock.pending).toBe(0);
}

/** Any JSON value, keys and characters that are somebody's special case above all. */
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

const text = (values: readonly unknown[]): string[] => values.map((data) => JSON.stringify(data));

describe('any JSON value', () => {
  it('survives the trip, both ways and to all, in order', async () => {
    const lists = fc.array(value, { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(lists, fc.constantFrom(0, 3), async (values, latency) =>
        together({ latency }, async ({ world, peer, spark, up, down, errors }) => {
          const plain = values.filter((data) => !(typeof data === 'string' && data.startsWith('primus::')));
          for (const data of plain) {
            expect(peer.client.write(data)).toBe(true);
            expect(spark.write(data)).toBe(true);
            expect(world.primus.write(data)).toBe(true);
          }
          await world.pass(10);
          // As text, for `toEqual` has its own thoughts about `__proto__`; as values, for text knows no types.
          expect(text(up)).toEqual(text(plain));
          expect(text(down)).toEqual(text(plain.flatMap((data) => [data, data])));
          expect(up).toEqual(JSON.parse(JSON.stringify(plain)));
          expect(errors).toEqual([]);
        }),
      ),
      { numRuns: 100 },
    );
  });

  it('that JSON has no form for is refused, at once and with the reason', async () => {
    const circle: unknown[] = [];
    circle.push(circle);
    for (const odd of [undefined, () => {}, Symbol('odd'), circle, 1n]) {
      await together({}, async ({ world, peer, spark, up, down, errors }) => {
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

/** How a step answers: at once, at the end of the turn, or so many ms later. */
type Pace = 'now' | 'turn' | number;

/** What one message transformer does, message by message: its patterns begin anew when they end. */
interface Step {
  style: 'callback' | 'promise';
  paces: Pace[];
  drops: boolean[];
}

interface Numbered {
  n: number;
  path: string[];
}

const pace = fc.oneof(fc.constantFrom<Pace>('now', 'turn'), fc.integer({ min: 1, max: 20 }));
const step: fc.Arbitrary<Step> = fc.record({
  style: fc.constantFrom('callback', 'promise'),
  paces: fc.array(pace, { minLength: 1, maxLength: 5 }),
  drops: fc.array(
    fc.nat(5).map((nat) => nat === 0),
    { minLength: 1, maxLength: 5 },
  ),
});
const steps = fc.array(step, { maxLength: 3 });

function at<T>(pattern: readonly T[], n: number): T {
  return pattern[n % pattern.length] as T;
}

function after(clock: Clock, how: Pace, done: () => void): void {
  if (how === 'now') done();
  else if (how === 'turn') queueMicrotask(done);
  else clock.schedule(done, how);
}

function transformer(clock: Clock, { style, paces, drops }: Step, tag: string): MessageTransformer {
  const mark = (data: Numbered) => data.path.push(tag);
  if (style === 'callback') {
    return ({ data }, next) =>
      after(clock, at(paces, data.n), () => {
        mark(data);
        next(null, !at(drops, data.n));
      });
  }
  return ({ data }) => {
    const how = at(paces, data.n);
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
function slowParser(clock: () => Clock, encoding: readonly Pace[], decoding: readonly Pace[]): Parser {
  let encoded = 0;
  let decoded = 0;
  return {
    encoder: (data, done) => after(clock(), at(encoding, encoded++), () => json.encoder(data, done)),
    decoder: (frame, done) => after(clock(), at(decoding, decoded++), () => json.decoder(frame, done)),
  };
}

describe('order', () => {
  const stacks = fc.record({ up: fc.record({ outgoing: steps, incoming: steps }), down: fc.record({ outgoing: steps, incoming: steps }) });
  const paces = fc.array(pace, { minLength: 1, maxLength: 4 });
  const parsers = fc.option(fc.record({ encoding: paces, decoding: paces }), { nil: undefined });
  /** Messages written in one go, and the pause after them. */
  const bursts = fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.nat(30)), { minLength: 1, maxLength: 6 });

  it('is kept through any mix of transformers and parsers, at once or later, in both directions', async () => {
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

        const run = async (pair: Pair): Promise<void> => {
          let n = 0;
          for (const [count, pause] of script) {
            for (let each = 0; each < count; each++, n++) {
              expect([pair.peer.client.write({ n, path: [] }), pair.spark.write({ n, path: [] })]).not.toContain(undefined);
            }
            await pair.world.pass(pause);
          }
          // As long as everything one after the other takes at most.
          await pair.world.pass(n * 8 * 20 + 100);
          expect(pair.up).toEqual(expected(up, n));
          expect(pair.down).toEqual(expected(down, n));
          expect(pair.errors).toEqual([]);
        };

        await together(world, run, prepare);
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

describe('what begins with primus::', () => {
  const rest = fc.oneof(fc.string(), fc.constantFrom('server::close', 'id::', 'id::x', 'ping::1', 'pong::1'));

  it('is refused when a user writes it, wherever it comes from', async () => {
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
        const run = async ({ world, peer, spark, line, up, down, errors }: Pair) => {
          const log: string[] = [];
          world.primus.on('log', (level) => log.push(level));
          const sent = [...line.up, ...line.down];
          for (const end of [peer.client, spark]) expect(end.write(transformed ? 'harmless' : reserved)).toBe(false);
          expect(errors).toMatchObject([
            { code: 'ERR_PRIMUS_RESERVED', data: reserved },
            { code: 'ERR_PRIMUS_RESERVED', data: reserved },
          ]);
          expect(world.primus.write(reserved)).toBe(false);
          expect(log).toEqual(['error']);
          expect([...line.up, ...line.down]).toEqual(sent);
          await world.pass(1);
          expect([peer.client.state.name, up, down]).toEqual(['open', [], []]);
        };
        await together({}, run, prepare);
      }),
      { numRuns: 50 },
    );
  });

  it('is ignored when it arrives and nobody knows it', async () => {
    const nonsense = rest.filter((tail) => !/^(ping|pong)::\d{1,16}$|^id::|^server::close$/.test(tail));
    // Known, but not to the one who hears it.
    const upwards = fc.oneof(nonsense, fc.constantFrom('server::close', 'ping::1', 'id::x'));
    const downwards = fc.oneof(nonsense, fc.constantFrom('pong::1', 'id::'));
    await fc.assert(
      fc.asyncProperty(upwards, downwards, async (above, below) =>
        together({}, async ({ world, peer, spark, line, up, down, errors }) => {
          const said = [line.up.length, line.down.length];
          line.client.send(JSON.stringify(`primus::${above}`));
          line.server.send(JSON.stringify(`primus::${below}`));
          await world.pass(1);
          expect([up, down, errors]).toEqual([[], [], []]);
          // Nobody answered either: one frame each way, the one above.
          expect([line.up.length, line.down.length]).toEqual(said.map((count) => count + 1));
          expect([peer.client.state.name, spark.readyState]).toEqual(['open', 3]);
        }),
      ),
      { numRuns: 100 },
    );
  });

  it('is printed and parsed without loss', () => {
    const stamp = fc.stringMatching(/^\d{1,16}$/);
    const control = fc.oneof(
      fc.record({ type: fc.constantFrom('ping' as const, 'pong' as const), value: stamp }),
      fc.record({ type: fc.constant('id' as const), value: fc.string({ unit: 'binary' }) }),
      fc.constant({ type: 'close' as const }),
    );
    fc.assert(
      fc.property(control, (message) => {
        expect(parseControl(printControl(message))).toEqual(message);
      }),
    );
  });

  it('is taken for what it says, or for unknown: what is printed again is the same text', () => {
    fc.assert(
      fc.property(fc.oneof(rest, fc.string({ unit: 'binary' })), (tail) => {
        const message = parseControl(`primus::${tail}`);
        expect(message.type === 'unknown' ? message.value : printControl(message)).toBe(`primus::${tail}`);
      }),
    );
  });
});
