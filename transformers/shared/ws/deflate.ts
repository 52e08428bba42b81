import type { Duplex } from 'node:stream';
import * as ws from 'ws';
import { discard } from '../../../src/server/garbage.js';

type Done = (error: Error | null, data: Buffer) => void;

/** The extension of one connection in ws. Its types are missing. */
export interface MessageDeflate {
  /** The options of this connection. */
  readonly _options: { zlibInflateOptions?: object | undefined };
  readonly _maxPayload: number;
  readonly params: { readonly client_no_context_takeover?: true; readonly server_no_context_takeover?: true };
  decompress(data: Buffer, fin: boolean, done: Done): void;
  compress(data: Buffer | string, fin: boolean, done: Done): void;
  /** Frees the memory of both directions. */
  cleanup(): void;
}

/** The options of the extension in ws: no message refers to an earlier one, so that nothing has to be kept for the next. */
export const NO_CONTEXT = { clientNoContextTakeover: true, serverNoContextTakeover: true };

const { PerMessageDeflate } = ws as unknown as { PerMessageDeflate: new () => MessageDeflate };

interface Job {
  /** The length of the compressed bytes. */
  readonly size: number;
  run(release: () => void): void;
  /** The number of smaller ones that went first. */
  overtaken: number;
}

/** The number of smaller jobs that go before the one that has waited longest. */
const MAX_OVERTAKEN = 8;

/** Runs a limited number of jobs at a time, the smallest first. A connection has one job at most. */
class Limiter {
  private readonly waiting: Job[] = [];
  private free: number;

  constructor(free: number) {
    this.free = free;
  }

  add(job: Job): void {
    if (this.free === 0) this.waiting.push(job);
    else {
      this.free -= 1;
      job.run(this.release);
    }
  }

  /** Removes a job that waits. Returns whether it did. */
  remove(job: Job): boolean {
    const at = this.waiting.indexOf(job);
    if (at >= 0) this.waiting.splice(at, 1);
    return at >= 0;
  }

  private readonly release = (): void => {
    const { waiting } = this;
    if (waiting.length === 0) {
      this.free += 1;
      return;
    }
    const [first] = waiting as [Job];
    let at = 0;
    // The first one waits for a few smaller ones, not for all that come.
    if (first.overtaken < MAX_OVERTAKEN)
      for (const [index, { size }] of waiting.entries()) if (size < (waiting[at] as Job).size) at = index;
    if (at > 0) first.overtaken += 1;
    (waiting.splice(at, 1)[0] as Job).run(this.release);
  };
}

/** The error of a message that was dropped with its connection. */
export const DROPPED = new Error('The connection has closed');
const EMPTY = Buffer.alloc(0);

/** From so many bytes on a message is inflated in larger steps, each of which takes a turn of the thread pool. */
const LONG = 8_192;
const LONG_STEPS = { chunkSize: 131_072 };

/** A message of so many bytes becomes 1 MB at most: deflate saves up to a factor of 1,032. */
const SMALL = 1_024;

// Of all servers of the process, as is the thread pool. One large message at a time is in memory; small ones do not wait for it.
const large = new Limiter(1);
const small = new Limiter(4);

/**
 * An extension that inflates one large message at a time, and keeps neither a compressor nor a decompressor between two messages, unless
 * a context is taken over: those take 250 kB for each connection.
 */
class TransientDeflate extends PerMessageDeflate {
  /** The number of jobs under way, and whether a message is inflated in part. */
  declare private jobs: number;
  declare private midway: boolean;
  declare private inflated: () => void;
  /** Drops the message that waits to be inflated, as the connection has closed: ws would keep both until its turn. */
  declare drop: () => void;

  begin(inflated: () => void): void {
    this.jobs = 0;
    this.midway = false;
    this.inflated = inflated;
    this.drop = () => {};
  }

  override decompress(data: Buffer, fin: boolean, done: Done): void {
    this.jobs += 1;
    this.midway = !fin;
    const { length: size } = data;
    const run = (release: () => void) => {
      if (size >= LONG) this._options.zlibInflateOptions ??= LONG_STEPS;
      else if (this._options.zlibInflateOptions === LONG_STEPS) this._options.zlibInflateOptions = undefined;
      super.decompress(data, fin, (error, inflated) => {
        try {
          done(error, inflated);
          this.inflated();
        } finally {
          // What is too long was inflated up to the limit.
          discard(error === null ? inflated.length : this._maxPayload);
          release();
          this.end();
        }
      });
    };
    const limiter = size > SMALL ? large : small;
    const job = { size, run, overtaken: 0 };
    this.drop = () => {
      if (!limiter.remove(job)) return;
      done(DROPPED, EMPTY);
      this.end();
    };
    limiter.add(job);
  }

  override compress(data: Buffer | string, fin: boolean, done: Done): void {
    this.jobs += 1;
    super.compress(data, fin, (error, deflated) => {
      try {
        done(error, deflated);
      } finally {
        this.end();
      }
    });
  }

  private end(): void {
    this.jobs -= 1;
    const { client_no_context_takeover: client, server_no_context_takeover: server } = this.params;
    if (this.jobs === 0 && !this.midway && client && server) this.cleanup();
  }
}

/** Limits what an extension that ws has just negotiated costs, and calls back after each fragment that was inflated. */
export function limitInflation(extension: MessageDeflate, socket: Duplex, inflated: () => void): void {
  Object.setPrototypeOf(extension, TransientDeflate.prototype);
  (extension as TransientDeflate).begin(inflated);
  socket.once('close', () => (extension as TransientDeflate).drop());
}
