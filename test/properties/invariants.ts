import { expect } from 'vitest';
import type { ClientOptions, Spark } from '../../src/index.js';
import { settle } from '../support/clock.js';
import { type LinkPair, type Peer, World } from '../support/world.js';
import { type Message, PeerLog, RECONNECT, type Setting } from './peer-log.js';

/** The end of a connection that no longer receives: messages to it that are under way, or are sent later, may be lost. */
type Receiver = 'server' | 'client';

/** How long a shutdown waits for messages that are still to be sent, in ms. */
const GRACE = 2_500;

/** A world with a record of the messages that were written, that arrived, and that may be lost. */
export class Invariants {
  readonly world: World;
  readonly logs: PeerLog[];
  readonly setting: Setting;
  running = true;
  /** No listener interferes any more. */
  recovering = false;
  /** The clients are being destroyed. */
  over = false;
  private count = 0;
  private readonly stopped = new Map<LinkPair, Set<Receiver>>();
  /** How many frames the client had sent when the server stopped receiving. */
  private readonly framesReceived = new Map<LinkPair, number>();
  /** The messages that listeners wrote while the client was open: those of `open` are sent before what is buffered. */
  private readonly first = new Set<number>();
  /** The messages that may be lost. */
  private readonly risked = new Set<number>();
  /** The messages of the server, and the connection of each. */
  private readonly sent = new Map<number, LinkPair>();
  private readonly bySpark = new Map<Spark, number[]>();
  private readonly announced = new Map<Spark, string[]>();

  constructor(setting: Setting, options: readonly { manual: boolean }[]) {
    this.setting = setting;
    const { latency, seed, pingInterval, strategy } = setting;
    this.world = new World({ latency, seed, server: { pingInterval } });
    this.serve();
    this.logs = options.map(({ manual }) => {
      const peer = this.world.connect({ manual, strategy, reconnect: RECONNECT, ...this.credentials() });
      this.addSlowTransformers(peer.client);
      return new PeerLog(peer, setting, () => this.closed(peer));
    });
  }

  log(index: number): PeerLog {
    return this.logs[index] as PeerLog;
  }

  pair(index: number): LinkPair | undefined {
    return this.world.network.pairsOf(this.log(index).peer)[0];
  }

  // Called by the script.

  message(index: number): Message {
    return { peer: this.log(index).peer.name, n: ++this.count };
  }

  open(index: number): void {
    const log = this.log(index);
    const { client } = log.peer;
    if (client.state.name === 'idle' || client.state.name === 'closed') log.ended = log.dismissed = false;
    expect(client.open()).toBe(client);
  }

  writeUp(index: number, inListener = false): void {
    const message = this.message(index);
    const { client } = this.log(index).peer;
    const { name } = client.state;
    if (inListener && name === 'open') this.first.add(message.n);
    const isAccepted = client.write(message);
    if (this.setting.transforms === 0) expect(isAccepted).toBe(name !== 'closed');
    this.log(index).written.add(message.n);
  }

  writeDown(index: number, write: (spark: Spark, message: Message) => unknown = (spark, message) => spark.write(message)): void {
    const { peer } = this.log(index);
    const spark = this.world.findSpark(peer);
    const pair = this.world.network.pairs.find(({ server }) => server === spark?.socket);
    if (spark === undefined || pair === undefined) return;
    const message = this.message(index);
    this.sent.set(message.n, pair);
    if (this.stopped.get(pair)?.has('client')) this.risked.add(message.n);
    if (write(spark, message) === false) this.sent.delete(message.n);
  }

  /** Notes that ends of a connection receive nothing more: messages under way to them may be lost. */
  stopReceiving(pair: LinkPair, ...ends: Receiver[]): void {
    // The server's last message may be under way.
    if (ends.includes('client')) for (const log of this.logs) if (log.peer === pair.owner) log.dismissed = false;
    const stopped = this.stopped.get(pair) ?? new Set();
    this.stopped.set(pair, stopped);
    for (const end of ends) {
      if (stopped.has(end)) continue;
      stopped.add(end);
      if (end === 'server') {
        this.framesReceived.set(pair, pair.up.length);
        for (const n of numbers(pair.up)) if (!this.arrived(pair, n)) this.risked.add(n);
      } else {
        for (const [n, at] of this.sent) if (at === pair && !this.received(pair, n)) this.risked.add(n);
      }
    }
  }

  stopReceivingAll(...ends: Receiver[]): void {
    for (const pair of this.world.network.pairs)
      if (this.world.network.has(pair.client) || this.world.network.has(pair.server)) this.stopReceiving(pair, ...ends);
  }

  async stop(): Promise<void> {
    if (!this.running) return;
    this.running = false;
    this.stopReceivingAll('server');
    const before = this.world.clock.now();
    await this.world.stop({ reconnect: true });
    // Messages that were transformed for longer than a shutdown waits are lost with their connection.
    if (this.world.clock.now() - before >= GRACE) for (const [n, pair] of this.sent) if (!this.received(pair, n)) this.risked.add(n);
    expect(this.world.primus.connected, 'a destroyed server has no connections').toBe(0);
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.world.start();
    this.serve();
  }

  // The invariants.

  async check(): Promise<void> {
    await settle();
    this.world.clock.advance(0);
    await settle();
    const { network, primus } = this.world;
    for (const log of this.logs) {
      log.check(network.pairsOf(log.peer).length);
      expect(ascending(log.received), `received by client ${log.peer.name}: ${log.received}`).toBe(true);
      // Two sparks of one client may overlap when the server takes its time; each is in order by itself.
      const inOrder = this.setting.transforms === 0 && this.setting.admission === 0;
      expect(
        inOrder ? this.ordered(log.arrived) : new Set(log.arrived).size === log.arrived.length,
        `arrived from client ${log.peer.name}: ${log.arrived}`,
      ).toBe(true);
    }
    for (const log of this.logs) expect(log.arrived.filter((n) => log.refused.has(n))).toEqual([]);
    for (const [spark, arrived] of this.bySpark) expect(this.ordered(arrived), `arrived at spark ${spark.id}: ${arrived}`).toBe(true);
    for (const [spark, story] of this.announced)
      expect(['connection', 'connection,disconnection'], `of spark ${spark.id}`).toContain(String(story));
    expect(Object.keys(primus.connections)).toHaveLength(primus.connected);
    for (const pair of network.pairs) this.checkPair(pair);
  }

  /** Whether messages of a client are in the order in which they were written. */
  private ordered(arrived: readonly number[]): boolean {
    return ascending(arrived.filter((n) => !this.first.has(n))) && ascending(arrived.filter((n) => this.first.has(n)));
  }

  /** Removes all obstacles: every message arrives, unless it was on a connection that broke. */
  async recover(): Promise<void> {
    const { world } = this;
    this.recovering = true;
    // Each end detects a dead connection: the client by silence, the server by a missing answer.
    await world.pass(2.2 * this.setting.pingInterval);
    for (const pair of world.network.pairs) {
      if (pair.owner !== undefined)
        expect(world.network.has(pair.client), `both ends have noticed; ${this.histories}`).toBe(world.network.has(pair.server));
    }
    world.network.down = world.network.mute = false;
    this.start();
    for (const { peer } of this.logs) peer.network$.next(true);
    for (let round = 0; round < 10; round++) {
      for (const [index, log] of this.logs.entries()) {
        log.online = true;
        if (!['idle', 'closed'].includes(log.peer.client.state.name)) continue;
        this.open(index);
      }
      await world.pass(2 * RECONNECT.max);
      if (this.logs.every(({ peer }) => peer.client.state.name === 'open')) break;
    }
    await world.pass(1_000);
    await this.check();
    for (const log of this.logs) {
      expect(log.peer.client.state.name, `in the end; ${log.history}`).toBe('open');
      const lost = [...log.written].filter((n) => !log.arrived.includes(n) && !log.refused.has(n) && !this.mayBeLostGoingUp(n));
      expect(lost, `lost on the way to the server; ${log.history}`).toEqual([]);
    }
    expect(world.primus.connected).toBe(this.logs.length);
    const lost = [...this.sent].filter(([n, pair]) => !this.received(pair, n) && !this.risked.has(n)).map(([n]) => n);
    expect(lost, `lost on the way to the client; ${this.histories}`).toEqual([]);
  }

  /** Destroys everything, after which no timer and no connection is left. */
  async end(): Promise<void> {
    const { world, logs } = this;
    this.over = true;
    for (const { peer } of logs) peer.client.destroy();
    this.stopReceivingAll('client');
    await world.destroy();
    expect(world.clock.pending, 'no timer is left').toBe(0);
    expect(world.network.alive, 'no connection is left').toBe(0);
    expect(world.primus.connected).toBe(0);
    expect(Object.hasOwn(world.http, 'emit') || world.http.listenerCount('upgrade') > 0, 'the path is given back').toBe(false);
    for (const log of logs) log.checkLaws();
    for (const log of logs)
      expect([log.completed, log.peer.client.state.name, log.events.filter((event) => event === 'destroy').length]).toEqual([
        true,
        'closed',
        1,
      ]);
  }

  // Below: how it is done.

  private get histories(): string {
    return this.logs.map(({ history }) => history).join('; ');
  }

  private serve(): void {
    const { primus, clock } = this.world;
    const { admission } = this.setting;
    this.addSlowTransformers(primus);
    if (admission > 0) primus.on('connection', (_spark: Spark, next: () => void) => void clock.schedule(() => next(), admission));
    primus.on('connection', (spark: Spark) => {
      const arrived: number[] = [];
      this.bySpark.set(spark, arrived);
      this.announced.set(spark, ['connection']);
      spark.on('data', ({ peer, n }: Message) => {
        arrived.push(n);
        this.logs.find((log) => log.peer.name === peer)?.arrived.push(n);
      });
    });
    primus.on('disconnection', (spark: Spark) => this.announced.get(spark)?.push('disconnection'));
  }

  private credentials(): ClientOptions {
    const { clock } = this.world;
    const { credentials } = this.setting;
    if (credentials < 0) return {};
    return { credentials: () => new Promise((resolve) => clock.schedule(() => resolve({ token: 'secret' }), credentials)) };
  }

  /** Adds synchronous and asynchronous message transformers. */
  private addSlowTransformers(end: World['primus'] | Peer['client']): void {
    const { clock } = this.world;
    const { transforms } = this.setting;
    if (transforms === 0) return;
    for (const direction of ['incoming', 'outgoing'] as const) {
      end.transform(direction, ({ data }, next) => {
        const wait = (data.n * 7) % transforms;
        if (wait % 2 === 0) next();
        else clock.schedule(() => next(), wait);
      });
    }
  }

  /** Notes that a client is closed: its connections may end, and one that it closed itself receives nothing more. */
  private closed(peer: Peer): void {
    const { state } = peer.client;
    const byServer = state.name === 'closed' && state.by === 'server';
    for (const pair of this.world.network.pairs)
      if (pair.owner === peer) this.stopReceiving(pair, ...(byServer ? [] : (['client'] as const)));
  }

  private checkPair(pair: LinkPair): void {
    const { network } = this.world;
    for (const frames of [pair.up, pair.down]) expect(this.ordered(numbers(frames)), `sent on one connection: ${frames}`).toBe(true);
    const alive = network.has(pair.client) && network.has(pair.server) && pair.closedBy.size === 0;
    const { owner } = pair;
    if (alive || owner === undefined || this.stopped.has(pair)) return;
    const log = this.logs.find(({ peer }) => peer === owner);
    expect.fail(`A connection ended without a cause; ${log?.history}`);
  }

  private arrived(pair: LinkPair, n: number): boolean {
    return this.logs.some((log) => log.peer === pair.owner && log.arrived.includes(n));
  }

  private received(pair: LinkPair, n: number): boolean {
    return this.logs.some((log) => log.peer === pair.owner && log.received.includes(n));
  }

  /** Whether a message was under way to a server that stopped receiving, or was sent after that. */
  private mayBeLostGoingUp(n: number): boolean {
    return this.risked.has(n) || [...this.framesReceived].some(([pair, count]) => numbers(pair.up.slice(count)).includes(n));
  }
}

function ascending(list: readonly number[]): boolean {
  return list.every((value, index) => index === 0 || value > (list[index - 1] as number));
}

/** The messages among the frames of a connection. */
function numbers(frames: readonly string[]): number[] {
  return frames.flatMap((frame) => (frame.startsWith('{') ? [(JSON.parse(frame) as Message).n] : []));
}
