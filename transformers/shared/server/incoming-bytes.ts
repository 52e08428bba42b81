import type { Duplex } from 'node:stream';

/** The key under which the listener of a socket finds its counter. */
const COUNTER = Symbol('incoming bytes');

type CountedSocket = Duplex & { [COUNTER]: IncomingBytes };

/** Fewer bytes than this are not reported. */
const MANY = 65_536;

/** The link of a counter. */
interface ReportingLink {
  /** Reports to the observer how many bytes have arrived of a message that is not complete. */
  reportIncomplete(bytes: number): void;
}

/** Counts the bytes that a socket has received since the last message: frameworks collect them until the message is complete. */
export class IncomingBytes {
  readonly #link: ReportingLink;
  #bytes = 0;

  /** The framework must listen to the socket already: bytes are counted before it reads them. */
  constructor(socket: Duplex, link: ReportingLink) {
    this.#link = link;
    (socket as CountedSocket)[COUNTER] = this;
    socket.prependListener('data', socketOnData);
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= MANY) this.#link.reportIncomplete(this.#bytes);
  }

  /** The framework has emitted a message. */
  complete(): void {
    if (this.#bytes >= MANY) this.#link.reportIncomplete(0);
    this.#bytes = 0;
  }
}

function socketOnData(this: CountedSocket, chunk: Buffer): void {
  this[COUNTER].add(chunk.length);
}
