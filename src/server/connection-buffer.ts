import { expand, type SchedulerLike, type Subscription, takeWhile, timer } from 'rxjs';
import { LinkError } from '../core/errors.js';
import type { Frame, Link } from '../core/link.js';
import type { MemoryAccount, MemoryHolder } from './memory.js';
import { frameSize } from './size-of.js';
import { currentTurn } from './turn.js';

/** The number of unsent bytes above which a writer that listens for `drain` should wait for it, unless `maxBuffer` asks for less. */
const HIGH_WATER = 262_144;

/** How many times `maxBuffer` may be written in one turn of the event loop. */
const BURST = 16;

/** How long more than `maxBuffer` may wait for a client that receives nothing, in ms. */
const STALL_TIMEOUT = 10_000;

/** The rate of a slow network, in bytes per ms: Node.js takes a write for unsent until all of it has left. */
const SLOWEST = 64;

/**
 * The intervals at which unsent bytes are counted, in ms: not every framework has an event for that. A client that reads them at once does not keep
 * its writer waiting. Each is twice as long as the one before, up to the longest one: while bytes leave, and while none do.
 */
const FIRST_POLL = 1;
const BUSY_POLL = 10;
const IDLE_POLL = 640;

/** Fewer bytes than this are not reported to the account of the server. */
const STEP = 65_536;

/** The limits of the bytes that wait, of a server. */
export interface BufferLimits {
  readonly maxBuffer: number;
  /** The number of unsent bytes above which writers should wait for `drain`. */
  readonly highWater: number;
  readonly memory: MemoryAccount;
  readonly scheduler: SchedulerLike;
}

/** Returns the number of unsent bytes above which writers should wait for `drain`. */
export function highWaterOf(maxBuffer: number): number {
  return Math.min(HIGH_WATER, maxBuffer / 4);
}

/** The connection of a buffer, as far as the buffer uses it. */
export interface BufferOwner {
  readonly ip: string;
  readonly link: Pick<Link, 'bufferedAmount' | 'readsOn'> | undefined;
  terminate(error: LinkError): void;
  /** Stops reading, or goes on. */
  suspend(isSuspended: boolean): void;
  /** Called when most of the unsent bytes have left, after `crowded` was true. */
  drained(): void;
}

/**
 * The bytes that wait on one connection, in both directions. Only a connection with many of them has it.
 *
 * A client is a slow consumer when more than `maxBuffer` bytes wait for it beside the longest burst: the messages that were written in one
 * turn of the event loop. However fast a client is, they take time. It is also one when it receives none of them for ten seconds.
 */
export class ConnectionBuffer implements MemoryHolder {
  /** Whether the client is behind: more than the high-water mark waits, and `drain` follows. */
  crowded = false;
  /** The network of the client: of the connection's link, when the first bytes waited. */
  readonly ip: string;
  readonly #owner: BufferOwner;
  readonly #limits: BufferLimits;
  /** The bytes of a message that is not complete. */
  #incomplete = 0;
  /** The bytes of messages that were received, and wait for a listener, a message transformer or a parser. */
  #received = 0;
  /** The bytes of messages that were written, and wait for a message transformer or a parser. */
  #queued = 0;
  /** The unsent bytes of broadcasts, which all connections share. */
  #shared = 0;
  /** The unsent bytes when they were counted last. */
  #unsent = 0;
  #turn = 0;
  /** The bytes written in this turn. */
  #burst = 0;
  #longestBurst = 0;
  #longestMessage = 0;
  /** The bytes that a framework has added to messages, up to as many as the messages have. */
  #overhead = 0;
  #delay = FIRST_POLL;
  /** When unsent bytes left last. */
  #progress = 0;
  #polling: Subscription | undefined;
  #reported = 0;
  #released = false;

  constructor(owner: BufferOwner, limits: BufferLimits) {
    this.ip = owner.ip;
    this.#owner = owner;
    this.#limits = limits;
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return !this.crowded && this.#incomplete + this.#received + this.#queued === 0;
  }

  /** The bytes of messages that were written, and wait for a message transformer or a parser. */
  get queuedBytes(): number {
    return this.#queued;
  }

  get cannotWait(): boolean {
    return this.#owner.link?.readsOn === true;
  }

  suspend(isSuspended: boolean): void {
    this.#owner.suspend(isSuspended);
  }

  shed(error: LinkError): void {
    this.#owner.terminate(error);
  }

  /** Notes how many bytes have arrived of a message that is not complete. */
  incomplete(bytes: number): void {
    this.#incomplete = bytes;
    this.#report();
  }

  /** Notes that a received message waits; with a negative number, that one does no longer. */
  received(bytes: number): void {
    this.#received += bytes;
    this.#report();
  }

  /** Notes that a written message waits for a message transformer or a parser; with a negative number, that one does no longer. */
  queued(bytes: number): void {
    this.#queued += bytes;
    if (bytes > 0) this.#written(bytes);
  }

  /** Notes that a frame was sent. A shared one is stored once for all connections. */
  sent(frame: Frame, isShared: boolean): void {
    const bytes = frameSize(frame);
    if (isShared) this.#shared += bytes;
    this.#written(bytes);
  }

  /** Forgets all that waits. */
  release(): void {
    this.#released = true;
    this.#polling?.unsubscribe();
    this.#limits.memory.delete(this);
  }

  #written(bytes: number): void {
    const { maxBuffer, highWater } = this.#limits;
    const turn = currentTurn();
    if (turn !== this.#turn) this.#burst = 0;
    this.#turn = turn;
    this.#burst += bytes;
    this.#longestMessage = Math.max(this.#longestMessage, bytes);
    this.#longestBurst = Math.max(this.#longestBurst, this.#burst);
    this.#count(bytes);
    const isBehind = this.#unsent - this.#longestBurst - this.#overhead > maxBuffer;
    if (isBehind || this.#burst - this.#longestMessage > BURST * maxBuffer) this.#terminate();
    else if (this.#unsent > highWater && !this.crowded) this.#crowd();
  }

  #crowd(): void {
    const { scheduler } = this.#limits;
    this.crowded = true;
    this.#delay = FIRST_POLL;
    this.#progress = scheduler.now();
    this.#polling = timer(FIRST_POLL, scheduler)
      .pipe(
        expand(() => timer(this.#delay, scheduler)),
        takeWhile(() => this.#isCrowded()),
      )
      .subscribe({ complete: () => this.#drained() });
  }

  /** Counts the unsent bytes again. Returns whether they are still too many. */
  #isCrowded(): boolean {
    const { maxBuffer, highWater, scheduler } = this.#limits;
    const before = this.#unsent;
    this.#count(0);
    if (this.#unsent <= highWater / 2) return false;
    const hasProgress = this.#unsent < before;
    this.#delay = Math.min(2 * this.#delay, hasProgress ? BUSY_POLL : IDLE_POLL);
    if (hasProgress) this.#progress = scheduler.now();
    else if (this.#unsent > maxBuffer && scheduler.now() - this.#progress >= Math.max(STALL_TIMEOUT, this.#unsent / SLOWEST))
      this.#terminate();
    this.#report();
    return true;
  }

  #drained(): void {
    this.crowded = false;
    this.#shared = this.#unsent = this.#burst = this.#longestBurst = this.#longestMessage = this.#overhead = 0;
    this.#report();
    this.#owner.drained();
  }

  /** Counts the unsent bytes, after so many were written. */
  #count(written: number): void {
    const unsent = this.#queued + (this.#owner.link?.bufferedAmount ?? 0);
    const added = Math.max(0, unsent - this.#unsent - written);
    this.#overhead = Math.min(this.#overhead + added, this.#longestBurst);
    this.#unsent = unsent;
    this.#shared = Math.min(this.#shared, unsent);
  }

  #terminate(): void {
    const message = `Slow consumer: ${this.#unsent} bytes buffered, limit ${this.#limits.maxBuffer} (\`maxBuffer\`)`;
    this.#owner.terminate(new LinkError('ERR_PRIMUS_SLOW_PEER', message, { reason: 'slow consumer' }));
  }

  /** Reports to the account, in steps: most connections never have as much. */
  #report(): void {
    if (this.#released) return;
    const incoming = this.#incomplete + this.#received;
    const outgoing = this.crowded ? Math.max(this.#queued, this.#unsent - this.#shared) : 0;
    const sum = incoming + outgoing;
    const isLittle = sum < STEP;
    if (isLittle ? this.#reported === 0 : Math.abs(sum - this.#reported) < STEP) return;
    this.#reported = isLittle ? 0 : sum;
    // The application wrote the longest burst at once: the client is not behind with it.
    if (isLittle) this.#limits.memory.delete(this);
    else this.#limits.memory.set(this, incoming, outgoing, Math.max(0, outgoing - this.#longestBurst - this.#overhead));
  }
}
