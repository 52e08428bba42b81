import type { SchedulerLike, Subscriber, Unsubscribable } from 'rxjs';
import type { ChannelSession } from '../src/core/channel.js';
import { dropped } from '../src/core/errors.js';
import { Ledger } from '../src/core/ledger.js';
import { type Frame, type Link, NO_OBSERVER } from '../src/core/link.js';
import type { Parser } from '../src/core/parser.js';
import { type Control, isControl } from '../src/core/protocol.js';
import { type Fresh, type Gap, type GapReason, parseServerWord, type Resumed } from '../src/core/session-words.js';

/** How long a message that was received may wait for its acknowledgement, in ms. */
const ACKNOWLEDGE = 1_000;

/** The option `ring`, in bytes. */
const RING = 262_144;

/** Every server answers this question. One without sessions says nothing else, and the client need not wait. */
const QUESTION = 'primus::id::';

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
  /** What asks for a session, in the query. */
  readonly fields: { readonly [name: string]: string };
  /** Agrees with the server on a session, and then passes the link on. */
  begin(link: Link, subscriber: Subscriber<Link>): void;
  /** Ends the session, as the client ends. */
  end(): void;
}

/** The client of a session, as far as the session uses it. */
export interface ResumableClient {
  readonly options: { readonly resume?: boolean | { readonly ring?: number } };
  readonly parser: Parser;
  readonly state: { readonly name: string; readonly attempt?: { readonly start: number } | null };
  readonly connection: {
    readonly link: Link | undefined;
    readonly events: { add(emit: () => void): void };
    readonly channel: { control(control: Exclude<Control, { type: 'unknown' }>): void; drain(done: () => void): void };
    receive(frame: Frame): void;
    transmit(frame: Frame): void;
  };
  emit(event: string, ...args: unknown[]): unknown;
}

/** Makes the connections of a client resumable: a part of `ClientParts`. */
export type CreateClientSession = (client: ResumableClient, scheduler: SchedulerLike) => ClientSession;

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
export const resumable: CreateClientSession = (client, scheduler) => new Session(client, scheduler);

class Session implements ClientSession {
  readonly #client: ResumableClient;
  readonly #scheduler: SchedulerLike;
  readonly #ring: number;
  /** `undefined` while the server has no sessions. */
  #ledger: Ledger | undefined;
  #token = '';
  #epoch = '';
  /** The link of a connection that begins: it is not that of the client yet. */
  #opening: Link | undefined;
  /** Whether an answer to `QUESTION` is still to come. */
  #isAsking = false;
  #timer: Unsubscribable | undefined;

  constructor(client: ResumableClient, scheduler: SchedulerLike) {
    const { ring = RING } = Object(client.options.resume) as { ring?: number };
    this.#client = client;
    this.#scheduler = scheduler;
    this.#ring = ring;
  }

  get fields() {
    return { _primus_session: this.#token ? '1' : '0' };
  }

  // Calls of the channel: each message is counted here.

  sent(frame: Frame): boolean {
    this.#ledger?.record(frame);
    this.#opening?.send(frame);
    // Without a session the connection says that the message is lost.
    return !this.#opening && (!this.#ledger || this.#client.connection.link !== undefined);
  }

  received(frame: Frame): void {
    if (this.#ledger?.receive(frame)) this.#acknowledge();
    else if (this.#ledger) this.#timer ??= this.#scheduler.schedule(() => this.#acknowledge(), ACKNOWLEDGE);
  }

  handleControl(text: string): boolean {
    if (this.#isAsking && text.startsWith(QUESTION)) {
      this.#isAsking = false;
      return true;
    }
    const word = parseServerWord(text);
    if (word?.type === 'ack' && this.#ledger && !this.#ledger.confirm(word.received)) this.#breach();
    return word !== undefined;
  }

  // Calls of the client.

  begin(link: Link, subscriber: Subscriber<Link>): void {
    const { connection, parser } = this.#client;
    /** The frames that have arrived while one is being decoded. */
    const frames: Frame[] = [];
    let isDecoding = false;
    let isOpen = false;
    const fail = (error: unknown) => subscriber.error(error);

    /** Calls an encoder or a decoder, which may be asynchronous. */
    const convert = (
      coder: Parser['encoder'] | Parser['decoder'],
      value: unknown,
      next: (value: unknown) => void,
      failed: (error: unknown) => void = fail,
    ): void => {
      let isDone = false;
      const done = (error?: unknown, value?: unknown) => {
        if (isDone || subscriber.closed) return;
        isDone = true;
        if (error) failed(error);
        else next(value);
      };
      try {
        const answer: unknown = coder.call(this.#client, value as never, done as never);
        (answer as Partial<Promise<unknown>> | undefined)?.catch?.(done);
      } catch (error) {
        done(error);
      }
    };
    const say = (text: string) => convert(parser.encoder, text, (frame) => link.send(frame as Frame));
    const read = (): void => {
      if (isDecoding || isOpen || frames.length === 0) return;
      isDecoding = true;
      const heard = (data: unknown) => {
        isDecoding = false;
        hear(data);
        read();
      };
      // What cannot be decoded is no word of a server with sessions, and an error of the connection.
      convert(parser.decoder, frames[0], heard, () => heard(undefined));
    };
    const hear = (data: unknown): void => {
      const word = isControl(data) ? parseServerWord(data) : undefined;
      if (isControl(data) && this.handleControl(data)) frames.shift();
      const { attempt } = this.#client.state;
      const ledger = this.#ledger;
      const before = this.#epoch;
      if (word?.type === 'session' || (before && word?.type === 'gap')) {
        const reason = word.type === 'gap' && word.epoch === before ? word.reason : 'epoch';
        this.#token = word.token;
        this.#epoch = word.epoch;
        open(before ? this.#gap(reason) : { type: 'fresh' });
      } else if (ledger && word?.type === 'resume?') {
        // Behind what the link before has received.
        connection.channel.drain(() => say(`primus::resume::${this.#token}.${ledger.received}.${ledger.from}.${ledger.sent}`));
      } else if (ledger && word?.type === 'resumed') {
        const missing = ledger.confirm(word.received) && ledger.since(word.received);
        // Without a token, the next connection begins a new session.
        this.#token = missing ? word.token : '';
        if (!missing) return fail(dropped());
        const away = attempt ? this.#scheduler.now() - attempt.start : 0;
        open({ type: 'resumed', missed: word.missed, resent: missing.length, away }, missing);
      } else {
        this.#token = this.#epoch = '';
        open(this.#gap('unsupported'));
      }
    };
    const open = (outcome: Resume, missing?: readonly Frame[]): void => {
      isOpen = true;
      if (!missing) this.#ledger = this.#epoch ? new Ledger(this.#ring) : undefined;
      this.#opening = link;
      for (const frame of missing ?? []) link.send(frame);
      connection.events.add(() => this.#client.emit('incoming::resume', outcome));
      this.#opening = undefined;
      // A subscriber may have ended the client.
      if (subscriber.closed) return link.close();
      subscriber.next(link);
      // Proves that this end has the new token.
      if (missing) this.#say('ack');
      for (const frame of frames) if (connection.link === link) connection.receive(frame);
    };

    subscriber.add(() => {
      if (isOpen) return;
      link.subscribe(NO_OBSERVER);
      link.close();
    });
    link.subscribe({
      next: (frame) => {
        frames.push(frame);
        read();
      },
      error: fail,
      complete: () => fail(dropped()),
    });
    this.#isAsking = true;
    say(QUESTION);
  }

  end(): void {
    // An asynchronous encoder would answer when the link is closed.
    if (this.#ledger && this.#client.parser.encode) this.#say('bye');
    this.#ledger = undefined;
    this.#token = this.#epoch = '';
    this.#timer?.unsubscribe();
    this.#timer = undefined;
  }

  #acknowledge(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    if (this.#ledger?.owes) this.#say('ack');
  }

  #say(type: 'ack' | 'bye'): void {
    const { connection } = this.#client;
    const value = type === 'ack' ? `${this.#ledger?.acknowledge()}` : '';
    if (connection.link) connection.channel.control({ type, value });
  }

  #gap(reason: GapReason): Resume {
    const ledger = this.#ledger;
    const resend = () => {
      for (const frame of ledger?.since(ledger.from) ?? []) if (this.sent(frame)) this.#client.connection.transmit(frame);
      ledger?.narrow(0);
    };
    return { type: 'gap', reason, unconfirmed: ledger?.unconfirmed ?? 0, resend };
  }

  /** Ends the connection to a server that has received more than was sent. */
  #breach(): void {
    this.#token = '';
    this.#client.connection.link?.destroy();
  }
}
