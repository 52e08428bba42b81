import { BehaviorSubject, Subject } from 'rxjs';
import type { Backplane, Bus, BusContext, Delivery, Keep, LogRead, Position } from '../../src/cluster/bus.js';
import type { Clock } from '../support/clock.js';

/** How long a bus waits for an engine that does not answer, in ms. */
const DEADLINE = 2_000;

/** A command of a bus. */
export type Command = 'listen' | 'append' | 'read';

/** An entry of a history. `before` is the one that it follows, in the same instance of the history. */
export interface LoggedEntry {
  readonly delivery: Delivery & { readonly at: Position };
  readonly before: LoggedEntry | undefined;
}

/** The history of one topic. */
interface SimulatedLog {
  epoch: string;
  /** The last entry that was appended, kept or not. */
  last: LoggedEntry | undefined;
  kept: LoggedEntry[];
}

/** An engine in virtual time, and the faults that it may have. */
export class SimulatedEngine implements Backplane {
  readonly name = 'the simulated engine';
  readonly clock: Clock;
  readonly buses = new Set<SimulatedBus>();
  readonly logs = new Map<string, SimulatedLog>();
  /** All entries that there ever were. */
  readonly entries: LoggedEntry[] = [];
  /** Packets that were published, for tests that change them. */
  readonly packets: Uint8Array[] = [];
  isUp = true;
  readonly #faults = new Map<string, Faults>();
  #epochs = 1;
  /** How many timers of its own are running. */
  pending = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  open(context: BusContext): Bus {
    const bus = new SimulatedBus(this, context, this.faultsOf(context.node));
    this.buses.add(bus);
    return bus;
  }

  faultsOf(node: string): Faults {
    const known = this.#faults.get(node);
    if (known !== undefined) return known;
    const faults = new Faults();
    this.#faults.set(node, faults);
    return faults;
  }

  /** Runs something later. */
  later(ms: number, run: () => void): void {
    this.pending += 1;
    this.clock.schedule(() => {
      this.pending -= 1;
      run();
    }, ms);
  }

  /** Ends every fault. */
  heal(): void {
    for (const faults of this.#faults.values()) faults.heal();
    this.up();
  }

  /** The engine is not there: every bus notices. What is under way is lost. */
  down(): void {
    if (!this.isUp) return;
    this.isUp = false;
    for (const bus of this.buses) bus.interrupt();
  }

  up(): void {
    if (this.isUp) return;
    this.isUp = true;
    for (const bus of this.buses) bus.resume();
  }

  /** The histories are gone, and begin anew in another epoch. */
  loseHistory(): void {
    this.#epochs += 1;
    this.logs.clear();
  }

  /** The engine is restarted: it has the entries of before, and cannot know whether these are all, so that their epoch is another one. */
  restart(): void {
    this.down();
    this.#epochs += 1;
    for (const [topic, { kept }] of [...this.logs]) {
      const log: SimulatedLog = { epoch: `e${this.#epochs}`, last: kept[0]?.before, kept: [] };
      this.logs.set(topic, log);
      for (const { delivery } of kept) {
        const entry = { delivery: { ...delivery, at: { epoch: log.epoch, offset: delivery.at.offset } }, before: log.last };
        log.last = entry;
        log.kept.push(entry);
        this.entries.push(entry);
      }
    }
  }

  /**
   * A copy takes over that has not received the last `lost` entries of each history. Connections break; `appended` entries are in it before they are
   * back.
   */
  failOver(lost: number, appended: readonly (readonly [topic: string, data: Uint8Array])[], keep: Keep): void {
    this.down();
    for (const log of this.logs.values()) {
      for (let count = 0; count < lost && log.last !== undefined; count++) {
        if (log.kept.at(-1) === log.last) log.kept.pop();
        log.last = log.last.before;
      }
    }
    for (const [topic, data] of appended) this.append(topic, data, keep);
  }

  logOf(topic: string): SimulatedLog {
    const known = this.logs.get(topic);
    if (known !== undefined) return known;
    const log: SimulatedLog = { epoch: `e${this.#epochs}`, last: undefined, kept: [] };
    this.logs.set(topic, log);
    return log;
  }

  /** Appends an entry. Those who listen get it. */
  append(topic: string, data: Uint8Array, keep: Keep): Position {
    const log = this.logOf(topic);
    const at = { epoch: log.epoch, offset: (log.last?.delivery.at.offset ?? 0) + 1 };
    const entry = { delivery: { topic, data, at }, before: log.last };
    log.last = entry;
    log.kept.push(entry);
    while (log.kept.length > keep.size) log.kept.shift();
    this.entries.push(entry);
    for (const bus of this.buses) bus.receive(undefined, entry.delivery);
    return at;
  }

  /** Answers what a bus reads. */
  read(topic: string, since: Position | 'head', limit: number): LogRead {
    const { epoch, last, kept } = this.logOf(topic);
    const head = { epoch, offset: last?.delivery.at.offset ?? 0 };
    if (since === 'head') return { entries: [], head, whole: true };
    const isKnown = since.epoch === epoch && since.offset <= head.offset && since.offset >= head.offset - kept.length;
    const found = isKnown ? kept.filter(({ delivery }) => delivery.at.offset > since.offset) : kept;
    return { entries: found.slice(0, limit).map(({ delivery }) => delivery), head, whole: isKnown };
  }

  /** Delivers what another program has published. */
  forge(topic: string, data: Uint8Array): void {
    for (const bus of this.buses) bus.receive(undefined, { topic, data });
  }

  /** Delivers a message to all who listen. */
  publish(from: SimulatedBus, topic: string, data: Uint8Array): void {
    this.packets.push(data);
    if (this.packets.length > 200) this.packets.shift();
    for (const bus of this.buses) bus.receive(from, { topic, data });
  }
}

/** The faults of the connection between one node and the engine. */
export class Faults {
  /** How many of the next messages to the node are lost. */
  drop = 0;
  /** The time that messages to it take, in ms. */
  delay = 0;
  /** The time that its commands take, in ms. */
  slow: { [Name in Command]: number } = { listen: 0, append: 0, read: 0 };
  /** How many of its next commands fail. */
  reject: { [Name in Command]: number } = { listen: 0, append: 0, read: 0 };
  /** Nothing passes, without any change of state. */
  isFrozen = false;
  /** The bytes that the engine does not take. */
  bufferedAmount = 0;
  /** The nodes whose messages do not reach this one. */
  readonly separated = new Set<string>();

  heal(): void {
    this.drop = 0;
    this.delay = 0;
    this.slow = { listen: 0, append: 0, read: 0 };
    this.reject = { listen: 0, append: 0, read: 0 };
    this.isFrozen = false;
    this.bufferedAmount = 0;
    this.separated.clear();
  }
}

/** The connection of one node. */
export class SimulatedBus implements Bus {
  readonly state$: BehaviorSubject<'up' | 'down'>;
  readonly message$ = new Subject<Delivery>();
  readonly node: string;
  /** The most bytes that were published in one moment: what an outbox gives away. */
  burst = 0;
  readonly log = {
    append: (topic: string, data: Uint8Array, keep: Keep) => this.#command('append', () => this.#engine.append(topic, data, keep)),
    read: (topic: string, since: Position | 'head', limit: number) => this.#command('read', () => this.#engine.read(topic, since, limit)),
  };
  readonly #engine: SimulatedEngine;
  readonly #context: BusContext;
  readonly #faults: Faults;
  /** The topics that were asked for, and those that the engine knows of. */
  readonly #wanted = new Set<string>();
  readonly #topics = new Set<string>();
  /** When the last message of each sender and topic arrives: the next one does not arrive before. */
  readonly #due = new Map<string, number>();
  /** Distinguishes the connections, so that what is under way on a broken one is lost. */
  #connection = 0;
  #isDead = false;
  #moment = { at: -1, bytes: 0 };

  constructor(engine: SimulatedEngine, context: BusContext, faults: Faults) {
    this.#engine = engine;
    this.#context = context;
    this.#faults = faults;
    this.node = context.node;
    this.state$ = new BehaviorSubject<'up' | 'down'>(engine.isUp ? 'up' : 'down');
  }

  get bufferedAmount(): number {
    return this.#faults.bufferedAmount;
  }

  /** The topics that the engine knows of. */
  get topics(): readonly string[] {
    return [...this.#topics];
  }

  get #hears(): boolean {
    return this.#engine.isUp && !this.#faults.isFrozen && !this.#isDead;
  }

  listen(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.#wanted.add(topic);
    return this.#command('listen', () => {
      for (const topic of topics) if (this.#wanted.has(topic)) this.#topics.add(topic);
    });
  }

  unlisten(topics: readonly string[]): void {
    for (const topic of topics) {
      this.#wanted.delete(topic);
      this.#topics.delete(topic);
    }
  }

  publish(topic: string, data: Uint8Array): void {
    const now = this.#engine.clock.now();
    if (this.#moment.at !== now) this.#moment = { at: now, bytes: 0 };
    this.#moment.bytes += data.length;
    this.burst = Math.max(this.burst, this.#moment.bytes);
    if (!this.#engine.isUp) return this.#context.lost(topic, 1, 'engine');
    if (this.#hears) this.#engine.publish(this, topic, data);
  }

  async close(): Promise<void> {
    this.#engine.buses.delete(this);
    this.#connection += 1;
    this.state$.complete();
    this.message$.complete();
  }

  // Calls of the engine.

  /** Delivers a message, unless a fault prevents it. `from`: `undefined` for an entry of a history. */
  receive(from: SimulatedBus | undefined, delivery: Delivery): void {
    const faults = this.#faults;
    const { topic } = delivery;
    if (!this.#hears || !this.#topics.has(topic) || (from !== undefined && faults.separated.has(from.node))) return;
    if (faults.drop > 0) {
      faults.drop -= 1;
      return;
    }
    const { clock } = this.#engine;
    const path = `${from?.node} ${topic}`;
    const due = Math.max(clock.now() + faults.delay, this.#due.get(path) ?? 0);
    this.#due.set(path, due);
    const connection = this.#connection;
    this.#engine.later(due - clock.now(), () => {
      if (connection === this.#connection && this.#hears && this.#topics.has(topic)) this.message$.next(delivery);
    });
  }

  /** The connection breaks. */
  interrupt(): void {
    this.#connection += 1;
    this.state$.next('down');
  }

  /** The connection is restored, and listens to its topics before the node knows. */
  resume(): void {
    const connection = this.#connection;
    this.#engine.later(5, () => {
      if (connection === this.#connection) this.state$.next('up');
    });
  }

  /** The node is dead: nothing that it does arrives any more. */
  kill(): void {
    this.#isDead = true;
  }

  /** Runs a command in 1 ms. Its answer takes longer where it is slow, and fails when the connection breaks meanwhile. */
  #command<T>(name: Command, run: () => T): Promise<T> {
    const engine = this.#engine;
    const faults = this.#faults;
    const connection = this.#connection;
    return new Promise((resolve, reject) => {
      const fail = () => reject(new Error(`The engine has not answered: ${name}`));
      const answered = () => connection === this.#connection && this.#hears;
      engine.later(1, () => {
        if (!answered()) return engine.later(DEADLINE, fail);
        if (faults.reject[name] > 0) {
          faults.reject[name] -= 1;
          return fail();
        }
        const answer = run();
        if (faults.slow[name] === 0) resolve(answer);
        else engine.later(faults.slow[name], () => (answered() ? resolve(answer) : fail()));
      });
    });
  }
}
