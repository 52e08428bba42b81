import { type Observable, Subject, type Subscription } from 'rxjs';
import { PrimusError } from '../../core/errors.js';
import { StateSubject } from '../../core/streams/state-subject.js';
import type { Backplane, Bus, BusContext, BusState, Delivery, Keep, Log, LogRead, Position } from '../bus.js';
import { MemoryLog } from './memory-log.js';

/**
 * Connects the servers of one process; alone, a server has rooms and channels by it. Nothing has to be installed. Histories are kept in memory,
 * as many entries and as long as each channel says, and end with the process.
 *
 * @example
 * import { clustered, memory } from 'primus-rx/cluster';
 *
 * const cluster = clustered(primus, memory());
 */
export function memory(): Backplane {
  const engine = new MemoryEngine();
  return { name: 'memory', open: (context) => new MemoryBus(engine, context) };
}

/** The topics and histories of a process. */
class MemoryEngine {
  readonly #listeners = new Map<string, Set<MemoryBus>>();
  readonly log = new MemoryLog((topic) => this.#listeners.has(topic));
  #queue: Delivery[] = [];

  listen(topic: string, bus: MemoryBus): void {
    const listeners = this.#listeners.get(topic);
    if (listeners) listeners.add(bus);
    else this.#listeners.set(topic, new Set([bus]));
  }

  unlisten(topic: string, bus: MemoryBus): void {
    const listeners = this.#listeners.get(topic);
    if (!listeners?.delete(bus) || listeners.size > 0) return;
    this.#listeners.delete(topic);
    this.log.leave(topic);
  }

  /**
   * Delivers at the end of the turn, as an engine elsewhere does: so who publishes during a delivery, or before it is ready for the answer, finds the
   * same order with every backplane.
   */
  deliver(delivery: Delivery): void {
    if (!this.#listeners.has(delivery.topic)) return;
    if (this.#queue.push(delivery) === 1) queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    const queue = this.#queue;
    this.#queue = [];
    for (const delivery of queue) {
      for (const bus of this.#listeners.get(delivery.topic) ?? []) bus.deliver(delivery);
    }
  };
}

/** The connection of one node. */
class MemoryBus implements Bus, Log {
  readonly bufferedAmount = 0;
  readonly message$: Observable<Delivery>;
  readonly #engine: MemoryEngine;
  readonly #context: BusContext;
  readonly #state: StateSubject<BusState>;
  readonly #messages = new Subject<Delivery>();
  readonly #topics = new Set<string>();
  /** Runs once the node uses histories. */
  #sweep: Subscription | undefined;
  #closed = false;

  constructor(engine: MemoryEngine, context: BusContext) {
    this.#engine = engine;
    this.#context = context;
    this.#state = new StateSubject<BusState>('up');
    this.message$ = this.#messages.asObservable();
  }

  get state$(): Observable<BusState> {
    return this.#state.value$;
  }

  get log(): Log {
    return this;
  }

  async listen(topics: readonly string[]): Promise<void> {
    this.#assertOpen();
    for (const topic of topics) {
      this.#topics.add(topic);
      this.#engine.listen(topic, this);
    }
  }

  unlisten(topics: readonly string[]): void {
    for (const topic of topics) {
      this.#topics.delete(topic);
      this.#engine.unlisten(topic, this);
    }
  }

  publish(topic: string, data: Uint8Array): void {
    if (this.#closed) this.#context.lost(topic, 1, 'closed');
    else this.#engine.deliver({ topic, data: Uint8Array.from(data) });
  }

  async append(topic: string, data: Uint8Array, keep: Keep): Promise<Position> {
    const entry = this.#histories().append(topic, Uint8Array.from(data), keep, this.#context.scheduler.now());
    this.#engine.deliver(entry);
    return entry.at;
  }

  async read(topic: string, since: Position | 'head', limit: number): Promise<LogRead> {
    return this.#histories().read(topic, since, limit, this.#context.scheduler.now());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#sweep?.unsubscribe();
    this.unlisten([...this.#topics]);
    this.#messages.complete();
    this.#state.complete();
  }

  deliver(delivery: Delivery): void {
    this.#messages.next(delivery);
  }

  #histories(): MemoryLog {
    this.#assertOpen();
    this.#sweep ??= this.#engine.log.sweep(this.#context.scheduler);
    return this.#engine.log;
  }

  #assertOpen(): void {
    if (this.#closed) throw new PrimusError('ERR_PRIMUS_DESTROYED', 'The connection to the backplane was closed');
  }
}
