import { filter, Observable, Subscription } from 'rxjs';
import type { ClientConfiguration } from '../src/core/configuration.js';
import type { Link } from '../src/core/link.js';
import { PATIENCE, stuckError } from '../src/core/pipeline.js';
import { CLOSED, OPEN, OPENING, type ReadyState } from '../src/core/ready-state.js';
import type { Report } from '../src/core/streams/safe-observable.js';
import { StateSubject } from '../src/core/streams/state-subject.js';
import { dial } from './dial.js';
import type { ClientEvents } from './events.js';
import { type Backoff, type ClientParts, reconnectPolicy } from './options.js';
import type { Outbox } from './outbox.js';
import type { Primus } from './primus.js';
import { session } from './session.js';
import type { ClientState } from './state.js';

interface Announcer {
  emit(event: string, ...args: unknown[]): unknown;
}

/**
 * The machine behind a client, which `state.ts` draws: begins a life with `open()`, says what happens in it, and ends it.
 * A listener may end a life, and begin another, at any word of it: that was the last word.
 */
export class Lifecycle {
  readonly state: StateSubject<ClientState>;
  /** Whether the platform has a network, as far as it told. */
  readonly network: StateSubject<boolean>;
  /** Whether the wait for the next attempt, which need not have begun, is to be none. */
  readonly #hurry = new StateSubject(false, () => {});
  readonly #client: Primus;
  readonly #parts: ClientParts;
  readonly #configuration: ClientConfiguration;
  readonly #backoff: Backoff;
  readonly #outbox: Outbox;
  readonly #following: Subscription | false;
  #life: Subscription | undefined;
  /** Whether an end has a `close` to tell: of a connection, or of an attempt that nothing follows. */
  #owed = false;

  constructor(client: Primus, parts: ClientParts, configuration: ClientConfiguration, outbox: Outbox, report: Report) {
    const { reconnect, network } = client.options;
    const { platform } = parts;
    this.#client = client;
    this.#parts = parts;
    this.#configuration = configuration;
    this.#outbox = outbox;
    this.#backoff = reconnectPolicy(reconnect, platform.random);
    this.state = new StateSubject<ClientState>({ name: 'idle' }, report);
    this.network = new StateSubject(true, report);
    this.#following = network !== false && platform.network$.subscribe((online) => this.#networkChanged(online));
  }

  open(): void {
    const { name } = this.state.value;
    if (name === 'idle' || name === 'closed') this.#begin();
    else if (name === 'waiting') this.#hurry.next(true);
  }

  /** Closes once what was written has left. */
  end(): void {
    const { connection } = this.#client;
    const life = this.#life;
    const close = () => {
      // A message transformer may take its time, and the client be opened again meanwhile.
      if (this.#life === life) this.close('client');
    };
    const stuck = () => {
      connection.fail(stuckError());
      close();
    };
    life?.add(this.#parts.platform.scheduler.schedule(stuck, PATIENCE));
    connection.flush(close);
  }

  /** The end, by somebody's will: for good, unless `open()` is called. */
  close(by: 'client' | 'server' | 'destroy'): void {
    const client = this.#client;
    const life = this.#life;
    const { name } = this.state.value;
    // A session that has failed may still be telling so.
    if (name === 'closed' && life?.closed !== false) return;
    const owed = this.#owed;
    life?.unsubscribe();
    if (name !== 'closed') this.#become({ name: 'closed', by, cause: null });
    if (name === 'idle') return;
    // Whoever opens again at the first word of it has no end to hear of.
    if (owed && this.#life === life) this.#tell('close');
    if (this.#life === life) client.emit('end');
  }

  /** Nothing follows. */
  complete(): void {
    if (this.#following) this.#following.unsubscribe();
    this.network.complete();
    this.state.complete();
  }

  #begin(): void {
    const client = this.#client;
    this.#life?.unsubscribe();
    const life = new Subscription();
    this.#life = life;
    this.#become({ name: 'connecting', attempt: null });
    const links$ = session({
      dial: () => dial(client, this.#parts, this.#configuration, life),
      receive: (frame) => client.connection.receive(frame),
      activity$: client.connection.heard$,
      drain: () => this.#drain(),
      options: client.options,
      backoff: this.#backoff,
      platform: this.#parts.platform,
      online$: this.network.value$,
      now$: this.#hurry.value$.pipe(filter(Boolean)),
      state: this.state,
      become: (state) => {
        if (!life.closed) this.#become(state);
      },
      tell: (event, ...args) => {
        if (!life.closed) this.#tell(event, ...args);
      },
    });
    const over = () => {
      // Who ended it while it was telling of its end has told the end of that.
      if (life.closed) return;
      life.unsubscribe();
      client.emit('end');
    };
    if (!life.closed) life.add(links$.subscribe({ next: (link) => this.#opened(link), error: over }));
  }

  #opened(link: Link): void {
    const client = this.#client;
    client.connection.attach(link);
    client.emit('incoming::open');
    // Whoever is told may end it, or have no network any more.
    if (client.connection.link === link) this.#become({ name: 'open' });
    if (client.connection.link === link) client.emit('open');
    // What was written before comes first, but not before the listeners of `open` have seen it.
    if (client.connection.link === link) this.#outbox.gate.next(true);
  }

  /** The line is dead, but not what came over it. */
  #drain(): Observable<never> {
    this.#cutOff();
    return new Observable((subscriber) => {
      const done = () => subscriber.complete();
      subscriber.add(this.#parts.platform.scheduler.schedule(done, PATIENCE));
      this.#client.connection.drain(done);
    });
  }

  /** What is written from now on is kept. */
  #cutOff(): void {
    this.#outbox.gate.next(false);
    this.#client.connection.link = undefined;
  }

  #tell(event: keyof ClientEvents, ...args: unknown[]): void {
    if (event === 'close') {
      if (!this.#owed) return;
      this.#owed = false;
    }
    (this.#client as Announcer).emit(event, ...args);
  }

  #become(state: ClientState): void {
    const client = this.#client;
    const [readyState, name] = READY[state.name] ?? [CLOSED, 'end'];
    if (readyState !== CLOSED) this.#owed = true;
    else if (state.name === 'waiting' && client.readyState === OPENING) this.#owed = false;
    const changed = readyState !== client.readyState;
    client.readyState = readyState;
    if (state.name === 'connecting') this.#hurry.next(false);
    if (readyState !== OPEN) this.#cutOff();
    const life = this.#life;
    const over = life?.closed;
    // Until a listener changes it again, or ends what has failed.
    const lasts = () => changed && this.state.value === state && life?.closed === over;
    this.state.next(state);
    if (lasts()) client.emit('readyStateChange', name);
    if (lasts() && name === 'end') client.emit('outgoing::end');
  }

  #networkChanged(online: boolean): void {
    const client = this.#client;
    if (online === this.network.value) return;
    // The listeners see the new value, and the line its end after them.
    this.network.value = online;
    client.emit(online ? 'online' : 'offline');
    const state = this.state.value;
    this.network.next(online);
    // The attempt has been given up by now, and nobody can bring it forward any more.
    if (state === this.state.value && state.name === 'waiting' && !online && state.attempt && client.options.strategy.includes('online'))
      this.#become({ ...state, attempt: null, until: null });
  }
}

/** The states that are not `end`. */
const READY: { [state: string]: readonly [ReadyState, 'opening' | 'open'] } = { connecting: [OPENING, 'opening'], open: [OPEN, 'open'] };
