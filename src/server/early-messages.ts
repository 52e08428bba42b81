import { EventEmitter } from 'node:events';
import { type SchedulerLike, Subscription } from 'rxjs';
import type { Frame } from '../core/link.js';
import { costOf } from './kept-frames.js';
import { sizeOf } from './size-of.js';
import { fewOfTurn, runLater } from './turn.js';

const { on, removeListener } = EventEmitter.prototype;

/** The time for which messages wait where `connectionTimeout` sets none, in ms. */
const LONGEST_WAIT = 30_000;

/** The limits of the messages that wait, of a server. */
export interface EarlyLimits {
  /** In bytes. */
  readonly maxBuffer: number;
  /** The number of bytes above which the connection is not read any more. */
  readonly highWater: number;
  /** `connectionTimeout`, in ms. */
  readonly connectionTimeout: number;
  readonly scheduler: SchedulerLike;
}

/** The connection of messages that wait, as far as they use it. */
export interface EarlyOwner {
  readonly subject: { listenerCount(event: string): number };
  /** Whether the application has paused reading, and the link has not ended. */
  readonly isPaused: boolean;
  /** Emits one message. */
  emitData(data: unknown, raw: Frame): void;
  /** Counts the bytes of a message that waits; negative when it does not any more. */
  received(bytes: number): void;
  /** Stops reading, or continues. */
  suspendEarly(isSuspended: boolean): void;
  /** Called when no message waits any more. */
  earlyDelivered(): void;
  /** Called when messages are dropped, as nothing listens to them. */
  unheard(): void;
}

interface Message {
  readonly data: unknown;
  readonly raw: Frame;
  readonly cost: number;
}

/**
 * The messages of a connection that arrive before the application listens to `data`.
 *
 * ```
 * `connection` listener   async ─── await ──────── on('data') ─── … ─── done
 * messages                  1   2   3 (wait)       1 2 3   4   5
 * ```
 *
 * While a `connection` listener runs that is an async function, messages wait whenever nothing listens to `data`; with subscribers of
 * `connection$`, whose async functions are not visible, up to the first listener. They wait for a limited time, once, and a limited number of
 * bytes waits. After that a message is emitted as it comes, with or without listeners.
 */
export class EarlyMessages {
  readonly #owner: EarlyOwner;
  readonly #limits: EarlyLimits;
  /** The async functions that run. */
  #running = 0;
  #awaitsFirst = false;
  /** Whether the time or the bytes are used up. */
  #isExceeded = false;
  #bytes = 0;
  #messages: Message[] = [];
  #at = 0;
  #waiting: Subscription | undefined;

  constructor(owner: EarlyOwner, limits: EarlyLimits) {
    this.#owner = owner;
    this.#limits = limits;
  }

  /** Whether no message waits. */
  get isEmpty(): boolean {
    return this.#at === this.#messages.length;
  }

  /** Whether an async function runs. */
  get isRunning(): boolean {
    return this.#running > 0;
  }

  /** Whether a message would not wait. */
  get isOver(): boolean {
    return this.#isExceeded || (this.#running === 0 && !this.#awaitsFirst);
  }

  /** Keeps messages while an async function runs. */
  during(promise: Promise<unknown>): void {
    this.#running += 1;
    const done = () => {
      this.#running -= 1;
      this.deliver();
    };
    promise.then(done, done);
  }

  /** Keeps messages up to the first listener. */
  untilFirst(): void {
    this.#awaitsFirst = !this.#hasListener;
  }

  /** Whether a message has to wait; then it is kept. */
  keeps(data: unknown, raw: Frame): boolean {
    if (this.isEmpty) {
      if (this.#hasListener) this.#awaitsFirst = false;
      if (this.#hasListener || this.isOver) return false;
    }
    this.#waiting ??= this.#wait();
    const { maxBuffer, highWater } = this.#limits;
    // The frame may be a small part of what was made of it.
    const cost = costOf(raw) + sizeOf(data);
    this.#messages.push({ data, raw, cost });
    const before = this.#bytes;
    this.#bytes += cost;
    if (before <= highWater && this.#bytes > highWater) this.#owner.suspendEarly(true);
    // The connection may be terminated by this, and keeps nothing then.
    this.#owner.received(cost);
    // A message of any length waits, if it is the first.
    if (before > maxBuffer) this.#exceed();
    return true;
  }

  /** Delivers what waits, if something listens or it has waited long enough; over several turns of the event loop if that takes too long. */
  deliver(): void {
    const exceeds = fewOfTurn();
    while (!this.isEmpty && this.#mayDeliver) {
      const { data, raw, cost } = this.#messages[this.#at++] as Message;
      this.#bytes -= cost;
      this.#owner.received(-cost);
      if (!this.#hasListener) this.#owner.unheard();
      this.#owner.emitData(data, raw);
      if (!this.isEmpty && exceeds(raw.length)) {
        runLater(() => this.deliver());
        return;
      }
    }
    if (!this.isEmpty) return;
    if (this.#waiting !== undefined) {
      this.#awaitsFirst = false;
      this.discard();
      this.#owner.suspendEarly(false);
    }
    this.#owner.earlyDelivered();
  }

  /** Forgets what waits. */
  discard(): void {
    this.#waiting?.unsubscribe();
    this.#waiting = undefined;
    this.#messages = [];
    this.#at = this.#bytes = 0;
  }

  get #hasListener(): boolean {
    return this.#owner.subject.listenerCount('data') > 0;
  }

  get #mayDeliver(): boolean {
    if (this.#owner.isPaused && this.#bytes <= this.#limits.maxBuffer) return false;
    return this.#hasListener || this.isOver;
  }

  /** Waits for a listener, for a limited time. */
  #wait(): Subscription {
    const { scheduler, connectionTimeout } = this.#limits;
    const subject = this.#owner.subject as EventEmitter;
    const added = (event: string): void => {
      // It is called before the listener is added, and others may be added in this turn.
      if (event === 'data') queueMicrotask(() => this.deliver());
    };
    on.call(subject, 'newListener', added as never);
    const waiting = new Subscription(() => removeListener.call(subject, 'newListener', added as never));
    const limit = connectionTimeout === Infinity ? LONGEST_WAIT : connectionTimeout;
    waiting.add(scheduler.schedule(() => this.#exceed(), limit));
    return waiting;
  }

  #exceed(): void {
    this.#isExceeded = true;
    this.deliver();
  }
}
