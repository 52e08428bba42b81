import { PrimusError } from '../src/core/errors.js';

/** The options of an outbox. */
export interface OutboxOptions {
  readonly queueSize: number;
  readonly queueDrop: 'oldest' | 'newest';
}

/** The client of an outbox, as far as the outbox uses it. */
export interface OutboxClient {
  readonly options: OutboxOptions;
  /** The buffered messages. */
  readonly buffer: unknown[];
  /** Writes a message. Each one passes here on its way out, buffered ones once more, and plug-ins replace this method. */
  _write(data: never): boolean;
}

/** The connection of an outbox, as far as the outbox uses it. */
export interface OutboxConnection {
  readonly channel: { write(data: unknown): boolean };
  fail(error: Error): void;
}

/** Buffers messages until there is a connection, and sends them in the order in which they were written. */
export class Outbox {
  readonly #client: OutboxClient;
  readonly #connection: OutboxConnection;
  #isOpen = false;
  /** Whether the message that is passed to `_write` comes from the buffer. */
  #isBuffered = false;
  #isReleasing = false;
  /** How many messages should be released: one that a plug-in puts back into the buffer waits for the next connection. */
  #due = 0;

  constructor(client: OutboxClient, connection: OutboxConnection) {
    this.#client = client;
    this.#connection = connection;
  }

  /** Buffers messages from now on. */
  close(): void {
    this.#isOpen = false;
  }

  /** Sends the buffered messages, as long as it is open. Messages written meanwhile are sent behind them. */
  open(): void {
    const { buffer } = this.#client;
    this.#isOpen = true;
    if (this.#isReleasing) return;
    this.#isReleasing = true;
    for (this.#due = buffer.length; this.#isOpen && this.#due > 0 && buffer.length > 0; this.#due--) {
      this.#isBuffered = true;
      this.#client._write(buffer.shift() as never);
      this.#isBuffered = false;
    }
    this.#isReleasing = false;
  }

  /** Sends a message, or buffers it. Returns false when it was rejected. */
  write(data: unknown): boolean {
    const { buffer, options } = this.#client;
    const wasBuffered = this.#isBuffered;
    // A message that a plug-in writes meanwhile waits behind the buffered ones.
    this.#isBuffered = false;
    if (wasBuffered || (this.#isOpen && !this.#isReleasing)) return this.#connection.channel.write(data);
    buffer.push(data);
    this.#due++;
    if (buffer.length <= options.queueSize) return true;
    const isOldest = options.queueDrop === 'oldest';
    const dropped = isOldest ? buffer.shift() : buffer.pop();
    const message = `A message was dropped: the queue is full (\`queueSize\` ${options.queueSize})`;
    this.#connection.fail(new PrimusError('ERR_PRIMUS_QUEUE', message, { data: dropped }));
    return isOldest;
  }
}
