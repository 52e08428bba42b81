import { Observable, type Subscriber } from 'rxjs';
import { bufferWhile } from '../operators/buffer-while.js';
import { PrimusError } from '../src/core/errors.js';
import { StateSubject } from '../src/core/streams/state-subject.js';

export interface OutboxOptions {
  readonly queueSize: number;
  readonly queueDrop: 'oldest' | 'newest';
}

/** What an outbox needs of its client. */
export interface OutboxClient {
  readonly options: OutboxOptions;
  readonly buffer: unknown[];
  _write(data: never): boolean;
}

/** Keeps what is written until there is a connection, and lets it leave in the order it was written. */
export class Outbox {
  /** Whether messages may leave: a connection is open, and its `open` was emitted. */
  readonly gate = new StateSubject(false);
  readonly #buffer: unknown[];
  readonly #send: (data: unknown) => boolean;
  #incoming: Subscriber<unknown> | undefined;
  #releasing = false;
  /** Whether the message just written was the one to be dropped. */
  #refused = false;

  constructor(client: OutboxClient, send: (data: unknown) => boolean, fail: (error: Error) => void) {
    const { queueSize: size, queueDrop: drop } = client.options;
    this.#buffer = client.buffer;
    this.#send = send;
    const dropped = (data: unknown) => {
      this.#refused = drop === 'newest';
      const message = `A message was dropped: the queue is full (\`queueSize\` ${size})`;
      fail(new PrimusError('ERR_PRIMUS_QUEUE', message, { data }));
    };
    new Observable((incoming) => {
      this.#incoming = incoming;
    })
      .pipe(bufferWhile({ gate: this.gate.value$, buffer: client.buffer, size, drop, dropped }))
      .subscribe((data) => {
        this.#releasing = true;
        // By way of the client: plug-ins see what was kept once more.
        client._write(data as never);
        this.#releasing = false;
      });
  }

  /** Sends a message, or keeps it. False when it was refused. */
  write(data: unknown): boolean {
    const released = this.#releasing;
    // What is written in passing waits its turn.
    this.#releasing = false;
    if (released || (this.gate.value && this.#buffer.length === 0)) return this.#send(data);
    this.#refused = false;
    this.#incoming?.next(data);
    return !this.#refused;
  }
}
