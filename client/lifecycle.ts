import { filter, type Observable, Subscription } from 'rxjs';
import { END_TIMEOUT, endTimeoutError } from '../src/core/channel.js';
import type { Link } from '../src/core/link.js';
import { CLOSED, OPEN, OPENING, type ReadyState } from '../src/core/ready-state.js';
import type { Report } from '../src/core/streams/safe-observable.js';
import { StateSubject } from '../src/core/streams/state-subject.js';
import type { ClientConnection } from './connection.js';
import { type Backoff, type ParsedClientOptions, reconnectPolicy } from './options.js';
import type { Platform } from './platform/platform.js';
import { session } from './session.js';
import { CHANGE, type ClientState, END, type SessionEvent, transition } from './state.js';

/** What a lifecycle needs of its client. */
export interface LifecycleParts {
  /** The client, as far as the lifecycle changes it. */
  client: { readyState: ReadyState; emit(event: string, ...args: unknown[]): unknown };
  options: ParsedClientOptions;
  platform: Platform;
  connection: ClientConnection;
  /** Dials once. */
  dial: () => Observable<Link>;
  report: Report;
}

/**
 * The life of a client: what a session emits, and what `open()`, `end()` and the platform's network cause, becomes state at once, and
 * events of the client in one order (see `EventQueue`).
 */
export class Lifecycle {
  readonly state: StateSubject<ClientState>;
  /** Whether the platform has a network, as far as it told. */
  readonly network: StateSubject<boolean>;
  /** The same for the session, which it concerns at once. */
  readonly #online = new StateSubject(true);
  /** Whether the wait for the next attempt, which need not have begun, is to be none. */
  readonly #hurry = new StateSubject(false);
  readonly #parts: LifecycleParts;
  readonly #backoff: Backoff;
  readonly #networkSubscription = new Subscription();
  #life = Subscription.EMPTY;
  /** Whether `open()` was called, and its `end` is to come. */
  #isActive = false;
  /** Whether `end` was emitted, and the client was not opened since. */
  isOver = false;

  constructor(parts: LifecycleParts) {
    const { options, platform, report } = parts;
    this.#parts = parts;
    this.#backoff = reconnectPolicy(options.reconnect, platform.random);
    this.state = new StateSubject<ClientState>({ name: 'idle' }, report);
    this.network = new StateSubject(true, report);
    if (options.network !== false) this.#networkSubscription.add(platform.network$.subscribe((online) => this.#networkChanged(online)));
  }

  /** Connects; while waiting, without waiting any longer. */
  open(): void {
    const { name } = this.state.value;
    if (name === 'waiting') this.#hurry.next(true);
    else if (name === 'idle' || name === 'closed') this.#begin();
  }

  /** Closes once what was written has left. */
  end(): void {
    const { connection, platform } = this.#parts;
    const life = this.#life;
    const close = () => {
      // A message transformer may take its time, and the client be opened again meanwhile.
      if (this.#life === life) this.close('client');
    };
    const timedOut = () => {
      connection.fail(endTimeoutError());
      close();
    };
    life.add(platform.scheduler.schedule(timedOut, END_TIMEOUT));
    connection.channel.flush(close);
  }

  /** Ends by intention: for good, unless `open()` is called. */
  close(by: 'client' | 'server' | 'destroy'): void {
    const { name } = this.state.value;
    this.#life.unsubscribe();
    if (this.#isActive || name === 'idle') this.#transition({ type: 'ended', by });
  }

  /** Nothing follows. */
  complete(): void {
    this.#networkSubscription.unsubscribe();
    this.network.complete();
    this.state.complete();
  }

  #begin(): void {
    const { connection, options, platform, dial } = this.#parts;
    this.#life.unsubscribe();
    const life = new Subscription();
    this.#life = life;
    this.#isActive = true;
    this.isOver = false;
    this.#transition({ type: 'connecting', attempt: null });
    const session$ = session({
      dial,
      connection,
      options,
      backoff: this.#backoff,
      platform,
      online$: this.#online.value$,
      now$: this.#hurry.value$.pipe(filter(Boolean)),
    });
    const next = (event: SessionEvent) => {
      if (!life.closed) this.#transition(event);
    };
    // Behind the events of a life before: a framework is asked to dial after it was asked to close.
    connection.events.add(() => life.closed || life.add(session$.subscribe(next)));
  }

  /** Takes effect at once; what it makes the client emit has its place in the order of events. */
  #transition(event: SessionEvent): void {
    const { client, connection } = this.#parts;
    const before = this.state.value;
    const [after, ...emissions] = transition(before, event);
    const [readyState, name] = READY[after.name] ?? [CLOSED, 'end'];
    const readyStateChanged = readyState !== client.readyState;
    client.readyState = readyState;
    if (readyState !== OPEN) connection.detach();
    if (event.type === 'connecting') this.#hurry.next(false);
    if (event.type === 'open') connection.attach(event.value);
    const emitState = after === before ? undefined : this.state.set(after);
    const emitNetwork = event.type === 'network' ? this.network.set(event.online) : undefined;
    if (emissions.includes(END)) this.#isActive = false;
    const emitChange = (): void => {
      emitNetwork?.();
      emitState?.();
      if (readyStateChanged) client.emit('readyStateChange', name);
      if (readyStateChanged && name === 'end') client.emit('outgoing::end');
    };
    connection.events.add(() => {
      for (const emission of emissions) {
        if (emission === END) this.isOver = !this.#isActive;
        if (emission === CHANGE) emitChange();
        else client.emit(...emission);
      }
      // Messages written before come first, but not before the listeners of `open` were called.
      if (event.type === 'open') connection.release(event.value);
    });
  }

  #networkChanged(online: boolean): void {
    if (online === this.network.value) return;
    this.#transition({ type: 'network', online, pauses: this.#parts.options.strategy.includes('online') });
    this.#online.next(online);
  }
}

/** The states that are not `end`. */
const READY: { [state: string]: readonly [ReadyState, 'opening' | 'open'] } = { connecting: [OPENING, 'opening'], open: [OPEN, 'open'] };
