import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parsePacket, printPacket } from '../../src/cluster/packets.js';
import { ClusterWorld, LEASE } from './cluster-world.js';

const TOPICS = ['all', 'node:n1', 'room:room', 'channel:log', 'presence:log'];
const KINDS = ['write', 'message', 'entry', 'beat', 'bye', 'ask', 'answer', 'cancel', 'presence', 'who', '', '__proto__', 'constructor'];
const FIELDS = [
  'kind',
  'from',
  'instance',
  'n',
  'rooms',
  'sparks',
  'except',
  'present',
  'id',
  'name',
  'question',
  'limit',
  'type',
  'value',
  'count',
  'channel',
  'node',
  'version',
  'previous',
  'joined',
  'left',
  'isLast',
  '__proto__',
  'constructor',
  'toString',
];

const hostile = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    'log',
    'n1',
    'n2',
    'name',
    'part',
    'value',
    'done',
    '__proto__',
    0,
    -1,
    1,
    1.5,
    1e300,
    -1e300,
    2 ** 53,
    Number.MAX_SAFE_INTEGER,
    [],
    {},
    [[]],
    [null],
    [[null, null]],
    ['log'],
    { toString: 1 },
    [{ toString: 1 }],
    [[{ toString: 1 }, 1]],
    JSON.parse('{"__proto__":{"log":7}}'),
    { log: 'x' },
    { log: -1 },
    { log: 1e300 },
    JSON.parse('[["__proto__",{"x":1}]]'),
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

const header = fc
  .tuple(fc.constantFrom(...KINDS), fc.constantFrom('n2', 'n3', 'n1', 'forged', '__proto__'), fc.constantFrom('instance', '__proto__'))
  .chain(([kind, from, instance]) =>
    fc
      .array(fc.tuple(fc.constantFrom(...FIELDS), hostile), { maxLength: 8 })
      .map((fields) => Object.fromEntries([['kind', kind], ['from', from], ['instance', instance], ...fields])),
  );
const frame = fc.oneof(
  fc.constant(undefined),
  fc.string(),
  fc.uint8Array({ maxLength: 20 }),
  fc.constantFrom('1', '"x"', '{"__proto__":1}', '['),
);
const forged = fc.tuple(header, frame).map(([fields, body]) => printPacket({ header: fields as never, frame: body }));

/** A real packet, some of whose fields or bytes are others. */
const mutated = fc.record({
  at: fc.nat(),
  fields: fc.array(fc.tuple(fc.constantFrom(...FIELDS), hostile), { minLength: 1, maxLength: 3 }),
  bytes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
  end: fc.nat(),
  how: fc.constantFrom('fields', 'bytes', 'end'),
});
type Mutation = typeof mutated extends fc.Arbitrary<infer T> ? T : never;

function mutate(packets: readonly Uint8Array[], { at, fields, bytes, end, how }: Mutation): Uint8Array {
  const data = new Uint8Array(packets[at % packets.length] as Uint8Array);
  if (how === 'end') return data.subarray(0, end % data.length);
  if (how === 'bytes') {
    for (const [index, byte] of bytes) data[index % data.length] = byte;
    return data;
  }
  const packet = parsePacket(data);
  return packet === undefined ? data : printPacket({ ...packet, header: { ...packet.header, ...Object.fromEntries(fields) } });
}

const hostilePacket = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  { weight: 3, arbitrary: forged },
  { weight: 4, arbitrary: mutated },
);

describe('a cluster on an engine that others publish on', () => {
  const rejections: unknown[] = [];
  const collect = (error: unknown) => rejections.push(error);
  beforeEach(() => void process.on('unhandledRejection', collect));
  afterEach(() => void process.off('unhandledRejection', collect));

  it('survives every packet on every topic, and says nothing about most', async () => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`packets: seed ${seed}`);
    let packets = 0;
    const sequence = fc.array(fc.tuple(fc.constantFrom(...TOPICS), hostilePacket, fc.constantFrom(0, 0, 1, 1_000)), {
      minLength: 1,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(sequence, async (steps) => {
        const world = new ClusterWorld(['n1', 'n2'], 1);
        const [client] = world.clients;
        await world.pass(50);
        world.connect(0, 'n1');
        world.subscribe(0, 'position');
        world.write('n2', 2);
        world.publish('n1', 2);
        world.ask('n1');
        await world.pass(50);
        for (const [topic, packet, ms] of steps) {
          packets += 1;
          const data = packet instanceof Uint8Array ? packet : mutate(world.engine.packets, packet);
          if (topic.startsWith('channel:') && data.length % 2 === 0) world.engine.append(topic, data, { size: 8, ttl: 1e6 });
          else world.engine.forge(topic, data);
          world.violations.splice(0, world.violations.length, ...world.violations.filter((violation) => /law 9/.test(violation)));
          await world.pass(ms);
        }
        // Forged nodes are gone after a lease, and the others work.
        await world.pass(2 * LEASE);
        const errors = world.violations.filter((violation) => /law 9/.test(violation) && !/has the name 'n\d', too/.test(violation));
        expect(errors.filter((violation) => !/JSON|Unexpected|encoded data/.test(violation))).toEqual([]);
        for (const { cluster } of world.nodes.values()) expect(cluster.nodes).toEqual(['n1', 'n2']);
        world.violations.length = 0;
        const number = world.publish('n2', 1);
        await world.pass(2_000);
        expect(client?.latest).toBe(number);
        world.disconnect(0);
        await world.pass(1);
        world.violations.length = 0;
        await world.destroy();
        expect(rejections).toEqual([]);
        expect(({} as Record<string, unknown>).log).toBeUndefined();
      }),
      { numRuns: Number(process.env.RUNS ?? 300), seed },
    );
    expect(packets).toBeGreaterThan(0);
  }, 300_000);
});
