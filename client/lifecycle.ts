import { Observable, Subscription } from 'rxjs';
import { END_TIMEOUT, endTimeoutError } from '../src/core/channel.js';
import type { LinkError } from '../src/core/errors.js';
import type { Link } from '../src/core/link.js';
import { CLOSED, OPEN, OPENING, type ReadyState } from '../src/core/ready-state.js';
import type { Report } from '../src/core/streams/safe-observable.js';
import { StateSubject } from '../src/core/streams/state-subject.js';
import type { ClientConnection } from './connection.js';
import { type Backoff, type ParsedClientOptions, reconnectPolicy } from './options.js';
import type { Platform } from './platform/platform.js';
import { session } from './session.js';
import { CHANGE, type ClientState, END, type SessionEvent, transition } from './state.js';

/** The parts of a client that its lifecycle uses. */
export interface LifecycleParts {
  /** The client, which the lifecycle changes and lets emit. */
  client: { readyState: ReadyState; readable: boolean; writable: boolean; emit(event: string, ...args: unknown[]): unknown };
  options: ParsedClientOptions;
  /** Whether a first connection that the server refuses ends the client: unless its options name the strategy `timeout`. */
  endsWhenRefused: boolean;
  platform: Platform;
  connection: ClientConnection;
  /** Dials once. */
  dial: () => Observable<Link>;
  report: Report;
}

/**
 * Opens and closes a client. What a session emits, and what `open()`, `end()` and the platform's network cause, changes the state at once
 * and is emitted as events in one order (see `EventQueue`).
 */
export class Lifecycle {
  readonly state: StateSubject<ClientState>;
  /** Whether the platform reports a network. */
  readonly network: StateSubject<boolean>;
  /** The same for the session, which changes at once, before the event. */
  readonly #online = new StateSubject(true);
  /** Whether to skip the delay before the next attempt, even one that has not begun. */
  readonly #hurry = new StateSubject(false);
  readonly #parts: LifecycleParts;
  readonly #backoff: Backoff;
  readonly #networkSubscription = new Subscription();
  #session = Subscription.EMPTY;
  /** Whether the client was opened, or opens by itself, and the `end` that belongs to it has not been caused yet. */
  #isActive: boolean;
  /** Whether `end` was emitted and the client not opened since. */
  isOver = false;

  constructor(parts: LifecycleParts) {
    const { options, platform, report } = parts;
    this.#parts = parts;
    this.#isActive = !options.manual;
    this.#backoff = reconnectPolicy(options.reconnect, platform.random);
    this.state = new StateSubject<ClientState>({ name: 'idle' }, report);
    this.network = new StateSubject(true, report);
    if (options.network !== false) this.#networkSubscription.add(platform.network$.subscribe((online) => this.#networkChanged(online)));
  }

  /** Connects. While the client waits for an attempt, begins it now. */
  open(): void {
    const { name } = this.state.value;
    if (name === 'waiting') this.#hurry.next(true);
    else if (name === 'idle' || name === 'closed') this.#begin();
  }

  /** Closes once all messages written so far have been sent. */
  end(): void {
    const { connection, platform } = this.#parts;
    const current = this.#session;
    const close = () => {
      // A message transformer may be slow, and the client may have been opened again meanwhile.
      if (this.#session === current) this.close('client');
    };
    const timedOut = () => {
      connection.fail(endTimeoutError());
      close();
    };
    current.add(platform.scheduler.schedule(timedOut, END_TIMEOUT));
    connection.channel.settle(() => {
      // An asynchronous encoder may take its time, while the link is open.
      if (this.#session === current) connection.session?.end();
      connection.channel.flush(close);
    });
  }

  /** Ends on purpose: no attempt follows unless `open()` is called. */
  close(by: 'client' | 'server' | 'destroy'): void {
    const { name } = this.state.value;
    this.#parts.connection.session?.end(by);
    this.#session.unsubscribe();
    if (this.#isActive || name === 'idle') this.#transition({ type: 'ended', by, isDue: this.#isActive });
  }

  /** Completes the streams. */
  complete(): void {
    this.#networkSubscription.unsubscribe();
    this.network.complete();
    this.state.complete();
  }

  #begin(): void {
    const { connection } = this.#parts;
    this.#session.unsubscribe();
    const current = new Subscription();
    this.#session = current;
    this.#isActive = true;
    this.isOver = false;
    this.#transition({ type: 'connecting', attempt: null });
    const session$ = session({
      ...this.#parts,
      backoff: this.#backoff,
      online$: this.#online.value$,
      now$: new Observable<void>((wait) => this.#hurry.value$.subscribe((hurry) => hurry && wait.next())),
    });
    const next = (event: SessionEvent) => {
      if (!current.closed) this.#transition(event);
    };
    // Behind the events of the session before: a framework dials after it has closed.
    connection.events.add(() => current.closed || current.add(session$.subscribe(next)));
  }

  /** Changes the state at once, and emits the events in their order. */
  #transition(event: SessionEvent): void {
    const { client, connection, platform } = this.#parts;
    const before = this.state.value;
    const [after, ...emissions] = transition(before, event);
    const [readyState, name] = READY[after.name] ?? [CLOSED, 'end'];
    const readyStateChanged = readyState !== client.readyState;
    client.readyState = readyState;
    const isEnd = emissions.includes(END);
    const isOpen = readyState === OPEN;
    if (isEnd || isOpen || before.name === 'open') client.readable = client.writable = isOpen;
    const emitState = after === before ? undefined : this.state.set(after);
    if (isEnd) connection.channel.discard();
    if (!isOpen) connection.detach();
    if (event.type === 'connecting') this.#hurry.next(false);
    const link = event.type === 'open' ? event.value : undefined;
    if (link) connection.attach(link);
    // A listener of `open` may end the process.
    const flush = () => link && connection.release(link);
    const release = (link && platform.onExit?.(flush)) || flush;
    const { value: wasOnline } = this.network;
    let isOnline = wasOnline || event.type === 'open';
    if (event.type === 'network') isOnline = event.online;
    // A server that is silent counts as no network, until there is a connection again.
    if (event.type === 'lost' && (event.error as LinkError).code === 'ERR_PRIMUS_SILENCE') isOnline = false;
    const emitNetwork = isOnline === wasOnline ? undefined : this.network.set(isOnline);
    if (isEnd) {
      this.#isActive = false;
      connection.session?.end(event.type);
    }
    const emitChange = (): void => {
      if (emitNetwork) {
        client.emit(isOnline ? 'online' : 'offline');
        emitNetwork();
      }
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
      // What the listeners of `open` have written comes first: to join or to log in, for example.
      if (link) connection.channel.settle(release);
    });
  }

  #networkChanged(online: boolean): void {
    if (online === this.#online.value) return;
    const { connection, options } = this.#parts;
    const { events } = connection;
    // The session learns of it before a listener can ask it for an attempt; what it does then is emitted behind.
    const begins = events.begin();
    this.#transition({ type: 'network', online, pauses: options.strategy.includes('online') });
    this.#online.next(online);
    if (begins) events.end();
  }
}

/** The ready state of each state that is not `end`. */
const READY: { [state: string]: readonly [ReadyState, 'opening' | 'open'] } = { connecting: [OPENING, 'opening'], open: [OPEN, 'open'] };
