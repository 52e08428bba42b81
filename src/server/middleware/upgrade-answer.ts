import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** The beginning of a whole HTTP answer, as layers for Primus 8 write it to the socket of an upgrade. */
const BY_HAND = /^HTTP\/1\.\d /;

/**
 * A response to an upgrade request: layers answer an upgrade like any other request. Middleware of Express and the like calls `setHeader`
 * and `end`, perhaps long after the layer returned. `write` and `end` are own properties, as Express replaces the prototype of a response.
 */
export class UpgradeAnswer {
  readonly response: ServerResponse;
  readonly #socket: Duplex;
  readonly #drain = () => void this.response.emit('drain');
  #byHand = false;

  constructor(request: IncomingMessage, socket: Duplex) {
    this.#socket = socket;
    this.response = new ServerResponse(request);
    this.response.shouldKeepAlive = false;
    this.response.assignSocket(socket as Socket);
    this.response.once('finish', () => socket.end(() => socket.destroy()));
    // Node's server does not handle a socket after its upgrade event.
    socket.on('drain', this.#drain);
    this.#watch('write');
    this.#watch('end');
  }

  /** Whether a layer has begun to answer. */
  get begun(): boolean {
    return this.#byHand || this.response.headersSent || this.response.writableEnded;
  }

  /** Releases the socket: later writes of a layer are discarded. */
  release(): void {
    if (this.response.socket) this.response.detachSocket(this.#socket as Socket);
    this.#socket.removeListener('drain', this.#drain);
  }

  /** Destroys the socket when half an answer was written. */
  abort(): void {
    if (!this.response.writableEnded && !this.#socket.writableEnded) this.#socket.destroy();
  }

  #watch(method: 'write' | 'end'): void {
    const proper = this.response[method] as (...args: unknown[]) => unknown;
    const watched = (...args: unknown[]): unknown => {
      if (this.response.socket && !this.begun) this.#byHand = BY_HAND.test(text(args[0]));
      return (this.#byHand ? this.#socket[method] : proper).apply(this.#byHand ? this.#socket : this.response, args as never);
    };
    this.response[method] = watched as never;
  }
}

function text(chunk: unknown): string {
  return typeof chunk === 'string' ? chunk : chunk instanceof Uint8Array ? Buffer.from(chunk.subarray(0, 9)).toString() : '';
}
