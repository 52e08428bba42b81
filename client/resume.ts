import type { SchedulerLike, Unsubscribable } from 'rxjs';
import type { ChannelSession } from '../src/core/channel.js';
import { Ledger, RING } from '../src/core/ledger.js';
import type { Frame, Link } from '../src/core/link.js';
import { type Control, isControl } from '../src/core/protocol.js';
import { type Fresh, type Gap, type GapReason, parseServerWord, type Resumed, type ServerWord } from '../src/core/session-words.js';
import type { ClientTransformer } from '../src/core/transformer.js';
import type { Platform } from './platform/platform.js';

/** How long a message that was received may wait for its acknowledgement, in ms. */
const ACKNOWLEDGE = 1_000;

/** The outcome of a connection, for the messages of the one before: see `resume$`. */
export type Resume =
  | Fresh
  | Resumed
  | (Gap & {
      /** Sends the unconfirmed messages again, as far as they are kept. Those that did arrive arrive twice. */
      resend(): void;
    });

/** The session of a client, as far as the rest of the client uses it. */
export interface ClientSession extends ChannelSession {
  /** Agrees with the server on a session over a link, which is read, and calls `open` then. */
  begin(link: Link, open: () => void): true;
  /** Ends the session, as the client ends. */
  end(): void;
}

/** The client of a session, as far as the session uses it. */
export interface ResumableClient {
  readonly options: { readonly resume?: boolean | { readonly ring?: number } };
  readonly state: { readonly name: string; readonly attempt?: { readonly start: number } | null };
  readonly connection: {
    link: Link | undefined;
    session?: ClientSession | undefined;
    readonly events: { add(emit: () => void): void };
    readonly channel: { control(control: Exclude<Control, { type: 'unknown' }>): void };
    transmit(frame: Frame, data: unknown): void;
  };
  emit(event: string, ...args: unknown[]): unknown;
}

/** The parts of a client that its session uses. */
export interface ResumableParts {
  readonly platform: { readonly scheduler: SchedulerLike };
  readonly transformer: ClientTransformer<Platform>;
}

/** Makes the connections of a client resumable: returns its parts with a transformer that asks for a session. It is one of `ClientParts`. */
export type CreateClientSession = <Parts extends ResumableParts>(client: ResumableClient, parts: Parts) => Parts;

/**
 * The session of a client, between its connection and its links. It counts the messages, keeps those that the server has not acknowledged, and
 * sends them again over the next link.
 *
 * ```
 * link ─┬─ session  ──────────────────────────────────> fresh, or a gap ─┐
 *       ├─ resume? ─> the session's token ─┬─ resumed ─> resend ─────────┼─> `resume$` ─> open
 *       │                                  └─ gap ──────────────────────┤
 *       └─ anything else ──────────────────────────────> unsupported ────┘
 * ```
 *
 * @example
 * ```ts
 * import { configure, Primus, resumable } from 'primus-rx/client';
 *
 * const Client = configure({ ...Primus.parts, session: resumable });
 * const primus = new Client('https://example.com', { resume: true });
 * ```
 */
export const resumable: CreateClientSession = (client, parts) => {
  const { transformer } = parts;
  const session = new Session(client, parts.platform.scheduler);
  client.connection.session = session;
  const connect: typeof transformer.connect = (target) => transformer.connect({ ...target, url: `${target.url}&${session.field}` });
  const { path, protocol } = transformer;
  return { ...parts, transformer: { path, protocol, connect } };
};

/** Passes a link on, with the outcome and the messages that the server is missing. */
type Open = (outcome: Resume, missing?: readonly Frame[]) => void;

class Session implements ClientSession {
  readonly #client: ResumableClient;
  readonly #scheduler: SchedulerLike;
  readonly #ring: number;
  /** `undefined` while the server has no sessions. */
  #ledger: Ledger | undefined;
  #token = '';
  #epoch = '';
  /** Passes the link on that begins; `undefined` when there is none. */
  #open: Open | undefined;
  #timer: Unsubscribable | undefined;

  constructor(client: ResumableClient, scheduler: SchedulerLike) {
    const { ring = RING } = Object(client.options.resume) as { ring?: number };
    this.#client = client;
    this.#scheduler = scheduler;
    this.#ring = ring;
  }

  /** The part of the query that asks for a session. */
  get field(): string {
    return `_primus_session=${this.#token ? 1 : 0}`;
  }

  // Calls of the channel: each message is counted here.

  keeps(frame: Frame, data: unknown): boolean {
    // A control message is of no use on another link.
    if (isControl(data)) return !this.#client.connection.link;
    // It was being encoded on the link before: a server without sessions never gets it.
    if (this.#open) this.#ledger ??= new Ledger(this.#ring);
    this.#ledger?.record(frame);
    // Without a session, the connection reports that a message is lost.
    return !!this.#open || (!!this.#ledger && !this.#client.connection.link);
  }

  read(frame: Frame, data?: unknown): boolean {
    const ledger = this.#ledger;
    const word = isControl(data) ? parseServerWord(data) : undefined;
    if (this.#open) {
      // Lost before the answer was decoded: all that it has sent is sent again, or belongs to a session that never began here.
      if (!this.#client.connection.link) return true;
      this.#begin(word, this.#open);
    } else if (!isControl(data)) {
      if (ledger?.receive(frame)) this.#say('ack');
      else if (ledger) this.#timer ??= this.#scheduler.schedule(() => this.#acknowledge(), ACKNOWLEDGE);
    } else if (word?.type === 'ack' && ledger && !ledger.confirm(+word.value)) this.#breach();
    return word !== undefined;
  }

  // Calls of the client.

  begin(link: Link, open: () => void): true {
    const { connection } = this.#client;
    this.#open = (outcome, missing) => {
      this.#open = undefined;
      if (!missing) this.#ledger = this.#epoch ? new Ledger(this.#ring) : undefined;
      for (const frame of missing ?? []) link.send(frame);
      connection.events.add(() => this.#client.emit('incoming::resume', outcome));
      open();
      // Proves that this end has the new token.
      if (this.#ledger) this.#say('ack');
    };
    // What is written meanwhile is buffered.
    connection.link = link;
    // Every server answers this. One without sessions may say nothing else, and the client need not wait.
    connection.channel.control({ type: 'id', value: '' });
    return true;
  }

  end(): void {
    this.#open = undefined;
    if (this.#ledger) this.#say('bye');
    this.#ledger = undefined;
    this.#token = this.#epoch = '';
    this.#timer?.unsubscribe();
    this.#timer = undefined;
  }

  /** Handles the first control messages of a link; `undefined` for one that is not about sessions. */
  #begin(word: ServerWord | undefined, open: Open): void {
    const { connection, state } = this.#client;
    const ledger = this.#ledger;
    const epoch = this.#epoch;
    if (word?.third && word.type !== 'resumed') {
      this.#token = word.third;
      this.#epoch = word.second;
      open(ledger ? this.#gap(word.type === 'gap' && word.second === epoch ? (word.value as GapReason) : 'epoch') : { type: 'fresh' });
    } else if (ledger && word?.type === 'resume') {
      connection.channel.control({ type: word.type, value: `${this.#token}.${ledger.received}.${ledger.from}.${ledger.sent}` });
    } else if (ledger && word?.type === 'resumed') {
      const missing = ledger.confirm(+word.value) && ledger.since(+word.value);
      if (!missing) return this.#breach();
      const now = this.#scheduler.now();
      this.#token = word.second;
      open(
        { type: word.type, missed: +word.third, resent: missing.length, away: Math.max(0, now - (state.attempt?.start ?? now)) },
        missing,
      );
    } else {
      this.#token = this.#epoch = '';
      open(this.#gap('unsupported'));
    }
  }

  /** Ends the connection to a server whose counts are wrong. The next one begins a new session. */
  #breach(): void {
    this.#token = '';
    this.#open = undefined;
    this.#client.connection.link?.destroy();
  }

  #acknowledge(): void {
    this.#timer = undefined;
    if (this.#ledger?.owes) this.#say('ack');
  }

  #say(type: 'ack' | 'bye'): void {
    const { link, channel } = this.#client.connection;
    if (link) channel.control({ type, value: type === 'ack' ? `${this.#ledger?.acknowledge()}` : '' });
  }

  #gap(reason: GapReason): Resume {
    const ledger = this.#ledger;
    const resend = () => {
      for (const frame of ledger?.since(ledger.from) ?? []) this.#client.connection.transmit(frame, 0);
      ledger?.narrow(0);
    };
    return { type: 'gap', reason, unconfirmed: ledger?.unconfirmed ?? 0, resend };
  }
}
