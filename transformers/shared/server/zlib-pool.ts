import { constants, type DeflateRaw, type InflateRaw } from 'node:zlib';
import { discard } from '../../../src/server/garbage.js';
import { Blocks } from './blocks.js';
import { free } from './free.js';

type ZlibStream = InflateRaw | DeflateRaw;

type Done = (error: (Error & { type?: string }) | null, data: Blocks) => void;

/** The type of error that the drivers close with 1009. */
const TOO_LARGE = 'too_large';

/** Runs a few zlib streams at a time, in the order of arrival: each has buffers of its own, and one output that grows. */
export class ZlibPool {
  readonly #size: number;
  readonly #waiting = new Set<ZlibTask>();
  #running = 0;

  /** @param size the number of streams that run at the same time */
  constructor(size: number) {
    this.#size = size;
  }

  /** Runs a message through a stream, up to `limit` bytes of output, now or when another one has ended. */
  run(create: () => ZlibStream, input: readonly (Buffer | Blocks)[], limit: number, done: Done): ZlibTask {
    const task: ZlibTask = new ZlibTask(create, input, limit, done, (started) => {
      this.#waiting.delete(task);
      if (started) this.#running--;
      this.#next();
    });
    this.#waiting.add(task);
    this.#next();
    return task;
  }

  #next(): void {
    for (const task of this.#waiting) {
      if (this.#running === this.#size) return;
      this.#waiting.delete(task);
      this.#running++;
      task.start();
    }
  }
}

/** One message on its way through zlib. */
export class ZlibTask {
  readonly #create: () => ZlibStream;
  readonly #input: readonly (Buffer | Blocks)[];
  readonly #limit: number;
  readonly #done: Done;
  readonly #ended: (started: boolean) => void;
  #stream: ZlibStream | undefined;
  #output = new Blocks();
  #isOver = false;

  constructor(create: () => ZlibStream, input: readonly (Buffer | Blocks)[], limit: number, done: Done, ended: (started: boolean) => void) {
    this.#create = create;
    this.#input = input;
    this.#limit = limit;
    this.#done = done;
    this.#ended = ended;
  }

  start(): void {
    const stream = this.#create();
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

  /** Gives the message up, without a call of `done`. */
  abort(): void {
    if (this.#isOver) return;
    this.#stop();
    this.#output.free();
    this.#ended(this.#stream !== undefined);
  }

  #stop(): void {
    this.#isOver = true;
    if (this.#stream === undefined) return;
    this.#stream.removeAllListeners();
    // Work that is still in the thread pool may yet fail.
    this.#stream.on('error', ignore);
    this.#stream.destroy();
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
      this.#ended(true);
    }
  }
}

function ignore(): void {}
