import type { Socket } from 'node:net';

/** A direction of a connection: from the client to the server, or from the server to the client. */
export type Direction = 'toServer' | 'toClient';

/** Faults of the network in one direction of a connection. */
export interface Conditions {
  /** Whether nothing passes, neither bytes nor the end of the connection. */
  blocked: boolean;
  /** The time that everything takes, in ms. */
  delay: number;
  /** Bytes pass in pieces of `bytes`, one every `every` ms. */
  trickle: { bytes: number; every: number } | undefined;
}

/** A network without faults. */
export const HEALTHY: Readonly<Conditions> = { blocked: false, delay: 0, trickle: undefined };

/** The bytes that wait before the flow stops reading, so that the sender is slowed down as by a real network. */
const HIGH_WATER = 65_536;

interface Item {
  content: Buffer | 'end' | 'reset';
  /** When it was read, as a moment of `performance.now()`. */
  readAt: number;
}

/** One direction of a connection: reads from one socket and writes to the other, bytes and their end in order. */
export class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #conditions: Conditions;
  readonly #pass: (bytes: Buffer, to: Socket) => void;
  #queue: Item[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** When the next piece of a trickle may pass. */
  #nextPiece = 0;
  #discards = false;

  /** `pass` writes the bytes. */
  constructor(from: Socket, to: Socket, conditions: Conditions, pass: (bytes: Buffer, to: Socket) => void) {
    this.#from = from;
    this.#to = to;
    this.#conditions = conditions;
    this.#pass = pass;
    from.on('data', (chunk: Buffer) => this.#add(chunk));
    from.on('end', () => this.#add('end'));
    from.on('error', () => this.#add('reset'));
    to.on('drain', () => this.pump());
  }

  /** Passes what is due; called again when the conditions have changed. */
  pump(): void {
    clearTimeout(this.#timer);
    while (this.#queue.length > 0 && !this.#conditions.blocked && !this.#to.writableNeedDrain && !this.#to.connecting) {
      const wait = this.#dueAt() - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.pump(), Math.ceil(wait));
        break;
      }
      this.#shift();
    }
    if (this.#discards) this.#from.resume();
    else if (this.#conditions.blocked || this.#bytes >= HIGH_WATER) this.#from.pause();
    else this.#from.resume();
  }

  /** Passes nothing more, not even the end: drops what waits, and reads and drops what follows. */
  discard(): void {
    this.#discards = true;
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#bytes = 0;
    this.#from.resume();
  }

  #dueAt(): number {
    const { delay, trickle } = this.#conditions;
    const { readAt } = this.#queue[0] as Item;
    return Math.max(readAt + delay, trickle === undefined ? 0 : this.#nextPiece);
  }

  #add(content: Item['content']): void {
    if (this.#discards) return;
    this.#queue.push({ content, readAt: performance.now() });
    if (typeof content !== 'string') this.#bytes += content.length;
    this.pump();
  }

  /** Passes the first item, or a piece of it. */
  #shift(): void {
    const item = this.#queue[0] as Item;
    const { content } = item;
    if (typeof content === 'string') {
      this.#queue.shift();
      if (content === 'end') this.#to.end();
      else this.#to.resetAndDestroy();
      return;
    }
    const { trickle } = this.#conditions;
    const piece = trickle === undefined ? content : content.subarray(0, trickle.bytes);
    if (trickle !== undefined) this.#nextPiece = performance.now() + trickle.every;
    if (piece.length === content.length) this.#queue.shift();
    else item.content = content.subarray(piece.length);
    this.#bytes -= piece.length;
    this.#pass(piece, this.#to);
  }
}
