import { expect } from 'vitest';
import type { ClientState } from '../../client/state.js';
import type { PrimusError, ReconnectAttempt, Spark } from '../../src/index.js';
import { settle } from '../support/clock.js';
import { type Line, type Peer, World } from '../support/world.js';

/** What one run of the model is about. */
export interface Setting {
  latency: number;
  seed: number;
  pingInterval: number;
  strategy: string;
  /** Whether message transformers of both ends take their time, and by how much it differs, in ms. */
  transforms: number;
  /** How long the `connection` listener takes, in ms; 0 is a synchronous one. */
  admission: number;
}

/** The machine documented in `client/state.ts`. Within `waiting`, an attempt is given up for want of a network, or made. */
const MACHINE: Record<ClientState['name'], readonly ClientState['name'][]> = {
  idle: ['connecting', 'closed'],
  connecting: ['open', 'waiting', 'closed'],
  open: ['waiting', 'closed'],
  waiting: ['connecting', 'waiting', 'closed'],
  closed: ['connecting'],
};

const READY = { idle: 2, connecting: 1, open: 3, waiting: 2, closed: 2 } as const;

export const RECONNECT = { min: 100, max: 2_000, retries: 6, 'reconnect timeout': 3_000 };

/** A message of the model: whose it is, and its place among all messages. */
interface Message {
  peer: string;
  n: number;
}

/** What one client was seen to do, and the laws that holds to. */
class PeerLog {
  readonly events: string[] = [];
  readonly states: ClientState[] = [];
  readonly received: number[] = [];
  /** What the server got of it. */
  readonly arrived: number[] = [];
  readonly written = new Set<number>();
  online = true;
  /** It was told to end, and not to open since. */
  ended: boolean;
  completed = false;
  /** The server told it not to come back. */
  dismissed = false;
  /** How many listeners are going to interfere. */
  plans = 0;
  private up = false;
  private scheduled: number | undefined;
  private attempting: number | undefined;
  private readonly broken: string[] = [];
  readonly peer: Peer;
  private readonly setting: Setting;
  private readonly onEnd: () => void;

  constructor(peer: Peer, setting: Setting, onEnd: () => void) {
    this.peer = peer;
    this.setting = setting;
    this.onEnd = onEnd;
    this.ended = peer.client.options.manual;
    const { client } = peer;
    client.state$.subscribe({ next: (state) => this.enters(state), complete: () => (this.completed = true) });
    for (const event of EVENTS) client.on(event, (...args: unknown[]) => this.saw(event, args));
    // Twice: the two views must tell the same.
    client.data$.subscribe(({ n }: Message) => this.law(this.received.at(-1) === n, `data$ follows data ${n}`));
  }

  /** The laws that were broken so far. */
  checkLaws(): void {
    expect(this.broken, this.tale).toEqual([]);
  }

  /** All laws that can be told from one client in one instant. */
  check(lines: number): void {
    const { client, reports } = this.peer;
    const { state } = client;
    this.checkLaws();
    expect(reports, 'nobody is left with an error').toEqual([]);
    expect(client.readyState, `readyState while ${state.name}; ${this.tale}`).toBe(READY[state.name]);
    expect(this.states.at(-1), 'state$ and state agree').toBe(state);
    // While what was received is still being transformed, the line may be down already.
    const least = state.name === 'open' && this.setting.transforms === 0 ? 1 : 0;
    expect(lines, `lines while ${state.name}; ${this.tale}`).toBeGreaterThanOrEqual(least);
    expect(lines, `lines while ${state.name}; ${this.tale}`).toBeLessThanOrEqual(state.name === 'open' ? 1 : 0);
    expect(this.up, `'open' and 'close' tell that it is ${state.name}; ${this.tale}`).toBe(state.name === 'open');
    if (!this.online) {
      expect(['idle', 'waiting', 'closed'], `without a network; ${this.tale}`).toContain(state.name);
      if (state.name === 'waiting' && this.setting.strategy.includes('online')) expect([state.attempt, state.until]).toEqual([null, null]);
    }
    if (state.name === 'open' && lines === 1) expect(client.buffer, 'nothing is kept back while open').toEqual([]);
  }

  get tale(): string {
    return `client ${this.peer.name}: ${this.events.slice(-25).join(', ')}`;
  }

  private enters(state: ClientState): void {
    const before = this.states.at(-1);
    this.states.push(state);
    if (before === undefined) return;
    this.law(MACHINE[before.name].includes(state.name), `${before.name} -> ${state.name}`);
    if (state.name === 'waiting') {
      if (state.attempt === null) this.scheduled = this.attempting = undefined;
      this.law((state.attempt === null) === (state.until === null), 'an attempt has a time');
      if (before.name === 'waiting')
        this.law((before.attempt === null) !== (state.attempt === null), 'waiting -> waiting changes whether there is an attempt');
    }
  }

  private saw(event: (typeof EVENTS)[number], args: unknown[]): void {
    this.events.push(event);
    const { name } = this.peer.client.state;
    const attempt = (args.at(-1) ?? null) as ReconnectAttempt | null;
    if (this.ended) this.law(event === 'online' || event === 'offline' || event === 'destroy', `${event} after end`);
    switch (event) {
      case 'open':
        this.law(!this.up && name === 'open', 'open once a connection');
        this.law(this.scheduled === undefined, 'open is not announced while an attempt is scheduled');
        if (this.attempting !== undefined)
          this.law(
            this.events.filter((name) => name !== 'readyStateChange').at(-2) === 'reconnected',
            'reconnected comes right before open',
          );
        this.attempting = undefined;
        this.up = true;
        break;
      case 'close':
        this.law(this.up || name === 'closed', 'close of a connection, or of an attempt that is given up');
        this.up = false;
        // Whoever opens again from here never sees an end.
        if (name === 'closed') this.onEnd();
        break;
      case 'data':
        this.law(this.up || this.setting.transforms > 0, 'data on an open connection');
        this.received.push((args[0] as Message).n);
        break;
      case 'reconnect scheduled':
        this.law(!this.up && name === 'waiting', 'attempts are scheduled while waiting');
        this.law(!this.dismissed, 'whom the server dismissed does not come back');
        this.scheduled = attempt?.attempt ?? -1;
        this.attempting = undefined;
        this.law(this.scheduled >= 1 && this.scheduled <= RECONNECT.retries, `attempt ${this.scheduled} of ${RECONNECT.retries}`);
        this.law(within(attempt?.scheduled, RECONNECT.min, RECONNECT.max), `a wait of ${attempt?.scheduled} ms`);
        break;
      case 'reconnect':
        this.law(this.scheduled === attempt?.attempt, 'the attempt that was scheduled');
        this.attempting = this.scheduled;
        this.scheduled = undefined;
        break;
      case 'reconnected':
      case 'reconnect timeout':
        this.law(this.attempting === attempt?.attempt, `${event} is about the attempt under way`);
        break;
      case 'reconnect failed':
        this.law(attempt === null || attempt.attempt === RECONNECT.retries, 'gives up after the last attempt only');
        break;
      case 'end':
        this.law(name === 'closed', 'end is for good');
        this.ended = true;
        this.scheduled = undefined;
        this.attempting = undefined;
        this.onEnd();
        break;
      case 'error':
        this.law(CAUSES.includes((args[0] as PrimusError).code), `an error: ${args[0]}`);
        break;
      default:
    }
  }

  private law(holds: boolean, sentence: string): void {
    if (!holds) this.broken.push(sentence);
  }
}

/** Why a client may give up; every other error is one too many. */
const CAUSES: readonly string[] = ['ERR_PRIMUS_CONNECT', 'ERR_PRIMUS_UNEXPECTED_RESPONSE'];

const EVENTS = [
  'open',
  'data',
  'error',
  'close',
  'end',
  'destroy',
  'online',
  'offline',
  'timeout',
  'reconnect',
  'reconnected',
  'reconnect scheduled',
  'reconnect timeout',
  'reconnect failed',
  'readyStateChange',
] as const;

/** Which end no longer hears what is sent on a line: what is under way to it, or is sent later, may be lost. */
type Deaf = 'server' | 'client';

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
      const peer = this.world.connect({ manual, strategy, reconnect: RECONNECT });
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
    await this.world.stop({ reconnect: true });
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

function within(value: number | undefined, min: number, max: number): boolean {
  return value !== undefined && value >= min && value <= max;
}

function ascending(list: readonly number[]): boolean {
  return list.every((value, index) => index === 0 || value > (list[index - 1] as number));
}

/** The messages among the frames of a line. */
function numbers(frames: readonly string[]): number[] {
  return frames.flatMap((frame) => (frame.startsWith('{') ? [(JSON.parse(frame) as Message).n] : []));
}
