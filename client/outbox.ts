import { type SchedulerLike, Subscription } from 'rxjs';
import { LONGEST_WAIT } from '../operators/duration.js';
import { asError, type ErrorCode } from '../src/core/errors.js';
import type { Parser } from '../src/core/parser.js';

/** The options of an outbox. */
export interface OutboxOptions {
  readonly queueSize: number;
  readonly queueBytes: number;
  /** In ms. */
  readonly queueTtl: number;
  readonly queueDrop: 'oldest' | 'newest';
}

/** The client of an outbox, as far as the outbox uses it. */
export interface OutboxClient {
  readonly options: OutboxOptions;
  readonly parser: Parser;
  /** The buffered messages. Plug-ins change it as well. */
  readonly buffer: unknown[];
  readonly state: { readonly name: string };
  /** Writes a message. Each one passes here on its way out, buffered ones once more, and plug-ins replace this method. */
  _write(data: never): boolean;
}

/** The connection of an outbox, as far as the outbox uses it. */
export interface OutboxConnection {
  readonly channel: { write(data: unknown): boolean };
  fail(error: Error): void;
  /** Reports a message that was dropped, by default because there is no connection. Returns false. */
  lose(data: unknown, code?: ErrorCode, why?: string): false;
}

// The flow of messages.
const BUFFERED = 0;
const DIRECT = 1;
const RELEASING = 2;

/**
 * Buffers messages until there is a connection, and sends them in the order in which they were written. What the listeners of `open` write
 * is sent before them, to join or to log in, for example.
 *
 * ```
 * write     a--b-----------x--------c--
 * calls     ------greet()-----open()---
 * sent      ---------------x--(ab)--c--      x: written by a listener of `open`
 * ```
 */
export class Outbox {
  readonly #client: OutboxClient;
  readonly #connection: OutboxConnection;
  readonly #scheduler: SchedulerLike;
  #flow = BUFFERED;
  /** Whether the message that is passed to `_write` comes from the buffer. */
  #isBuffered = false;
  /** How many messages should be released: one that a plug-in puts back into the buffer waits for the next connection. */
  #due = 0;
  /** The bytes of the buffered messages. */
  #bytes = 0;
  /** The timers of the buffered messages. */
  #timers = new Subscription();

  constructor(client: OutboxClient, connection: OutboxConnection, scheduler: SchedulerLike) {
    this.#client = client;
    this.#connection = connection;
    this.#scheduler = scheduler;
  }

  /** Buffers messages from now on. */
  close(): void {
    const { options, state } = this.#client;
    this.#flow = BUFFERED;
    // The timers of a client that has ended would keep the process alive.
    if (state.name === 'closed' && options.queueTtl <= LONGEST_WAIT) this.clear();
  }

  /** Sends messages from now on, but not yet the buffered ones. */
  greet(): void {
    this.#flow = DIRECT;
  }

  /** Sends the buffered messages, as long as it is open. Messages written meanwhile are sent behind them. */
  open(): void {
    const { buffer } = this.#client;
    if (this.#flow === RELEASING) return;
    this.#flow = RELEASING;
    for (this.#due = buffer.length; this.#flow === RELEASING && this.#due > 0 && buffer.length > 0; this.#due--) {
      this.#isBuffered = true;
      try {
        this.#client._write(buffer.shift() as never);
      } catch (thrown) {
        this.#connection.fail(asError(thrown));
      }
      this.#isBuffered = false;
    }
    if (buffer.length === 0) this.clear();
    // Not when the connection was lost meanwhile.
    if (this.#flow === RELEASING) this.#flow = DIRECT;
  }

  /** Drops the buffered messages, and forgets their bytes and timers. */
  clear(): void {
    this.#timers.unsubscribe();
    this.#timers = new Subscription();
    this.#bytes = 0;
    for (const data of this.#client.buffer.splice(0)) this.#connection.lose(data);
  }

  /** Sends a message, or buffers it. Returns false when it was rejected. */
  write(data: unknown): boolean {
    const wasBuffered = this.#isBuffered;
    // A message that a plug-in writes meanwhile waits behind the buffered ones.
    this.#isBuffered = false;
    if (wasBuffered || this.#flow === DIRECT) return this.#connection.channel.write(data);
    const { buffer, options, state } = this.#client;
    if (state.name === 'closed') return this.#connection.lose(data);
    // A plug-in may have emptied it.
    if (buffer.length === 0) this.clear();
    buffer.push(data);
    this.#due++;
    this.#count(data);
    let isKept = true;
    while (buffer.length > options.queueSize || this.#bytes > options.queueBytes) {
      isKept = options.queueDrop === 'oldest' && buffer.length > 1;
      this.#drop(isKept ? 0 : -1, 'ERR_PRIMUS_QUEUE', 'the queue is full');
    }
    return isKept;
  }

  /** Counts a buffered message, and drops it when its time is over. */
  #count(data: unknown): void {
    const { buffer, options } = this.#client;
    this.#bytes += this.#sizeOf(data);
    if (options.queueTtl > LONGEST_WAIT) return;
    const expire = () => {
      this.#timers.remove(timer);
      const at = buffer.indexOf(data);
      if (at >= 0) this.#drop(at, 'ERR_PRIMUS_EXPIRED', `queued for ${options.queueTtl} ms`);
    };
    const timer = this.#scheduler.schedule(expire, options.queueTtl);
    this.#timers.add(timer);
  }

  #drop(at: number, code: ErrorCode, why: string): void {
    const { buffer } = this.#client;
    const [data] = buffer.splice(at, 1);
    // A plug-in may have changed the message: an empty buffer has no bytes.
    this.#bytes = buffer.length && this.#bytes - this.#sizeOf(data);
    this.#connection.lose(data, code, why);
  }

  /** Returns the length of a message as a frame. Parsers that answer later are taken for JSON. */
  #sizeOf(data: unknown): number {
    const { parser } = this.#client;
    try {
      return (parser.encode ? parser.encode(data) : JSON.stringify(data)).length;
    } catch {
      // The parser will report it when the message is sent.
      return 0;
    }
  }
}
