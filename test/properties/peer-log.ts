import { expect } from 'vitest';
import type { ClientState } from '../../client/state.js';
import type { PrimusError, ReconnectAttempt } from '../../src/index.js';
import type { Peer } from '../support/world.js';

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
  /** How long credentials take that are asked for anew each time, in ms; -1 for none. */
  credentials: number;
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
export interface Message {
  peer: string;
  n: number;
}

/** What one client was seen to do, and the laws that holds to. */
export class PeerLog {
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
  /** `open` was told, and no `close` since. */
  private up = false;
  /** It was open, though perhaps a subscriber of `state$` kept that from being told. */
  private reached = false;
  private scheduled: number | undefined;
  private attempting: number | undefined;
  private readonly broken: string[] = [];
  /** Two listeners of everything, and what streams emit: all hear the same. */
  private readonly witnesses: [Witness, Witness];
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
    this.witnesses = [new Witness(client), new Witness(client)];
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
    const [early, late] = this.witnesses;
    expect(late.heard, 'the listeners and subscribers behind those that interfere').toEqual(early.heard);
    expect(late.streamed, 'the streams').toEqual(late.heard.filter((event) => STREAMED.has(event)));
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

  /** Puts a listener between the two witnesses. */
  interfere(event: string, listener: () => void): void {
    this.peer.client.once(event as 'open', listener);
    this.witnesses[1].listenLast(event);
  }

  get tale(): string {
    return `client ${this.peer.name}: ${this.events.slice(-25).join(', ')}`;
  }

  private enters(state: ClientState): void {
    const before = this.states.at(-1);
    this.states.push(state);
    if (before === undefined) return;
    this.law(MACHINE[before.name].includes(state.name), `${before.name} -> ${state.name}`);
    if (state.name === 'open') this.reached = true;
    if (state.name === 'connecting') this.ended = false;
    if (state.name === 'closed') this.onEnd();
    // Whoever opens again at the first word of an end hears no more of it.
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
            this.events.filter((name) => name !== 'readyStateChange').at(-2) === 'reconnected',
            'reconnected comes right before open',
          );
        this.attempting = undefined;
        this.up = true;
        break;
      case 'close':
        this.law(this.reached || name === 'closed', 'close of a connection, or of an attempt that is given up');
        this.up = this.reached = false;
        // Whoever opens again from here never sees an end.
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

/** Hears all events and states of a client, in order. */
class Witness {
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
