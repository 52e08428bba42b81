import { Observable, type Subscriber } from 'rxjs';
import { bufferWhile } from '../operators/buffer-while.js';
import { PrimusError } from '../src/core/errors.js';
import { StateSubject } from '../src/core/streams/state-subject.js';
import type { Primus } from './primus.js';

/** What is written waits here until there is a connection, and leaves in the order it was written. */
export class Outbox {
  /** Whether messages may leave: a connection is open, and its `open` was announced. */
  readonly gate = new StateSubject(false, () => {});
  readonly #client: Primus;
  #incoming: Subscriber<unknown> | undefined;
  #releasing = false;
  /** Whether the message just written was the one to give way. */
  #refused = false;

  constructor(client: Primus) {
    this.#client = client;
    const { queueSize: size, queueDrop: drop } = client.options;
    const dropped = (data: unknown) => {
      this.#refused = drop === 'newest';
      const message = `More than ${size} messages wait for a connection; one was dropped`;
      client.emit('error', new PrimusError('ERR_PRIMUS_QUEUE', message, { data }));
    };
    new Observable((incoming) => {
      this.#incoming = incoming;
    })
      .pipe(bufferWhile({ gate: this.gate.value$, buffer: client.buffer, size, drop, dropped }))
      .subscribe((data) => {
        this.#releasing = true;
        // By way of the client: plugins see what was kept come by again.
        client._write(data);
        this.#releasing = false;
      });
  }

  /** Sends a message, or keeps it. False when it was refused. */
  write(data: unknown): boolean {
    const { buffer, connection } = this.#client;
    const released = this.#releasing;
    // What is written in passing waits its turn.
    this.#releasing = false;
    if (released || (this.gate.value && buffer.length === 0)) return connection.write(data);
    this.#refused = false;
    this.#incoming?.next(data);
    return !this.#refused;
  }
}
