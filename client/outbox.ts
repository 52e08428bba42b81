import { PrimusError } from '../src/core/errors.js';

/** The options of an outbox. */
export interface OutboxOptions {
  readonly queueSize: number;
  readonly queueDrop: 'oldest' | 'newest';
}

/** What an outbox needs of its client. */
export interface OutboxClient {
  readonly options: OutboxOptions;
  /** The messages that wait. */
  readonly buffer: unknown[];
  /** Every message on its way out passes here, what was kept once more: plug-ins replace it. */
  _write(data: never): boolean;
}

/** What an outbox needs of its connection. */
export interface OutboxConnection {
  readonly channel: { write(data: unknown): boolean };
  fail(error: Error): void;
}

/** Keeps what is written until there is a connection, and lets it leave in the order it was written. */
export class Outbox {
  readonly #client: OutboxClient;
  readonly #connection: OutboxConnection;
  #isOpen = false;
  /** The message that is handed to `_write` comes from the buffer. */
  #isKept = false;
  #isReleasing = false;
  /** How many messages are to be released: one that a plug-in puts back into the buffer waits for the next connection. */
  #due = 0;

  constructor(client: OutboxClient, connection: OutboxConnection) {
    this.#client = client;
    this.#connection = connection;
  }

  /** What is written from now on is kept. */
  close(): void {
    this.#isOpen = false;
  }

  /** Sends what was kept, as long as it is open; what is written meanwhile leaves behind it. */
  open(): void {
    const { buffer } = this.#client;
    this.#isOpen = true;
    if (this.#isReleasing) return;
    this.#isReleasing = true;
    for (this.#due = buffer.length; this.#isOpen && this.#due > 0 && buffer.length > 0; this.#due--) {
      this.#isKept = true;
      this.#client._write(buffer.shift() as never);
      this.#isKept = false;
    }
    this.#isReleasing = false;
  }

  /** Sends a message, or keeps it. False when it was refused. */
  write(data: unknown): boolean {
    const { buffer, options } = this.#client;
    const wasKept = this.#isKept;
    // What is written in passing waits its turn.
    this.#isKept = false;
    if (wasKept || (this.#isOpen && !this.#isReleasing)) return this.#connection.channel.write(data);
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
