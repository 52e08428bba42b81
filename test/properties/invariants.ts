import { expect } from 'vitest';
import type { ClientOptions, Spark } from '../../src/index.js';
import { settle } from '../support/clock.js';
import { type Line, type Peer, World } from '../support/world.js';
import { type Message, PeerLog, RECONNECT, type Setting } from './peer-log.js';

/** Which end no longer hears what is sent on a line: what is under way to it, or is sent later, may be lost. */
type Deaf = 'server' | 'client';

/** How long a server that goes waits for what is still to be sent, in ms. */
const GRACE = 2_500;

/** A world that is watched: what was written, what arrived, and what had a right to get lost. */
export class Witness {
  readonly world: World;
  readonly logs: PeerLog[];
  readonly setting: Setting;
  running = true;
  /** Nobody interferes any more. */
  mending = false;
  /** The clients are being destroyed. */
  over = false;
  private count = 0;
  private readonly deaf = new Map<Line, Set<Deaf>>();
  /** How many frames had gone up a line when the server stopped hearing. */
  private readonly heard = new Map<Line, number>();
  /** What may be lost. */
  private readonly risked = new Set<number>();
  /** What the server wrote, and on which line. */
  private readonly sent = new Map<number, Line>();
  private readonly bySpark = new Map<Spark, number[]>();
  private readonly announced = new Map<Spark, string[]>();

  constructor(setting: Setting, options: readonly { manual: boolean }[]) {
    this.setting = setting;
    const { latency, seed, pingInterval, strategy } = setting;
    this.world = new World({ latency, seed, server: { pingInterval } });
    this.serve();
    this.logs = options.map(({ manual }) => {
      const peer = this.world.connect({ manual, strategy, reconnect: RECONNECT, ...this.credentials() });
      this.dawdle(peer.client);
      return new PeerLog(peer, setting, () => this.closed(peer));
    });
  }

  log(index: number): PeerLog {
    return this.logs[index] as PeerLog;
  }

  line(index: number): Line | undefined {
    return this.world.network.linesOf(this.log(index).peer)[0];
  }

  // What the script does.

  message(index: number): Message {
    return { peer: this.log(index).peer.name, n: ++this.count };
  }

  open(index: number): void {
    const log = this.log(index);
    const { client } = log.peer;
    if (client.state.name === 'idle' || client.state.name === 'closed') log.ended = log.dismissed = false;
    expect(client.open()).toBe(client);
  }

  writeUp(index: number): void {
    const message = this.message(index);
    expect(this.log(index).peer.client.write(message)).toBe(true);
    this.log(index).written.add(message.n);
  }

  writeDown(index: number, write: (spark: Spark, message: Message) => unknown = (spark, message) => spark.write(message)): void {
    const { peer } = this.log(index);
    const spark = this.world.sparkOf(peer);
    const line = this.world.network.lines.find(({ server }) => server === spark?.socket);
    if (spark === undefined || line === undefined) return;
    const message = this.message(index);
    this.sent.set(message.n, line);
    if (this.deaf.get(line)?.has('client')) this.risked.add(message.n);
    if (write(spark, message) === false) this.sent.delete(message.n);
  }

  /** From now on an end of that line hears nothing more; what is under way to it may be lost. */
  deafen(line: Line, ...ends: Deaf[]): void {
    // A farewell may be under way to it.
    if (ends.includes('client')) for (const log of this.logs) if (log.peer === line.owner) log.dismissed = false;
    const deaf = this.deaf.get(line) ?? new Set();
    this.deaf.set(line, deaf);
    for (const end of ends) {
      if (deaf.has(end)) continue;
      deaf.add(end);
      if (end === 'server') {
        this.heard.set(line, line.up.length);
        for (const n of numbers(line.up)) if (!this.arrived(line, n)) this.risked.add(n);
      } else {
        for (const [n, at] of this.sent) if (at === line && !this.received(line, n)) this.risked.add(n);
      }
    }
  }

  deafenAll(...ends: Deaf[]): void {
    for (const line of this.world.network.lines)
      if (this.world.network.has(line.client) || this.world.network.has(line.server)) this.deafen(line, ...ends);
  }

  async stop(): Promise<void> {
    if (!this.running) return;
    this.running = false;
    this.deafenAll('server');
    const before = this.world.clock.now();
    await this.world.stop({ reconnect: true });
    // What transformers held longer than a server that goes waits for them is lost with its line.
    if (this.world.clock.now() - before >= GRACE) for (const [n, line] of this.sent) if (!this.received(line, n)) this.risked.add(n);
    expect(this.world.primus.connected, 'a destroyed server has no connections').toBe(0);
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.world.start();
    this.serve();
  }

  // What must hold.

  async check(): Promise<void> {
    await settle();
    this.world.clock.advance(0);
    await settle();
    const { network, primus } = this.world;
    for (const log of this.logs) {
      log.check(network.linesOf(log.peer).length);
      expect(ascending(log.received), `received by client ${log.peer.name}: ${log.received}`).toBe(true);
      // Two sparks of one client may overlap when the server takes its time; each is in order by itself.
      const inOrder = this.setting.transforms === 0 && this.setting.admission === 0;
      expect(
        inOrder ? ascending(log.arrived) : new Set(log.arrived).size === log.arrived.length,
        `arrived from client ${log.peer.name}: ${log.arrived}`,
      ).toBe(true);
    }
    for (const [spark, arrived] of this.bySpark) expect(ascending(arrived), `arrived at spark ${spark.id}: ${arrived}`).toBe(true);
    for (const [spark, story] of this.announced)
      expect(['connection', 'connection,disconnection'], `of spark ${spark.id}`).toContain(String(story));
    expect(Object.keys(primus.connections)).toHaveLength(primus.connected);
    for (const line of network.lines) this.checkLine(line);
  }

  /** With everything mended, everything comes: all that was written and was not on a line that was cut. */
  async mend(): Promise<void> {
    const { world } = this;
    this.mending = true;
    // Who talks to nobody finds out: the client by silence, the server by an answer that does not come.
    await world.pass(2.2 * this.setting.pingInterval);
    for (const line of world.network.lines) {
      if (line.owner !== undefined)
        expect(world.network.has(line.client), `both ends know; ${this.tales}`).toBe(world.network.has(line.server));
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
      expect(log.peer.client.state.name, `in the end; ${log.tale}`).toBe('open');
      const lost = [...log.written].filter((n) => !log.arrived.includes(n) && !this.mayBeLostGoingUp(n));
      expect(lost, `lost on the way up; ${log.tale}`).toEqual([]);
    }
    expect(world.primus.connected).toBe(this.logs.length);
    const lost = [...this.sent].filter(([n, line]) => !this.received(line, n) && !this.risked.has(n)).map(([n]) => n);
    expect(lost, `lost on the way down; ${this.tales}`).toEqual([]);
  }

  /** After destroy() nothing is left. */
  async end(): Promise<void> {
    const { world, logs } = this;
    this.over = true;
    for (const { peer } of logs) peer.client.destroy();
    this.deafenAll('client');
    await world.destroy();
    expect(world.clock.pending, 'no timer is left').toBe(0);
    expect(world.network.alive, 'no line is left').toBe(0);
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

  // Below: how it is known.

  private get tales(): string {
    return this.logs.map(({ tale }) => tale).join('; ');
  }

  private serve(): void {
    const { primus, clock } = this.world;
    const { admission } = this.setting;
    this.dawdle(primus);
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

  /** Message transformers of every make, each taking its time. */
  private dawdle(end: World['primus'] | Peer['client']): void {
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

  /** A client is closed: its lines are explained, and if it was by its own will it hears no more. */
  private closed(peer: Peer): void {
    const { state } = peer.client;
    const byServer = state.name === 'closed' && state.by === 'server';
    for (const line of this.world.network.lines) if (line.owner === peer) this.deafen(line, ...(byServer ? [] : (['client'] as const)));
  }

  private checkLine(line: Line): void {
    const { network } = this.world;
    for (const frames of [line.up, line.down]) expect(ascending(numbers(frames)), `sent on one line: ${frames}`).toBe(true);
    const alive = network.has(line.client) && network.has(line.server) && line.closedBy.size === 0;
    const { owner } = line;
    if (alive || owner === undefined || this.deaf.has(line)) return;
    const log = this.logs.find(({ peer }) => peer === owner);
    expect.fail(`A line ended that nobody ended; ${log?.tale}`);
  }

  private arrived(line: Line, n: number): boolean {
    return this.logs.some((log) => log.peer === line.owner && log.arrived.includes(n));
  }

  private received(line: Line, n: number): boolean {
    return this.logs.some((log) => log.peer === line.owner && log.received.includes(n));
  }

  /** Under way to a server that stopped hearing, or put on the line after that. */
  private mayBeLostGoingUp(n: number): boolean {
    return this.risked.has(n) || [...this.heard].some(([line, heard]) => numbers(line.up.slice(heard)).includes(n));
  }
}

function ascending(list: readonly number[]): boolean {
  return list.every((value, index) => index === 0 || value > (list[index - 1] as number));
}

/** The messages among the frames of a line. */
function numbers(frames: readonly string[]): number[] {
  return frames.flatMap((frame) => (frame.startsWith('{') ? [(JSON.parse(frame) as Message).n] : []));
}
