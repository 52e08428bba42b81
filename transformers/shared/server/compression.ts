import { constants, createDeflateRaw, type DeflateRaw, deflateRawSync, type ZlibOptions } from 'node:zlib';
import type { Frame } from '../../../src/core/link.js';
import { discard } from '../../../src/server/garbage.js';
import { freeOwn } from './free.js';
import { type LimitedJob, Limiter } from './limiter.js';

type Done = (error: Error | null, deflated: Buffer) => void;

/** The options of an extension, as the same object for all its connections, and the window that one of them has. */
export interface CompressionOptions {
  readonly zlib: ZlibOptions | undefined;
  readonly windowBits: number;
}

/** The number of messages that are compressed at the same time. Each takes 250 kB, and a thread of Node.js, which has four. */
const STREAMS = 4;

/** A message of so many bytes is compressed at once: that takes a fraction of a millisecond, and another thread would answer later. */
const SHORT = 16_384;

/** The time in which short messages are compressed, of each period, in ms. */
const SLICE = 20;
const PERIOD = 40;

/** So many bytes of longer messages may wait to be compressed. */
const MAX_WAITING = 1_048_576;

/** So many bytes of one connection may wait to be compressed, or behind others that do. */
const MAX_QUEUED = 262_144;

/** The number of messages that a new one is compared with. */
const RECENT = 4;

/** The length of the end of a Z_SYNC_FLUSH, which is left out on the wire: RFC 7692, section 7.2.1. */
const TAIL = 4;

const NONE = Buffer.alloc(0);

// Of all servers of the process, as is the thread pool.
const limiter = new Limiter(STREAMS);
const idle: Compressor[] = [];
/** The last messages that wait, or are being compressed. */
let recent: Compression[] = [];
let waiting = 0;

let last: { readonly data: Frame; readonly options: CompressionOptions; readonly deflated: Buffer } | undefined;
let periodBegin = 0;
let spent = 0;

/**
 * Whether a message should be sent as it is, behind so many bytes of its connection that wait to be compressed. A server that sends more than
 * it can compress would make all its clients wait, and take those that read at once for slow.
 */
export function isTooBusyToCompress(length: number, queued: number): boolean {
  if (!isShort(length)) return waiting > MAX_WAITING || queued > MAX_QUEUED;
  return queued > 0 || (spent > SLICE && performance.now() - periodBegin < PERIOD);
}

/**
 * Compresses a message that takes over no context: once for all the connections of a broadcast. It calls back at once for a short message, and
 * returns nothing. For a longer one it returns a function that gives it up, without a call of `done`, and returns whether there was time for that.
 */
export function compress(data: Frame, options: CompressionOptions, done: Done): (() => boolean) | undefined {
  if (isShort(data.length)) {
    done(null, compressNow(data, options));
    return undefined;
  }
  const same = recent.find((other) => other.is(data, options));
  const compression = same ?? new Compression(data, options);
  compression.listeners.add(done);
  if (same === undefined) {
    recent = [...recent.slice(1 - RECENT), compression];
    limiter.add(compression);
  }
  return () => compression.drop(done);
}

/** Whether a message of so many bytes is compressed at once. */
export function isShort(length: number): boolean {
  return length <= SHORT;
}

/** Compresses a short message. The result is the same buffer for a message that is the same as the one before. */
export function compressNow(data: Frame, options: CompressionOptions): Buffer {
  if (last !== undefined && isSame(options, last.options) && isEqual(data, last.data)) return last.deflated;
  const begin = performance.now();
  if (begin - periodBegin >= PERIOD) {
    periodBegin = begin;
    spent = 0;
  }
  const { zlib, windowBits } = options;
  const deflated = deflateRawSync(data, { ...zlib, windowBits, finishFlush: constants.Z_SYNC_FLUSH });
  // A copy: the result may be a part of a larger buffer, which it would keep in memory.
  last = { data, options, deflated: Buffer.from(deflated.subarray(0, -TAIL)) };
  spent += performance.now() - begin;
  return last.deflated;
}

/** A message that is compressed. */
class Compression implements LimitedJob {
  readonly size: number;
  readonly listeners = new Set<Done>();
  overtaken = 0;
  readonly #data: Frame;
  readonly #options: CompressionOptions;

  constructor(data: Frame, options: CompressionOptions) {
    this.size = data.length;
    this.#data = data;
    this.#options = options;
    waiting += this.size;
  }

  /** Whether another message is compressed to the same bytes. */
  is(data: Frame, options: CompressionOptions): boolean {
    return isSame(options, this.#options) && isEqual(data, this.#data);
  }

  run(release: () => void): void {
    const compressor = take(this.#options);
    compressor.compress(this.#data, (error, deflated) => {
      if (error === null && idle.length < STREAMS) idle.push(compressor);
      else compressor.destroy();
      this.#forget();
      if (error === null) freeOwn(this.#data);
      // What is left of it has waited, and so is none of the garbage that V8 collects early.
      discard(this.size);
      release();
      const listeners = [...this.listeners];
      this.listeners.clear();
      for (const done of listeners) done(error, deflated);
    });
  }

  drop(done: Done): boolean {
    const wasWaiting = this.listeners.delete(done);
    if (this.listeners.size === 0 && limiter.remove(this)) this.#forget();
    return wasWaiting;
  }

  #forget(): void {
    waiting -= this.size;
    recent = recent.filter((other) => other !== this);
  }
}

/** A stream that is used for one message after the other. To create one takes longer than most messages. */
class Compressor {
  readonly options: CompressionOptions;
  readonly #stream: DeflateRaw;
  #chunks: Buffer[] = [];
  #length = 0;
  #done: Done | undefined;

  constructor(options: CompressionOptions) {
    this.options = options;
    this.#stream = createDeflateRaw({ ...options.zlib, windowBits: options.windowBits });
    this.#stream.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
    });
    this.#stream.on('error', (error) => this.#end(error, NONE));
  }

  compress(data: Frame, done: Done): void {
    this.#done = done;
    this.#stream.write(data);
    this.#stream.flush(constants.Z_SYNC_FLUSH, () => {
      // A copy: a chunk is a part of a larger buffer, which it would keep in memory.
      const deflated = Buffer.concat(this.#chunks, this.#length - TAIL);
      this.#chunks = [];
      this.#length = 0;
      this.#stream.reset();
      this.#end(null, deflated);
    });
  }

  destroy(): void {
    this.#stream.destroy();
  }

  #end(error: Error | null, deflated: Buffer): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(error, deflated);
  }
}

/** Takes a compressor that is idle, or creates one. */
function take(options: CompressionOptions): Compressor {
  const at = idle.findIndex((other) => isSame(other.options, options));
  const [found] = idle.splice(Math.max(at, 0), 1);
  if (at >= 0 && found !== undefined) return found;
  found?.destroy();
  return new Compressor(options);
}

function isSame(one: CompressionOptions, other: CompressionOptions): boolean {
  return one.zlib === other.zlib && one.windowBits === other.windowBits;
}

function isEqual(one: Frame, other: Frame): boolean {
  return typeof one === 'string' || typeof other === 'string'
    ? one === other
    : one.length === other.length && Buffer.compare(one, other) === 0;
}
