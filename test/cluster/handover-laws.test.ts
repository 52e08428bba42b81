import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resume } from '../../client/resume.js';
import type { ServerOptions, Spark } from '../../src/index.js';
import { checkSequences, commandsOn } from '../support/sequences.js';
import { slowParser } from '../support/slow-parser.js';
import { HandoverWorld, type Traveller } from './handover-world.js';

/** The sequences of each setting. */
const RUNS = 300;
const NODES = ['n1', 'n2', 'n3'];
const WINDOW = 10_000;

/** A message of an application to its spark. */
interface Down {
  readonly spark: string;
  readonly n: number;
}

/** One client that moves between nodes, with traffic both ways, and the laws that hold. */
class MovingClient {
  readonly world: HandoverWorld;
  readonly traveller: Traveller;
  /** The messages that each spark has accepted, and when it was announced. */
  readonly sent = new Map<string, { readonly spark: Spark; readonly since: number; count: number }>();
  /** When each message of the client was written. */
  readonly written: number[] = [];
  readonly outcomes: { readonly at: number; readonly outcome: Resume }[] = [];
  #rooms = 0;
  /** Whether packets were lost that nodes sent each other. */
  hasLost = false;

  constructor(server: (world: () => HandoverWorld) => ServerOptions) {
    this.world = new HandoverWorld(
      NODES,
      server(() => this.world),
    );
    for (const node of this.world.nodes.values()) this.#listen(node.name);
    this.traveller = this.world.join('n1');
    this.traveller.client.resume$.subscribe((outcome) => this.outcomes.push({ at: this.world.clock.now(), outcome }));
  }

  start(name: string): void {
    if (this.world.nodes.has(name)) return;
    this.world.start(name);
    this.#listen(name);
  }

  async kill(name: string): Promise<void> {
    if (this.world.nodes.size === 1 || !this.world.nodes.has(name)) return;
    this.hasLost = true;
    await this.world.stop(name, true);
  }

  up(count: number): void {
    for (let n = 0; n < count; n++) if (this.traveller.client.write({ up: this.written.length })) this.written.push(this.world.clock.now());
  }

  /** Writes to each spark that is open. */
  down(count: number): void {
    for (const entry of this.sent.values())
      for (let n = 0; n < count; n++) {
        const message: Down = { spark: entry.spark.id, n: entry.count };
        if (entry.spark.connection.writable && entry.spark.write(message)) entry.count += 1;
      }
  }

  room(name: string): void {
    this.world.nodes
      .get(name)
      ?.cluster.to({ room: 'x' })
      .write({ room: name, n: ++this.#rooms });
  }

  /** Ends all faults, and checks the laws. */
  async settle(): Promise<void> {
    const { world, traveller } = this;
    // What is under way arrives first: an engine that is suddenly faster would change the order of topics.
    await world.pass(200);
    world.engine.heal();
    for (const { network } of world.nodes.values()) network.down = false;
    if (!world.nodes.has(traveller.at)) traveller.at = [...world.nodes.keys()][0] as string;
    await world.pass(8_000);
    this.up(1);
    this.down(1);
    await world.pass(2 * WINDOW);
    // The loss of the last message shows with the next one.
    for (const name of world.nodes.keys()) this.room(name);
    await world.pass(500);
    expect(traveller.client.state.name).toBe('open');
    // One spark is left, and it is the client's.
    expect([...world.nodes.values()].reduce((sum, { primus }) => sum + primus.connected, 0)).toBe(1);
    const open = [...this.sent.values()].filter(({ spark }) => spark.readyState === 3).at(-1);
    expect(open?.spark.away).toBe(false);
    const gaps = this.outcomes.flatMap(({ at, outcome }) => (outcome.type === 'gap' ? [at] : []));
    const isReported = (since: number) => gaps.some((at) => at >= since);
    // The client's messages: each once, in order, or a gap.
    const up = world.sparks.flatMap((log) => log.up.map((data) => (data as { up: number }).up));
    expect(up, 'nothing twice').toHaveLength(new Set(up).size);
    for (const log of world.sparks)
      expect(log.up, 'in order').toEqual([...log.up].sort((a, b) => (a as { up: number }).up - (b as { up: number }).up));
    const arrived = new Set(up);
    for (const [n, at] of this.written.entries())
      if (!arrived.has(n)) expect(isReported(at), `the client's message ${n} is lost`).toBe(true);
    // The messages of sparks.
    for (const [id, { since, count }] of this.sent) {
      const received = traveller.down.filter((data) => (data as Down).spark === id).map((data) => (data as Down).n);
      expect(received, `${id}: in order, and nothing twice`).toEqual([...new Set(received)].sort((a, b) => a - b));
      const toNodes = [...world.nodes.values()].some(({ losses }) => losses.some(({ topic }) => topic.startsWith('node:')));
      if (received.length < count && !toNodes) expect(isReported(since), `${id} has lost ${count - received.length}`).toBe(true);
    }
    // Those of rooms.
    for (const name of NODES) {
      const received = traveller.down.flatMap((data) => ((data as { room?: string }).room === name ? [(data as Down).n] : []));
      expect(received, `the room, from ${name}`).toEqual([...new Set(received)].sort((a, b) => a - b));
    }
    if (!this.hasLost) {
      expect(gaps, 'gaps without a loss').toEqual([]);
      const missing = this.#rooms - new Set(traveller.down.filter((data) => 'room' in Object(data)).map((data) => (data as Down).n)).size;
      const losses = [...world.nodes.values()].flatMap((each) => each.losses);
      const reported = losses.reduce((sum, { topic, count }) => sum + (topic === 'room:x' ? count : 0), 0);
      expect(reported, `${missing} messages to the room are missing`).toBeGreaterThanOrEqual(missing);
    }
    for (const { changes } of world.sparks) expect(changes.filter(({ type }) => type === 'gap').length).toBeLessThanOrEqual(1);
    expect(world.errors.filter((error) => !/The engine|is opened again/.test(error))).toEqual([]);
  }

  #listen(name: string): void {
    const { primus, cluster } = this.world.node(name);
    primus.on('connection', (spark: Spark) => {
      void cluster.join(spark, 'x');
      this.sent.set(spark.id, { spark, since: this.world.clock.now(), count: 0 });
    });
  }
}

const { commandOf } = commandsOn<MovingClient>();
const node = fc.constantFrom(...NODES);
const few = fc.integer({ min: 1, max: 4 });

const calm = [
  commandOf(10, 'pass', [fc.constantFrom(0, 1, 2, 3, 5, 10, 30, 100, 600)], ({ world }, ms) => world.pass(ms)),
  commandOf(6, 'up', [few], (client, count) => client.up(count)),
  commandOf(6, 'down', [few], (client, count) => client.down(count)),
  commandOf(6, 'room', [node], (client, name) => client.room(name)),
  commandOf(8, 'move', [node], ({ world, traveller }, name) => world.move(traveller, name)),
  commandOf(4, 'lost', [node], ({ world }, name) => world.breakLinks(name)),
  commandOf(3, 'break', [], ({ world, traveller }) => world.breakLink(traveller)),
  commandOf(2, 'delay', [node, fc.constantFrom(0, 1, 5, 50)], ({ world }, name, ms) => {
    const faults = world.engine.faultsOf(name);
    faults.delay = Math.max(faults.delay, ms);
  }),
];

const rough = [
  ...calm,
  commandOf(3, 'drop', [node, few], (client, name, count) => {
    client.hasLost = true;
    client.world.engine.faultsOf(name).drop = count;
  }),
  commandOf(2, 'split', [node, node], (client, one, other) => {
    client.hasLost = true;
    client.world.engine.faultsOf(one).separated.add(other);
  }),
  commandOf(2, 'heal', [node], (client, name) => {
    client.hasLost = true;
    client.world.engine.faultsOf(name).heal();
  }),
  commandOf(1, 'down', [], (client) => {
    client.hasLost = true;
    client.world.engine.down();
  }),
  commandOf(2, 'up', [], ({ world }) => world.engine.up()),
  commandOf(1, 'kill', [node], (client, name) => client.kill(name)),
  commandOf(2, 'start', [node], (client, name) => client.start(name)),
  commandOf(1, 'pass', [fc.constantFrom(3_000, 6_000)], ({ world }, ms) => world.pass(ms)),
];

const slow = (world: () => HandoverWorld): ServerOptions => ({ parser: slowParser(2, (run, ms) => world().clock.schedule(run, ms)) });

const settings: [string, typeof calm, (world: () => HandoverWorld) => ServerOptions][] = [
  ['an engine that loses nothing', calm, () => ({})],
  ['an engine that loses nothing, and a parser that answers later', calm, slow],
  ['all faults', rough, () => ({})],
  ['all faults, and a parser that answers later', rough, slow],
];

describe.each(settings)('a session that moves between nodes, with %s,', (_title, commands, server) => {
  it('keeps its laws in every sequence', async () => {
    await checkSequences('handover', { commands: fc.oneof(...commands), runs: RUNS, maxLength: 30 }, async (sequence) => {
      const client = new MovingClient(server);
      await client.world.pass(50);
      for (const { run } of sequence) await run(client);
      await client.settle();
      await client.world.destroy();
    });
  }, 300_000);
});
