import fc from 'fast-check';
import type { Subscription } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { resumable } from '../../client/resume.js';
import { channels, type Recovery } from '../../src/channels.js';
import type { Spark } from '../../src/index.js';
import { ChannelServer } from '../support/channel-server.js';
import { checkSequences, commandsOn, play } from '../support/sequences.js';
import { type Peer, World } from '../support/world.js';

const RUNS = 200;
const NAME = 'news';

/** A history that keeps all messages of a sequence. */
const LONG = 1_000;

interface Setting {
  /** The number of messages that the server keeps; 0: it has no history. */
  history: number;
  session: boolean;
  latency: number;
  /** How long the engine takes to confirm a subscription, in ms. */
  delay: number;
}

/** A subscriber of `data$`, and the numbers that it has received. */
interface Subscriber {
  readonly subscription: Subscription;
  readonly received: number[];
  /** The number of recoveries that were gaps when it subscribed. */
  readonly gaps: number;
  /** Whether it has made the client subscribe: then it gets what the server keeps. */
  readonly isFirst: boolean;
}

/** One client, its subscribers in one channel, and the laws that hold for them. */
class ChannelWorld {
  readonly world: World;
  readonly double: ChannelServer;
  readonly peer: Peer;
  private readonly setting: Setting;
  private readonly subscribers: Subscriber[] = [];
  private readonly channel;
  private readonly recoveries: Recovery[] = [];
  private published = 0;
  private readonly errors: unknown[] = [];
  readonly history: string[] = [];

  constructor(setting: Setting) {
    this.setting = setting;
    const { latency, session, history, delay } = setting;
    this.world = new World({ latency, server: { pingInterval: 500, ...(session && { resume: { window: 2_000 } }) } });
    this.double = new ChannelServer({ history, delay, scheduler: this.world.clock }).attach(this.world.primus);
    this.peer = this.world.connect(
      { reconnect: { min: 5, max: 50, retries: Infinity }, pingTimeout: 900, timeout: 500 },
      session ? { session: resumable } : {},
    );
    this.peer.client.on('error', (error) => this.errors.push(error));
    this.channel = channels(this.peer.client).channel<number>(NAME);
    this.channel.recovery$.subscribe((recovery) => this.recoveries.push(recovery));
  }

  private get gaps(): number {
    return this.recoveries.filter(({ type }) => type === 'gap').length;
  }

  subscribe(): void {
    const received: number[] = [];
    const isFirst = this.subscribers.length === 0;
    const subscription = this.channel.data$.subscribe((n) => received.push(n));
    this.subscribers.push({ subscription, received, gaps: this.gaps, isFirst });
  }

  unsubscribe(index: number): void {
    const [subscriber] = this.subscribers.splice(index % Math.max(1, this.subscribers.length), 1);
    subscriber?.subscription.unsubscribe();
    if (subscriber) this.checkOrder(subscriber);
  }

  publish(count: number): void {
    for (let left = count; left > 0; left--) this.double.publish(NAME, ++this.published);
  }

  lose(noticed: 'both' | 'client' | 'server'): void {
    const pair = this.world.network.pairsOf(this.peer).at(-1);
    if (pair) this.world.network.breakPair(pair, noticed);
  }

  endSession(): void {
    (this.world.findSpark(this.peer) as Spark | undefined)?.end(undefined, { reconnect: true });
  }

  /** Waits until all is quiet, and checks that the server knows what the client wants, and the client what was published. */
  async settle(): Promise<void> {
    const { world, double, subscribers, setting, peer } = this;
    await world.pass(5_000);
    expect(peer.client.state.name, this.story).toBe('open');
    expect(double.membersOf(NAME), this.story).toHaveLength(subscribers.length > 0 ? 1 : 0);
    if (subscribers.length > 0) expect(double.membersOf(NAME), this.story).toEqual([world.findSpark(peer)?.id]);
    this.publish(2);
    await world.pass(100);
    for (const subscriber of subscribers) {
      this.checkOrder(subscriber);
      expect(subscriber.received.slice(-2), this.story).toEqual([this.published - 1, this.published]);
      // Without a gap nothing is missing: not since it subscribed, and for the first one nothing that was kept.
      if (this.gaps === subscriber.gaps) this.checkWhole(subscriber);
    }
    // The last subscription is live, unless messages are missing.
    if (subscribers.length > 0 && setting.history > 0) expect(this.recoveries.at(-1)?.type, this.story).toMatch(/live|gap/);
    expect(peer.reports, this.story).toEqual([]);
    expect(
      this.errors.filter((error) => /channel/i.test(`${error}`)),
      this.story,
    ).toEqual([]);
  }

  private checkOrder({ received }: Subscriber): void {
    expect(received, this.story).toEqual([...new Set(received)].sort((a, b) => a - b));
  }

  private checkWhole({ received, isFirst }: Subscriber): void {
    const [first = 0] = received;
    if (isFirst && this.setting.history >= LONG) expect(first, this.story).toBe(1);
    expect(received, this.story).toEqual(received.map((_, index) => first + index));
  }

  private get story(): string {
    return `after ${this.history.join(', ')}`;
  }
}

const { command } = commandsOn<ChannelWorld>();

const commands = fc.oneof(
  { weight: 4, arbitrary: fc.constant(command('subscribe', (world) => world.subscribe())) },
  { weight: 4, arbitrary: fc.nat(3).map((index) => command(`unsubscribe(${index})`, (world) => world.unsubscribe(index))) },
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 4 }).map((n) => command(`publish(${n})`, (world) => world.publish(n))) },
  { weight: 6, arbitrary: fc.constantFrom(0, 1, 3, 10, 40, 100).map((ms) => command(`pass(${ms})`, ({ world }) => world.pass(ms))) },
  { weight: 4, arbitrary: fc.constantFrom('both', 'client', 'server').map((by) => command(`lost(${by})`, (world) => world.lose(by))) },
  { weight: 1, arbitrary: fc.constant(command('spark.end', (world) => world.endSession())) },
  { weight: 1, arbitrary: fc.constant(command('end and open', ({ peer }) => void peer.client.end().open())) },
);

const settings: [string, Setting][] = [
  ['no history', { history: 0, session: false, latency: 2, delay: 0 }],
  ['a long history', { history: LONG, session: false, latency: 2, delay: 0 }],
  ['a short history', { history: 3, session: false, latency: 1, delay: 0 }],
  ['a slow engine', { history: LONG, session: false, latency: 1, delay: 7 }],
  ['sessions and a history', { history: LONG, session: true, latency: 2, delay: 0 }],
  ['sessions without latency', { history: 0, session: true, latency: 0, delay: 0 }],
];

describe('the answer to an earlier subscription', () => {
  it('is not taken for that to the next one: messages that are kept no longer would be missing without a gap', async () => {
    const world = new ChannelWorld({ history: 3, session: false, latency: 1, delay: 0 });
    await world.world.pass(3);
    world.subscribe();
    world.publish(1);
    world.unsubscribe(0);
    await world.world.pass(1);
    world.publish(4);
    world.subscribe();
    world.unsubscribe(0);
    world.subscribe();
    await world.settle();
    await world.world.destroy();
  });

  it('is not taken for that to the next one: older messages would be dropped as if they had come twice', async () => {
    const world = new ChannelWorld({ history: LONG, session: false, latency: 2, delay: 0 });
    world.publish(1);
    world.subscribe();
    world.subscribe();
    await world.world.pass(40);
    world.lose('both');
    world.unsubscribe(0);
    world.publish(1);
    await world.world.pass(10);
    world.unsubscribe(0);
    world.subscribe();
    await world.settle();
    await world.world.destroy();
  });
});

describe.each(settings)('the channels of a client, with %s,', (_title, setting) => {
  it('are joined as long as there are subscribers, and nothing is missing without a gap', async () => {
    await checkSequences('channels', { commands, runs: RUNS }, async (sequence) => {
      const world = new ChannelWorld(setting);
      await play(world, sequence);
      await world.settle();
      await world.world.destroy();
    });
  }, 300_000);
});
