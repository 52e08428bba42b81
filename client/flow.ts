import { Observable, type SchedulerLike, Subject, type Subscription } from 'rxjs';
import { PrimusError } from '../src/core/errors.js';
import type { Frame } from '../src/core/link.js';

/** The memory that a message takes beside its bytes, roughly. */
const OVERHEAD = 64;

/**
 * The intervals at which unsent bytes are counted while a writer waits, in ms: no platform has an event for that. Each is twice as long as the one
 * before, up to the longest one: while bytes leave, and while none do.
 */
const FIRST_POLL = 1;
const BUSY_POLL = 4;
const IDLE_POLL = 256;

/** The options of `flow`. */
export interface FlowOptions {
  /**
   * The number of bytes that may wait in each direction: unsent ones, above which `isFull` is true, and received ones, above which a stream or a
   * loop pauses the connection. At most a quarter of `maxBuffer` for a spark.
   *
   * @defaultValue `262_144`, or less if a server has a small `maxBuffer`
   */
  readonly highWaterMark?: number;
}

/**
 * Why a message was dropped: the connection was `full`, or there was none (`disconnected`); a later one of the same key took its place
 * (`replaced`); the client or spark has `ended`; the queue of the client was full (`queue`), or it was there for `queueTtl` (`expired`).
 */
export type DropReason = 'full' | 'disconnected' | 'replaced' | 'ended' | 'queue' | 'expired';

/** A message that was dropped. */
export interface Dropped<T> {
  /** The message; its frame, if it was encoded already. */
  readonly data: T;
  /** Why it was dropped. */
  readonly reason: DropReason;
  /** The key of `latest`. */
  readonly key?: unknown;
}

/** One end of a connection, a client or a spark, as far as its flow uses it. */
export interface FlowEnd<In, Out> {
  readonly scheduler: SchedulerLike;
  /** The default and the limit of the option. */
  readonly highWaterMark: number;
  readonly longestMark: number;
  /** The bytes that were written, and not handed to the system. */
  readonly bufferedAmount: number;
  /** Whether nothing can be sent now, whatever the bytes are: there is no connection. */
  readonly isAway: boolean;
  /** Whether messages that were kept while there was no connection are being sent. */
  readonly isCatchingUp?: boolean;
  /** Whether it has ended. */
  readonly isOver: boolean;
  /** Emits at once, and whenever `isAway` or `isOver` may have changed. */
  readonly change$: Observable<unknown>;
  /** Calls `sent` behind each frame that is sent. Returns a function that stops it. */
  watch(sent: () => void): () => void;
  /** Calls `next` with each message, and `over` when the end has come. Returns a function that stops it. */
  listen(next: (data: In, frame: Frame) => void, over: () => void): () => void;
  /** Calls `dropped` with each message that the end itself drops. */
  onDrop?(dropped: (data: Out, reason: DropReason) => void): void;
  write(data: Out): boolean;
  /** Calls back when all that was written has been encoded. */
  flush(done: () => void): void;
  end(): void;
  /** Stops reading, or goes on. */
  pause(isPaused: boolean): void;
}

const created = new WeakMap<object, Flow>();

/** Returns the flow of a client or spark: for the same one the same object, with the options of the first call. */
export function flowOf<In, Out>(owner: object, end: () => FlowEnd<In, Out>, options?: FlowOptions): Flow<In, Out> {
  const known = created.get(owner) ?? (new Flow(end(), options) as Flow);
  created.set(owner, known);
  return known as Flow<In, Out>;
}

/**
 * The flow of messages through a client or a spark: how much waits, when to go on, streams that wait by themselves, and messages that may be
 * dropped.
 *
 * ```
 * write()     ──> [ unsent bytes: bufferedAmount ] ──> network     isFull above the mark, drained() at half of it
 * for await   <── [ received, not taken ]          <── network     paused above the mark
 * ```
 *
 * @example
 * ```ts
 * import { flow } from 'primus-rx/flow';
 *
 * const stream = flow(client, { highWaterMark: 65_536 });
 * stream.dropped$.subscribe(({ data, reason }) => console.log(data, reason));
 * if (stream.isFull) console.log(`${stream.bufferedAmount} of ${stream.highWaterMark} bytes wait`);
 * stream.pause();
 * setTimeout(() => stream.resume(), 1_000);
 * ```
 *
 * @typeParam In what is received
 * @typeParam Out what is sent
 */
export class Flow<In = unknown, Out = unknown> implements AsyncIterable<In> {
  /** The number of bytes that may wait in each direction. */
  readonly highWaterMark: number;
  readonly #end: FlowEnd<In, Out>;
  readonly #dropped = new Subject<Dropped<Out>>();
  /** The callbacks of the writers that wait for the bytes to leave. */
  #waiting: (() => void)[] = [];
  #change: Subscription | undefined;
  #poll: Subscription | undefined;
  #delay = FIRST_POLL;
  /** The readers that are behind: the connection is paused while there is one. */
  readonly #pausing = new Set<unknown>();
  /** The messages that wait, one for each key. */
  readonly #latest = new Map<unknown, Out>();
  #readable: ReadableStream<In> | undefined;
  #writable: WritableStream<Out> | undefined;

  /** @internal */
  constructor(end: FlowEnd<In, Out>, options?: FlowOptions) {
    this.#end = end;
    this.highWaterMark = Math.min(options?.highWaterMark ?? end.highWaterMark, end.longestMark);
    end.onDrop?.((data, reason) => this.#dropped.next({ data, reason }));
  }

  /** The number of bytes that were written and have not left this process; those of messages that a client has queued are estimated. */
  get bufferedAmount(): number {
    return this.#end.bufferedAmount;
  }

  /** Whether writers should wait for `drained()`: more than `highWaterMark` bytes wait, or there is no connection. What is written all the same is buffered. */
  get isFull(): boolean {
    const { isOver, isAway, isCatchingUp, bufferedAmount } = this.#end;
    return !isOver && (isAway || isCatchingUp === true || bufferedAmount > this.highWaterMark);
  }

  /**
   * Resolves at once unless `isFull`; else when there is a connection, and half of `highWaterMark` or less waits, or when the client or spark has
   * ended. Never rejects.
   *
   * @example
   * ```ts
   * import { flow } from 'primus-rx/flow';
   *
   * for (let row = 0; row < 1_000_000; row++) {
   *   client.write({ row });
   *   await flow(client).drained();
   * }
   * ```
   */
  drained(): Promise<void> {
    return new Promise((resolve) => this.whenDrained(resolve));
  }

  /** Calls back as `drained()` resolves. @internal */
  whenDrained(done: () => void): void {
    const { isOver } = this.#end;
    if (isOver) return done();
    // A parser or message transformer that is slow has no bytes that could be counted.
    this.#end.flush(() => {
      if (!this.isFull) return done();
      this.#waiting.push(done);
      this.#wait();
    });
  }

  /**
   * Emits whether writers may write, at once and at every change: the gate of `latestBy`, `conflate` and `bufferWhile`. Completes when the client is
   * destroyed, or the spark has ended.
   *
   * @example
   * ```ts
   * import { interval, map } from 'rxjs';
   * import { flow } from 'primus-rx/flow';
   * import { conflate } from 'primus-rx/operators';
   *
   * const price$ = interval(1).pipe(map((price) => ({ price })));
   * price$.pipe(conflate({ gate: flow(client).ready$ })).subscribe((message) => client.write(message));
   * ```
   */
  get ready$(): Observable<boolean> {
    return new Observable((subscriber) => {
      let isReady: boolean | undefined;
      const check = () => {
        const now = !this.isFull;
        if (now === isReady || subscriber.closed) return;
        isReady = now;
        if (!now) this.whenDrained(check);
        subscriber.next(now);
      };
      subscriber.add(this.#end.watch(check));
      subscriber.add(this.#end.change$.subscribe({ next: check, complete: () => subscriber.complete() }));
    });
  }

  /**
   * Stops reading, where the platform can: the peer is slowed down. A few messages that were read already still follow. WebSockets of a page
   * cannot stop, nor can SockJS and BrowserChannel.
   */
  pause(): this {
    this.#pause(this, true);
    return this;
  }

  /** Goes on reading. */
  resume(): this {
    this.#pause(this, false);
    return this;
  }

  /**
   * Iterates over the messages from the first `next()` on, over all reconnections of a client, until it ends. A slow loop slows the peer down.
   * Leaving the loop closes nothing.
   *
   * @example
   * ```ts
   * import { flow } from 'primus-rx/flow';
   *
   * for await (const message of flow(client)) console.log(message);
   * ```
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<In, void, undefined> {
    const reader = this.#read().getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    } finally {
      await reader.cancel();
    }
  }

  /**
   * The messages as a Web Stream, from the first access on. A slow reader slows the peer down. It closes when the client or spark ends; cancelling
   * it closes nothing, and the next access gives another one.
   *
   * @example
   * ```ts
   * import { flow } from 'primus-rx/flow';
   *
   * await flow(client).readable.pipeTo(new WritableStream({ write: (message) => console.log(message) }));
   * ```
   */
  get readable(): ReadableStream<In> {
    this.#readable ??= this.#read(() => {
      this.#readable = undefined;
    });
    return this.#readable;
  }

  /**
   * A Web Stream that sends messages as fast as the peer reads them. Closing it ends the client or spark, after everything was sent; so does
   * aborting it. Both are avoided by the options of `pipeTo`. A write after the end rejects.
   *
   * @throws ERR_PRIMUS_CLOSED by rejected writes, when the client or spark has ended
   * @example
   * ```ts
   * import { flow } from 'primus-rx/flow';
   *
   * const { body } = await fetch('https://example.com/big.txt');
   * await body?.pipeThrough(new TextDecoderStream()).pipeTo(flow(client).writable, { preventClose: true, preventAbort: true });
   * ```
   */
  get writable(): WritableStream<Out> {
    this.#writable ??= this.#write(() => {
      this.#writable = undefined;
    });
    return this.#writable;
  }

  /**
   * Sends a message that is of no use later: it is dropped while `isFull`.
   *
   * @returns whether the message was accepted
   * @example
   * ```ts
   * import { flow } from 'primus-rx/flow';
   *
   * document.addEventListener('pointermove', ({ x, y }) => flow(client).volatile({ x, y }));
   * ```
   */
  volatile(data: Out): boolean {
    const { isOver, isAway } = this.#end;
    if (!isOver && !this.isFull) return this.#end.write(data);
    this.#dropped.next({ data, reason: isOver ? 'ended' : isAway ? 'disconnected' : 'full' });
    return false;
  }

  /**
   * Sends a message that a later one of the same key makes needless. While `isFull` only the latest one of each key is kept, and sent when the
   * connection has drained: in the order in which the keys came, behind what was written.
   *
   * @returns `false` when the message was rejected, or the client or spark has ended
   * @example
   * ```ts
   * import { flow } from 'primus-rx/flow';
   *
   * flow(client).latest('ACME', { symbol: 'ACME', price: 12 });
   * ```
   */
  latest(key: unknown, data: Out): boolean {
    const { isOver } = this.#end;
    if (isOver) {
      this.#dropped.next({ data, key, reason: 'ended' });
      return false;
    }
    if (this.#latest.size === 0 && !this.isFull) return this.#end.write(data);
    const isFirst = this.#latest.size === 0;
    const had = this.#latest.has(key);
    const before = this.#latest.get(key) as Out;
    this.#latest.set(key, data);
    if (had) this.#dropped.next({ data: before, key, reason: 'replaced' });
    if (isFirst) this.whenDrained(() => this.#release());
    return true;
  }

  /** Emits every message that `volatile`, `latest` and the queue of a client drop. Hot. */
  get dropped$(): Observable<Dropped<Out>> {
    return this.#dropped.asObservable();
  }

  /** Sends the latest messages, as long as there is room. */
  #release(): void {
    for (const [key, data] of this.#latest) {
      const { isOver } = this.#end;
      if (!isOver && this.isFull) return this.whenDrained(() => this.#release());
      this.#latest.delete(key);
      if (isOver) this.#dropped.next({ data, key, reason: 'ended' });
      else this.#end.write(data);
    }
  }

  /** Begins to wait for the bytes to leave, and for a connection. */
  #wait(): void {
    if (this.#change !== undefined) return;
    this.#delay = FIRST_POLL;
    const change = this.#end.change$.subscribe({ next: () => this.#check(), complete: () => this.#done() });
    // A check may have been the last one already.
    if (this.#waiting.length > 0) this.#change = change;
    else change.unsubscribe();
  }

  #check(): void {
    const { isOver, isAway, isCatchingUp, bufferedAmount, scheduler } = this.#end;
    if (isOver || !(isAway || isCatchingUp || bufferedAmount > this.highWaterMark / 2)) return this.#done();
    // A connection that comes is a change.
    if (isAway || (this.#poll && !this.#poll.closed)) return;
    this.#poll = scheduler.schedule(() => {
      this.#poll = undefined;
      this.#delay = Math.min(2 * this.#delay, this.#end.bufferedAmount < bufferedAmount ? BUSY_POLL : IDLE_POLL);
      this.#check();
    }, this.#delay);
  }

  #done(): void {
    this.#change?.unsubscribe();
    this.#poll?.unsubscribe();
    this.#change = this.#poll = undefined;
    for (const done of this.#waiting.splice(0)) done();
  }

  #pause(who: unknown, isPaused: boolean): void {
    const before = this.#pausing.size > 0;
    if (isPaused) this.#pausing.add(who);
    else this.#pausing.delete(who);
    const after = this.#pausing.size > 0;
    if (before !== after) this.#end.pause(after);
  }

  #read(over?: () => void): ReadableStream<In> {
    const who = {};
    let size = 0;
    let stop = () => {};
    const close = () => {
      stop();
      this.#pause(who, false);
      over?.();
    };
    const source: UnderlyingDefaultSource<In> = {
      start: (controller) => {
        const next = (data: In, frame: Frame) => {
          size = frame.length + OVERHEAD;
          controller.enqueue(data);
          if ((controller.desiredSize ?? 0) <= 0) this.#pause(who, true);
        };
        const end = () => {
          close();
          controller.close();
        };
        stop = this.#end.listen(next, end);
        if (this.#end.isOver) end();
      },
      pull: () => this.#pause(who, false),
      cancel: close,
    };
    return new ReadableStream(source, { highWaterMark: this.highWaterMark, size: () => size });
  }

  #write(over: () => void): WritableStream<Out> {
    const check = () => {
      const { isOver } = this.#end;
      if (isOver) throw new PrimusError('ERR_PRIMUS_CLOSED', 'The connection has ended');
    };
    const close = async () => {
      over();
      await this.drained();
      this.#end.end();
    };
    return new WritableStream<Out>({
      write: async (data) => {
        try {
          check();
          this.#end.write(data);
          await this.drained();
          check();
        } catch (error) {
          over();
          throw error;
        }
      },
      close,
      abort: () => {
        over();
        this.#end.end();
      },
    });
  }
}
