import { expect } from 'vitest';
import type { ClientState } from '../../client/state.js';
import type { PrimusError, ReconnectAttempt } from '../../src/index.js';
import type { Peer } from '../support/world.js';

/** The parameters of one run of the model. */
export interface Setting {
  latency: number;
  seed: number;
  pingInterval: number;
  strategy: string;
  /** How long the message transformers of both ends take at most, in ms. */
  transforms: number;
  /** How long the `connection` listener takes, in ms; 0 is a synchronous one. */
  admission: number;
  /** How long credentials take that are asked for anew each time, in ms; -1 for none. */
  credentials: number;
}

/** The transitions documented in `client/state.ts`. Within `waiting`, an attempt is given up for want of a network, or made. */
const TRANSITIONS: Record<ClientState['name'], readonly ClientState['name'][]> = {
  idle: ['connecting', 'closed'],
  connecting: ['open', 'waiting', 'closed'],
  open: ['waiting', 'closed'],
  waiting: ['connecting', 'waiting', 'closed'],
  closed: ['connecting'],
};

const READY = { idle: 2, connecting: 1, open: 3, waiting: 2, closed: 2 } as const;

export const RECONNECT = { min: 100, max: 2_000, retries: 6, 'reconnect timeout': 3_000 };

/** A message of the model: whose it is, and its place among all messages. */
export interface Message {
  peer: string;
  n: number;
}

/** A record of what one client did, and the laws for it. */
export class PeerLog {
  readonly events: string[] = [];
  readonly states: ClientState[] = [];
  readonly received: number[] = [];
  /** The messages of this client that the server received. */
  readonly arrived: number[] = [];
  readonly written = new Set<number>();
  /** The messages that the client refused, as it had ended. */
  readonly refused = new Set<number>();
  online = true;
  /** Whether it was ended, and not opened since. */
  ended: boolean;
  completed = false;
  /** Whether the server ended it, so that it must not reconnect. */
  dismissed = false;
  /** How many listeners are going to interfere. */
  plans = 0;
  /** Whether `open` was emitted, and no `close` since. */
  private up = false;
  /** Whether it was open, even if a subscriber of `state$` prevented the event. */
  private reached = false;
  private scheduled: number | undefined;
  private attempting: number | undefined;
  private readonly broken: string[] = [];
  /** Two recorders of all events and streams: both record the same. */
  private readonly recorders: [ClientRecorder, ClientRecorder];
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
    this.recorders = [new ClientRecorder(client), new ClientRecorder(client)];
    // Both views must show the same.
    client.data$.subscribe(({ n }: Message) => this.law(this.received.at(-1) === n, `data$ follows data ${n}`));
  }

  /** The laws that were broken so far. */
  checkLaws(): void {
    expect(this.broken, this.history).toEqual([]);
  }

  /** Checks all laws that the present state of one client shows. */
  check(connections: number): void {
    const { client, reports } = this.peer;
    const { state } = client;
    this.checkLaws();
    const [early, late] = this.recorders;
    expect(late.heard, 'the listeners and subscribers behind those that interfere').toEqual(early.heard);
    expect(late.streamed, 'the streams').toEqual(late.heard.filter((event) => STREAMED.has(event)));
    expect(reports, 'no error is reported to the platform').toEqual([]);
    expect(client.readyState, `readyState while ${state.name}; ${this.history}`).toBe(READY[state.name]);
    expect(this.states.at(-1), 'state$ and state agree').toBe(state);
    // While received messages are still being transformed, the connection may have ended.
    const least = state.name === 'open' && this.setting.transforms === 0 ? 1 : 0;
    expect(connections, `connections while ${state.name}; ${this.history}`).toBeGreaterThanOrEqual(least);
    expect(connections, `connections while ${state.name}; ${this.history}`).toBeLessThanOrEqual(state.name === 'open' ? 1 : 0);
    expect(this.up, `'open' and 'close' fit the state ${state.name}; ${this.history}`).toBe(state.name === 'open');
    const isDraining = state.name === 'open' && connections === 0 && this.setting.transforms > 0;
    if (!this.online && !isDraining) {
      expect(['idle', 'waiting', 'closed'], `without a network; ${this.history}`).toContain(state.name);
      if (state.name === 'waiting' && this.setting.strategy.includes('online')) expect([state.attempt, state.until]).toEqual([null, null]);
    }
    // The queue is sent behind what listeners of `open` have written, which may still be transformed.
    if (state.name === 'open' && connections === 1 && this.setting.transforms === 0)
      expect(client.buffer, 'nothing is buffered while open').toEqual([]);
  }

  /** Adds a listener between the two recorders. */
  interfere(event: string, listener: () => void): void {
    this.peer.client.once(event as 'open', listener);
    this.recorders[1].listenLast(event);
  }

  get history(): string {
    return `client ${this.peer.name}: ${this.events.slice(-25).join(', ')}`;
  }

  private enters(state: ClientState): void {
    const before = this.states.at(-1);
    this.states.push(state);
    if (before === undefined) return;
    this.law(TRANSITIONS[before.name].includes(state.name), `${before.name} -> ${state.name}`);
    if (state.name === 'open') this.reached = true;
    if (state.name === 'connecting') this.ended = false;
    if (state.name === 'closed') this.onEnd();
    // A client that is opened again inside the first event of an end emits no more events of it.
    if (before.name === 'closed') {
      this.up = this.reached = false;
      this.scheduled = this.attempting = undefined;
    }
    if (state.name === 'waiting') {
      if (state.attempt === null) this.scheduled = this.attempting = undefined;
      this.law((state.attempt === null) === (state.until === null), 'an attempt has a time');
      if (before.name === 'waiting')
        this.law((before.attempt === null) !== (state.attempt === null), 'waiting -> waiting changes whether there is an attempt');
    }
  }

  private saw(event: (typeof EVENTS)[number], args: unknown[]): void {
    if (event === 'error' && this.sawRefusal(args[0] as PrimusError)) return;
    this.events.push(event);
    // Of the state that was emitted last: what a listener did meanwhile is emitted later.
    const { name } = this.states.at(-1) as ClientState;
    const attempt = (args.at(-1) ?? null) as ReconnectAttempt | null;
    if (this.ended) this.law(event === 'online' || event === 'offline' || event === 'destroy', `${event} after end`);
    switch (event) {
      case 'open':
        this.law(!this.up && name === 'open', 'open once a connection');
        this.law(this.scheduled === undefined, 'open is not announced while an attempt is scheduled');
        if (this.attempting !== undefined)
          this.law(
            this.events.filter((name) => name !== 'readyStateChange' && name !== 'online').at(-2) === 'reconnected',
            'reconnected comes right before open, after a silence with online between them',
          );
        this.attempting = undefined;
        this.up = true;
        break;
      case 'close':
        this.law(this.reached || name === 'closed', 'close of a connection, or of an attempt that is given up');
        this.up = this.reached = false;
        // A client that is opened again from here emits no `end`.
        if (name !== 'closed') break;
        this.scheduled = this.attempting = undefined;
        this.onEnd();
        break;
      case 'data':
        this.law(this.up || this.setting.transforms > 0, 'data on an open connection');
        this.received.push((args[0] as Message).n);
        break;
      case 'reconnect scheduled':
        this.law(!this.up && name === 'waiting', 'attempts are scheduled while waiting');
        this.law(!this.dismissed, 'a client that the server ended does not reconnect');
        this.scheduled = attempt?.attempt ?? -1;
        this.attempting = undefined;
        this.law(this.scheduled >= 1 && this.scheduled <= RECONNECT.retries, `attempt ${this.scheduled} of ${RECONNECT.retries}`);
        this.law(within(attempt?.scheduled, RECONNECT.min, RECONNECT.max + this.asked), `a wait of ${attempt?.scheduled} ms`);
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

  /** Whether an error is that of a message which was written after the end: the only event that may follow `end`. */
  private sawRefusal({ code, data }: PrimusError): boolean {
    if (code !== 'ERR_PRIMUS_CLOSED') return false;
    this.refused.add((data as Message).n);
    return true;
  }

  /** The most that a server which shuts down has added to the wait, in ms: the time that it names, and half of it as jitter. */
  private get asked(): number {
    const { cause } = this.states.at(-1) as { cause?: PrimusError & { retryAfter?: number } };
    return 1.5 * (cause?.retryAfter ?? 0);
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

function within(value: number | undefined, min: number, max: number): boolean {
  return value !== undefined && value >= min && value <= max;
}

/** The events that are streams as well. */
const STREAMED: ReadonlySet<string> = new Set([
  'open',
  'data',
  'error',
  'end',
  'reconnect scheduled',
  'reconnect',
  'reconnect timeout',
  'reconnect failed',
  'reconnected',
]);

/** Records all events and states of a client, in order. */
class ClientRecorder {
  readonly heard: string[] = [];
  /** The same, as far as there are streams, by them. */
  readonly streamed: string[] = [];
  private readonly listeners = new Map<string, () => void>();
  private readonly client: Peer['client'];

  constructor(client: Peer['client']) {
    this.client = client;
    client.state$.subscribe(({ name }) => this.heard.push(`state ${name}`));
    for (const event of EVENTS) {
      this.listeners.set(event, () => this.heard.push(event));
      this.listenLast(event);
    }
    client.open$.subscribe(() => this.streamed.push('open'));
    client.data$.subscribe(() => this.streamed.push('data'));
    client.error$.subscribe(() => this.streamed.push('error'));
    client.end$.subscribe(() => this.streamed.push('end'));
    client.reconnect$.subscribe(({ type }) => this.streamed.push(NAMES[type]));
  }

  listenLast(event: string): void {
    const listener = this.listeners.get(event);
    if (listener) this.client.off(event as 'open', listener).on(event as 'open', listener);
  }
}

const NAMES = {
  scheduled: 'reconnect scheduled',
  started: 'reconnect',
  timeout: 'reconnect timeout',
  failed: 'reconnect failed',
  reconnected: 'reconnected',
};
