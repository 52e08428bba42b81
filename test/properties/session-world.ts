import { expect } from 'vitest';
import { type Resume, resumable } from '../../client/resume.js';
import type { Frame } from '../../src/core/link.js';
import type { Spark } from '../../src/index.js';
import type { SessionChange } from '../../src/server/sessions/session.js';
import { slowParser } from '../support/slow-parser.js';
import { type LinkPair, type Peer, World } from '../support/world.js';

export const WINDOW = 2_000;
export const RING = 4_000;
export const BUDGET = 9_600;

/** The bytes that a session without a connection counts beside its messages. */
const AWAY = 6_144;

/** How both ends are built. */
export interface Setting {
  latency: number;
  /** The time that encoders, decoders and message transformers take, in ms; 0: they answer at once. */
  slow: number;
  /** The time that the server's message transformers take besides, in ms; 0: none. */
  transforming?: number;
  /** The option `maxBuffer`. */
  maxBuffer?: number;
  /** Whether there is hardly room for one session without a connection. */
  isPoor: boolean;
}

/** A message: who sends it, and its number there. */
interface Message {
  from: string;
  n: number;
  filler?: string;
}

/** One spark of the client, and what is known of its session. */
interface SparkLog {
  readonly name: string;
  readonly spark: Spark;
  /** The number of messages that were sent to the client, and how many of them it has received. */
  sent: number;
  delivered: number;
  /** The numbers of the client's messages that the spark has received. */
  readonly up: number[];
  readonly changes: SessionChange[];
  ended: boolean;
  /** Whether the application has ended it, or the client has. */
  dismissed: boolean;
}

type Path = 'write' | 'broadcast' | '_write';

/** One client with a session, its sparks, and the laws that hold for them. */
export class SessionWorld {
  readonly world: World;
  readonly peer: Peer;
  readonly sparks: SparkLog[] = [];
  readonly outcomes: Resume[] = [];
  private readonly setting: Setting;
  /** The messages that were acknowledged to the client when the application has ended their spark, and were still being transformed. */
  private readonly dropped: number[] = [];
  /** How often the client has ended on purpose. */
  private ends = 0;
  /** The number of messages that the client has written. */
  private written = 0;
  /** Breaks a connection that is about to carry a frame. */
  private trap: RegExp | undefined;
  /** Sends a frame of the client again, over another connection, some time later. */
  private twin: number | undefined;
  private readonly raws: { link: { destroy(): void } }[] = [];
  /** Messages that came out of order. A listener cannot throw: its error is the connection's. */
  private readonly violations: string[] = [];
  /** The sequence so far, for messages of failed expectations. */
  readonly history: string[] = [];

  constructor(setting: Setting) {
    this.setting = setting;
    const { latency, isPoor, maxBuffer, slow } = setting;
    const resume = { window: WINDOW, ring: RING, identity: ({ headers }: { headers: Record<string, unknown> }) => `${headers.user}` };
    const options = {
      resume: isPoor ? { ...resume, budget: BUDGET } : resume,
      pingInterval: 500,
      handshakeTimeout: 1_000,
      ...(maxBuffer && { maxBuffer }),
    };
    const parser = slowParser(slow, (run, ms) => this.world.clock.schedule(run, ms));
    this.world = new World({ latency, server: slow > 0 ? { ...options, parser } : options });
    // Time stamps have no sign, and the clock is set back.
    this.jump(1e12);
    this.observe();
    this.listen();
    this.peer = this.world.connect(
      {
        reconnect: { min: 5, max: 50, retries: Infinity },
        headers: { user: 'ada' },
        pingTimeout: 900,
        timeout: 500,
        resume: { ring: RING },
      },
      { session: resumable },
    );
    const { client } = this.peer;
    if (slow > 0) client.transform('incoming', (_packet: unknown, next: () => void) => void this.world.clock.schedule(() => next(), slow));
    client.resume$.subscribe((outcome) => this.outcomes.push(outcome));
    client.on('data', (message) => this.receiveDown(message as Message));
    client.on('error', () => {});
  }

  // Commands.

  async pass(ms: number): Promise<void> {
    await this.world.pass(ms);
    this.checkBytes();
  }

  writeUp(count: number, size: number): void {
    for (let written = 0; written < count; written++) {
      const message = { from: 'client', n: this.written, filler: 'x'.repeat(size) };
      if (this.peer.client.write(message)) this.written += 1;
    }
  }

  writeDown(count: number, size: number, path: Path): void {
    const log = this.current;
    if (log === undefined) return;
    for (let written = 0; written < count; written++) {
      const { spark } = log;
      if (!spark.connection.writable) return;
      const message = { from: log.name, n: log.sent, filler: 'x'.repeat(size) };
      log.sent += 1;
      if (path === 'broadcast' && this.alive.length === 1) this.world.primus.write(message);
      else if (path === '_write' && this.setting.slow === 0) spark._write(message);
      else spark.write(message);
    }
    this.checkBytes();
  }

  breakLink(noticed: 'both' | 'client' | 'server'): void {
    const pair = this.pair;
    if (pair !== undefined) this.world.network.breakPair(pair, noticed);
  }

  /** Breaks the connection that carries the next frame of that kind, before it arrives. */
  lose(frame: 'ack' | 'resumed' | 'resume'): void {
    this.trap = { ack: /::ack::/, resumed: /::resumed::/, resume: /primus::resume::/ }[frame];
  }

  /** Sends the next message with which the client resumes over a second connection as well. */
  repeatResume(after: number): void {
    this.twin = after;
  }

  /**
   * Writes messages that are under way for so long, and breaks the connection at the client meanwhile: the server goes on reading the old
   * one, which delivers them when the client may have sent them again.
   */
  delay(count: number, ms: number): void {
    const { network } = this.world;
    const { latency } = network;
    const { pair } = this;
    if (pair === undefined) return;
    Object.assign(network, { latency: ms });
    this.writeUp(count, 0);
    Object.assign(network, { latency });
    network.breakPair(pair, 'client');
  }

  /** Ends the client, and opens it again. */
  async end(): Promise<void> {
    const { client } = this.peer;
    const { setting, world } = this;
    const messages = this.sparks.reduce((sum, { sent }) => sum + sent, this.written + 2);
    const quiet = 4 * setting.latency + messages * (2 * setting.slow + (setting.transforming ?? 0));
    if (client.state.name === 'open') {
      // What is under way to the server is sent before the end. If the server, or the network, fails meanwhile, no end of the client knows.
      this.trap = undefined;
      await world.pass(quiet);
      const { pair } = this;
      if (client.readyState !== 3 || pair === undefined || !world.network.has(pair.server)) return;
      this.writeDown(2, 0, 'write');
    }
    this.ends += 1;
    client.end();
    for (let waited = 0; client.state.name !== 'closed'; waited++) {
      expect(waited, this.story).toBeLessThan(10_000);
      await world.pass(1);
    }
    // A connection that is being closed delivers what was sent.
    await world.pass(quiet);
    client.open();
  }

  network(isUp: boolean): void {
    this.world.network.down = !isUp;
  }

  async steal(): Promise<void> {
    const frames: string[] = [];
    this.raw('mallory', frames, `primus::resume::${this.token}.0.0.0`);
    await this.world.pass(3 * this.setting.latency + 4 * this.setting.slow + 1);
    // A wrong identity gets nothing. That it disturbs no client shows in the messages that arrive.
    expect(frames.join(), `what the thief receives; ${this.story}`).not.toMatch(/::resumed::|"from"/);
    this.dropRaws();
  }

  sparkEnd(): void {
    const log = this.current;
    if (log === undefined) return;
    this.dismiss(log);
    log.spark.end(undefined, { reconnect: true });
  }

  async restart(): Promise<void> {
    for (const log of this.sparks) this.dismiss(log);
    await this.world.stop({ reconnect: true });
    this.world.start();
    this.listen();
  }

  jump(ms: number): void {
    const { clock } = this.world;
    const now = clock.now.bind(clock);
    clock.now = () => now() + ms;
  }

  // The laws.

  /** Removes all obstacles, waits, and checks that nothing is missing without a gap. */
  async settle(): Promise<void> {
    const { network } = this.world;
    this.trap = this.twin = undefined;
    network.down = false;
    this.dropRaws();
    // The client notices a silent server, and the server a silent client, within two periods.
    await this.world.pass(2 * WINDOW + this.written * (this.setting.transforming ?? 0));
    await this.replay();
    const last = this.current;
    expect(this.peer.client.state.name, this.story).toBe('open');
    expect(last?.spark.away, this.story).toBe(false);
    expect(this.violations, this.story).toEqual([]);
    this.checkUp();
    for (const log of this.sparks) this.checkDown(log, log === last);
    if (last === undefined) return;
    // Counts agree on every path.
    const { ledger } = last.spark.connection.session as NonNullable<typeof last.spark.connection.session>;
    expect({ sent: ledger.sent, received: ledger.received }, this.story).toEqual({ sent: last.sent, received: last.up.length });
    expect(ledger.unconfirmed, this.story).toBe(0);
  }

  /** Breaks the connection once more, and sends the token of the time before, which the client has used and replaced. */
  private async replay(): Promise<void> {
    const { peer, setting, world } = this;
    const before = this.token;
    this.breakLink('both');
    await world.pass(WINDOW);
    expect(this.token, `a new token for each connection; ${this.story}`).not.toBe(before);
    const { link } = peer.client.connection;
    expect(link, this.story).toBeDefined();
    const frames: string[] = [];
    this.raw('ada', frames, `primus::resume::${before}.0.0.0`);
    await world.pass(4 * setting.latency + 4 * setting.slow + 1);
    expect(frames.join(), `what a retired token is good for; ${this.story}`).not.toMatch(/::resumed::|"from"/);
    expect(peer.client.connection.link, this.story).toBe(link);
    this.dropRaws();
  }

  /** The token that the client was sent last. */
  private get token(): string {
    const words = this.world.network.pairs.filter(({ owner }) => owner === this.peer).flatMap(({ down }) => down);
    const word = words.filter((frame) => /::(session|resumed|gap)::/.test(frame)).at(-1) ?? '';
    return word.replaceAll('"', '').split('.')[word.includes('resumed') ? 1 : 2] ?? 'none';
  }

  /** Destroys everything: no timer is left. */
  async destroy(): Promise<void> {
    // Acknowledgements are still to come on both ends.
    this.writeDown(1, 0, 'write');
    this.writeUp(1, 0);
    await this.world.pass(2 * this.setting.latency + 3 * this.setting.slow);
    await this.world.destroy();
    await this.world.pass(10 * this.setting.slow + 10);
    expect(this.world.clock.pending, this.story).toBe(0);
  }

  /** The client's messages arrive once and in order; a gap reports those that are missing. */
  private checkUp(): void {
    const gaps = this.outcomes.flatMap((outcome) => (outcome.type === 'gap' ? [outcome] : []));
    const arrived = this.sparks.flatMap(({ up }) => up);
    expect(new Set(arrived).size, `nothing twice; ${this.story}`).toBe(arrived.length);
    let next = 0;
    let missing = 0;
    let runs = 0;
    for (const n of [...arrived.sort((a, b) => a - b), this.written]) {
      if (n > next) {
        missing += n - next;
        runs += 1;
      }
      next = n + 1;
    }
    const reported = [...gaps.map(({ unconfirmed }) => unconfirmed), ...this.dropped].filter((count) => count > 0);
    expect(runs, `losses without a gap; ${this.story}`).toBeLessThanOrEqual(reported.length);
    expect(missing, this.story).toBeLessThanOrEqual(reported.reduce((sum, count) => sum + count, 0));
    // Each new session but the first one begins with a gap, unless the client has ended the one before.
    expect(this.outcomes.filter(({ type }) => type === 'fresh').length, this.story).toBeLessThanOrEqual(1 + this.ends);
  }

  /** Checks that the messages of a spark have arrived, or one gap reports how much may be missing. */
  private checkDown(log: SparkLog, isLast: boolean): void {
    const gaps = log.changes.flatMap((change) => (change.type === 'gap' ? [change] : []));
    const lost = log.sent - log.delivered;
    expect(gaps.length, this.story).toBeLessThanOrEqual(1);
    if (isLast) expect([lost, gaps.length], `${log.name} is whole; ${this.story}`).toEqual([0, 0]);
    else if (!log.dismissed) expect(gaps[0]?.unconfirmed ?? 0, `${log.name} has lost ${lost}; ${this.story}`).toBeGreaterThanOrEqual(lost);
    if (gaps.length === 1) expect(log.ended, this.story).toBe(true);
  }

  /** Notes that the application ends a spark. */
  private dismiss(log: SparkLog): void {
    const { connection } = log.spark;
    if (connection.writable) this.dropped.push((connection.session?.ledger.received ?? 0) - log.up.length);
    log.dismissed = true;
  }

  private checkBytes(): void {
    let sum = 0;
    for (const { spark } of this.alive) {
      const { ledger, isAway } = spark.connection.session as NonNullable<typeof spark.connection.session>;
      expect(ledger.bytes).toBeLessThanOrEqual(RING);
      sum += ledger.bytes + (isAway ? AWAY : 0);
    }
    if (this.setting.isPoor) expect(sum).toBeLessThanOrEqual(BUDGET);
  }

  // What both ends receive.

  private receiveDown({ from, n }: Message): void {
    const log = this.sparks.find(({ name }) => name === from);
    if (log === undefined) return;
    // A prefix of what was sent: in order, nothing twice, and nothing left out.
    if (n !== log.delivered) this.violations.push(`${from} to the client: ${n} instead of ${log.delivered}`);
    log.delivered = n + 1;
  }

  private listen(): void {
    const { slow, transforming = 0 } = this.setting;
    const { primus, clock } = this.world;
    const ms = transforming + slow;
    if (ms > 0) primus.transform('incoming', (_packet: unknown, next: () => void) => void clock.schedule(() => next(), ms));
    primus.on('connection', (spark: Spark) => {
      if (spark.headers.user !== 'ada' || spark.query.raw !== undefined) return;
      const name = `spark ${this.sparks.length}`;
      const log: SparkLog = { name, spark, sent: 0, delivered: 0, up: [], changes: [], ended: false, dismissed: false };
      this.sparks.push(log);
      spark.resume$.subscribe((change) => log.changes.push(change));
      spark.on('end', () => {
        log.ended = true;
      });
      spark.on('error', () => {});
      spark.on('data', ({ n }: Message) => {
        const before = log.up.at(-1);
        if (before !== undefined && n !== before + 1) this.violations.push(`the client to ${name}: ${n} after ${before}`);
        log.up.push(n);
      });
    });
  }

  // The network.

  private get alive(): SparkLog[] {
    return this.sparks.filter(({ spark }) => spark.readyState === 3);
  }

  private get current(): SparkLog | undefined {
    return this.alive.at(-1);
  }

  private get pair(): LinkPair | undefined {
    return this.world.network.pairsOf(this.peer).at(-1);
  }

  private get story(): string {
    return this.history.join(', ');
  }

  private observe(): void {
    const { network } = this.world;
    const { pair } = network;
    network.pair = (...limits) => {
      const ends = pair.apply(network, limits);
      for (const end of ends) {
        const { send } = end;
        end.send = (frame: Frame) => {
          send.call(end, frame);
          this.sent(String(frame), ends[1]);
        };
      }
      return ends;
    };
  }

  private sent(frame: string, client: unknown): void {
    const { network, clock } = this.world;
    const pair = network.pairOf(client);
    if (pair?.owner !== this.peer) return;
    if (this.trap?.test(frame)) {
      this.trap = undefined;
      network.breakPair(pair);
    } else if (this.twin !== undefined && /primus::resume::/.test(frame)) {
      const after = this.twin;
      this.twin = undefined;
      clock.schedule(() => this.raw('ada', [], frame), after);
    }
  }

  /** Connects something that is not the client, and lets it resume. */
  private raw(user: string, frames: string[], word: string): void {
    this.world.network.dial({
      url: 'http://world/primus?raw&_primus_session=1',
      headers: { user },
      maxLength: 1_000_000,
      accepted: (link) => {
        this.raws.push({ link });
        link.subscribe({ next: (frame) => void frames.push(String(frame)), error: () => {} });
        link.send(word.startsWith('"') ? word : JSON.stringify(word));
      },
      rejected: () => {},
    });
  }

  private dropRaws(): void {
    for (const { link } of this.raws.splice(0)) link.destroy();
  }
}
