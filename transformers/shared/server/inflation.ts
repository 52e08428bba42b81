import { constants, createInflateRaw, type InflateRaw, type ZlibOptions } from 'node:zlib';
import { discard } from '../../../src/server/garbage.js';
import { Blocks } from './blocks.js';
import { free } from './free.js';
import { type LimitedJob, Limiter } from './limiter.js';

type Done = (error: (Error & { type?: string; code?: string }) | null, data: Blocks) => void;

/** The type of error that the drivers close with 1009. */
export const TOO_LARGE = 'too_large';

/** The end of a Z_SYNC_FLUSH, which is left out on the wire: RFC 7692, section 7.2.1. */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** A message of so many bytes becomes 1 MB at most: deflate saves up to a factor of 1,032. It does not wait behind longer ones. */
const SHORT = 1_024;

/** A longer message is inflated in larger steps, each of which takes a turn of the thread pool. */
const LONG_STEPS = { chunkSize: 65_536 };

// Of all servers of the process, as is the thread pool: what one peer sends is inflated in the memory and the time that all share.
const short = new Limiter(4);
const long = new Limiter(1);

/** Returns the limiter of messages of so many bytes. */
export function inflationLimiter(size: number): Limiter {
  return size > SHORT ? long : short;
}

/** A compressed message on its way through zlib: its buffers are its own, and its output grows in blocks. */
export class Inflation implements LimitedJob {
  readonly size: number;
  overtaken = 0;
  readonly #limiter: Limiter;
  readonly #input: readonly (Buffer | Blocks)[];
  readonly #limit: number;
  readonly #options: ZlibOptions | undefined;
  readonly #done: Done;
  #release: (() => void) | undefined;
  #stream: InflateRaw | undefined;
  #output = new Blocks();
  #isOver = false;

  /** Inflates a message, up to `limit` bytes of output, now or when others have been. */
  constructor(input: readonly (Buffer | Blocks)[], limit: number, options: ZlibOptions | undefined, done: Done) {
    this.size = input.reduce((size, { length }) => size + length, 0);
    this.#limiter = inflationLimiter(this.size);
    this.#input = [...input, TAIL];
    this.#limit = limit;
    this.#options = options;
    this.#done = done;
    this.#limiter.add(this);
  }

  run(release: () => void): void {
    this.#release = release;
    const stream = createInflateRaw({ ...(this.size > SHORT && LONG_STEPS), ...this.#options });
    this.#stream = stream;
    stream.on('error', (error) => this.#finish(Object.assign(error, { type: 'encoding_error' })));
    // A compressed message may end its stream itself.
    stream.on('end', () => this.#finish(null));
    stream.on('data', (chunk: Buffer) => {
      if (this.#output.length + chunk.length <= this.#limit) {
        this.#output.append(chunk);
        // The stream takes another buffer when one is full.
        free(chunk);
      } else this.#finish(Object.assign(new Error(`A message exceeds ${this.#limit} bytes once it is inflated`), { type: TOO_LARGE }));
    });
    for (const bytes of this.#input) for (const part of bytes instanceof Blocks ? bytes.parts() : [bytes]) stream.write(part);
    stream.flush(constants.Z_SYNC_FLUSH, () => {
      // The stream has read it all; at any other end, it may be reading in another thread.
      for (const bytes of this.#input) if (bytes instanceof Blocks) bytes.free();
      this.#finish(null);
    });
  }

  /** Gives up a message that still waits, without a call of `done`. Returns whether it did. */
  drop(): boolean {
    this.#isOver ||= this.#limiter.remove(this);
    return this.#isOver && this.#stream === undefined;
  }

  /** Gives the message up, without a call of `done`. */
  abort(): void {
    if (this.#isOver || this.drop()) return;
    this.#stop();
    this.#output.free();
    this.#release?.();
  }

  #stop(): void {
    this.#isOver = true;
    // Work that is still in the thread pool may yet fail: the listeners ignore that.
    this.#stream?.destroy();
  }

  #finish(error: (Error & { type?: string }) | null): void {
    if (this.#isOver) return;
    this.#stop();
    const { length } = this.#output;
    if (error !== null) this.#output.free();
    try {
      // Before the next message begins: what is done with this one takes memory, too.
      this.#done(error, this.#output);
    } finally {
      // The blocks are free, but the string is not.
      discard(length);
      this.#release?.();
    }
  }
}
