import { EventEmitter } from 'node:events';
import { interval, type Observer, type SchedulerLike, type Subscription, takeWhile } from 'rxjs';
import { asError, dropped, LinkError } from '../core/errors.js';
import type { Frame, Link } from '../core/link.js';
import { PATIENCE, Pipeline, stuckError } from '../core/pipeline.js';
import type { Control } from '../core/protocol.js';
import { CLOSED, OPEN, type ReadyState } from '../core/ready-state.js';
import type { Spark, SparkEvents } from './spark.js';

const { emit } = EventEmitter.prototype;

interface Emitter {
  emit(event: string, ...args: unknown[]): boolean;
}

/** Why a link is not being read. */
const UNANNOUNCED = 1;
const PRESSURE = 2;
const USER = 4;

/** Bytes waiting for one peer from which on whoever listens for `drain` should wait for it. */
const CROWDED = 1_048_576;

/** How often a crowded link is looked at, in ms: frameworks do not agree on how to tell. */
const DRAIN_POLL = 10;

/** What a connection reports to the server it belongs to. @internal */
export interface ConnectionHost {
  /** More bytes than this waiting for one peer cut its line. */
  readonly maxBuffer: number;
  /** The connection is over; called once, and not before it was announced. */
  gone(connection: Connection): void;
  log(level: string, ...values: unknown[]): void;
  /** The application's own code threw, and nobody there is told. */
  warn(error: unknown): void;
  readonly scheduler: SchedulerLike;
}

/**
 * The machinery behind a spark: what arrives on its link, what leaves on it, and how it ends.
 *
 * ```
 * made ── `connection` listeners agree ──> announced ── end(), drop, silence ──> over
 *   frames and an end that come before the announcement are held for it
 * ```
 */
export class Connection extends Pipeline implements Observer<Frame> {
  state: ReadyState = OPEN;
  /** Whether anything was heard since the last heartbeat. */
  alive = true;
  /** Which beat of the heartbeat is this connection's. */
  slot = 0;
  /** The last message is being sent: a listener that hears of it and ends the connection with another one would never come to an end. */
  parting = false;
  /** More is waiting for the peer than should. `drain` follows. */
  crowded = false;
  /** The link itself is over. */
  private hungUp = false;
  private announced = false;
  private ending = false;
  private paused = 0;
  private held: Frame[] | undefined;
  /** How the link ended while messages were held or under way, `null` for cleanly. */
  private lost: LinkError | null | undefined;
  /** Runs while an end waits for what was written before it. */
  private patience: Subscription | undefined;
  readonly spark: Spark;
  private readonly registry: ConnectionHost;
  readonly link: Link | undefined;

  constructor(spark: Spark, registry: ConnectionHost, link: Link | undefined) {
    super(spark.primus, spark);
    this.spark = spark;
    this.registry = registry;
    this.link = link;
    link?.subscribe(this);
  }

  /** Whether messages are taken for sending. */
  get writable(): boolean {
    return this.state === OPEN && !this.ending && this.lost === undefined;
  }

  /** Whether a message would go out in this instant, as every other connection's does. */
  get canShareFrame(): boolean {
    return this.writable && this.isDirect && this.link !== undefined && this.link.excludeFromBroadcast !== true;
  }

  /** Whether something waits for the client to take it, or to ask for it. */
  get waits(): boolean {
    return !this.hungUp && this.link !== undefined && this.link.bufferedAmount > 0;
  }

  // What the link reports.

  next(frame: Frame): void {
    this.alive = true;
    if (this.announced) this.incoming(frame);
    else this.hold(frame);
  }

  complete(): void {
    this.over(undefined);
  }

  error(error: unknown): void {
    this.over(error instanceof LinkError ? error : dropped(undefined, undefined, error));
  }

  // What the server and the spark ask for.

  /** The `connection` listeners agreed: what was held comes now. */
  announce(): void {
    this.announced = true;
    const held = this.held;
    this.held = undefined;
    if (held !== undefined) for (const frame of held) this.incoming(frame);
    this.flow(UNANNOUNCED, false);
    if (this.lost !== undefined) this.leave(this.lost);
    else if (this.state === CLOSED) this.registry.gone(this);
  }

  /** Ends the connection after everything written so far, telling the client not to come back unless `reconnect`. */
  end(reconnect: boolean): void {
    if (!this.writable) return;
    this.ending = true;
    const farewell = () => {
      if (!reconnect) this.control({ type: 'close' });
    };
    const close = () => {
      this.finish(null);
      this.link?.close();
    };
    const stuck = () => {
      this.fail(stuckError());
      farewell();
      close();
    };
    if (!this.isDirect) this.patience = this.registry.scheduler.schedule(stuck, PATIENCE);
    this.flush(() => {
      farewell();
      this.flush(close);
    });
  }

  /** Cuts the line of a peer that cannot be talked to. */
  terminate(error: LinkError): void {
    if (this.state === CLOSED) return;
    if (this.announced) this.finish(error);
    else this.lost = error;
    this.link?.destroy();
  }

  pause(paused: boolean): void {
    this.flow(USER, paused);
  }

  /**
   * Whether silence counts. It does not while the user has paused reading; it does while a listener or a message
   * transformer of ours does not answer, and every message that gets through is a sign of life.
   */
  get listening(): boolean {
    return (this.paused & USER) === 0 || this.lost !== undefined;
  }

  /** The message was not, or cannot be, handled: an event, never an exception. After the end it is for the log. */
  fail(error: Error): void {
    try {
      if (this.state === CLOSED) this.registry.log('error', error);
      else if (this.spark.listenerCount('error') > 0) this.spark.emit('error', error);
    } catch (thrown) {
      this.registry.log('error', 'An error listener threw', thrown);
    }
  }

  /** The application's own code threw: an error event, or, where nobody listens for those, not lost all the same. */
  reportListenerError(thrown: unknown): void {
    if (this.state === CLOSED || this.spark.listenerCount('error') === 0) this.registry.warn(thrown);
    else this.fail(asError(thrown));
  }

  // The steps of the pipeline.

  protected deliver(data: unknown, raw: Frame): void {
    if (this.state !== OPEN) return;
    this.alive = true;
    this.emit('data', data, raw);
  }

  protected handleControl(control: Control): void {
    // An asynchronous parser may come too late.
    if (this.state !== OPEN) return;
    if (control.type === 'pong') {
      const sent = Number(control.value);
      this.emit('incoming::pong', sent);
      // The listener may have ended it.
      if (this.state === OPEN) this.emit('heartbeat', this.registry.scheduler.now() - sent);
    } else if (control.type === 'id' && control.value === '') {
      this.control({ type: 'id', value: this.spark.id });
    }
  }

  protected forward(data: unknown): boolean {
    const accepted = this.spark._write(data);
    if (this.state === CLOSED)
      this.registry.log('lost', `A message to ${this.spark.id} was still being transformed when the connection was over`);
    return accepted;
  }

  protected transmit(frame: Frame): void {
    const { link } = this;
    if (this.state !== OPEN || link === undefined) {
      this.registry.log('lost', `A message to ${this.spark.id} was still being encoded when the connection was over`);
      return;
    }
    link.send(frame);
    this.sent(frame);
  }

  /** A frame was handed to the link, by this connection or in a broadcast. */
  sent(frame: Frame): void {
    this.emitInternal('outgoing::data', frame);
    const waiting = (this.link as Link).bufferedAmount;
    if (waiting > CROWDED) this.crowd(this.link as Link, waiting);
  }

  /** The client is being asked whether it is alive. */
  asked(stamp: number): void {
    this.emit('outgoing::ping', stamp);
  }

  protected pressure(high: boolean): void {
    this.flow(PRESSURE, high);
  }

  // Below: how it is done.

  private incoming(frame: Frame): void {
    if (this.state !== OPEN) return;
    this.emitInternal('incoming::data', frame);
    this.receive(frame);
  }

  private hold(frame: Frame): void {
    this.held ??= [];
    this.held.push(frame);
    this.flow(UNANNOUNCED, true);
  }

  /** One event that is ours alone: what comes to `emit` under such a name, somebody else has injected. */
  private emitInternal(event: keyof SparkEvents | 'close', ...args: unknown[]): void {
    try {
      emit.call(this.spark, event, ...args);
    } catch (thrown) {
      this.reportListenerError(thrown);
    }
  }

  /** One event of the spark; a listener that throws harms this connection only. */
  private emit(event: keyof SparkEvents, ...args: unknown[]): void {
    try {
      (this.spark as Emitter).emit(event, ...args);
    } catch (thrown) {
      this.reportListenerError(thrown);
    }
  }

  /** The peer reads more slowly than is written: sources that are piped in are told, and one that never reads is cut. */
  private crowd(link: Link, waiting: number): void {
    const { maxBuffer } = this.registry;
    if (waiting > maxBuffer) {
      const message = `The peer does not read: ${waiting} bytes are waiting, ${maxBuffer} may`;
      this.terminate(new LinkError('ERR_PRIMUS_SLOW_PEER', message, { reason: 'slow peer' }));
      return;
    }
    if (this.crowded) return;
    this.crowded = true;
    interval(DRAIN_POLL, this.registry.scheduler)
      .pipe(takeWhile(() => this.state === OPEN && link.bufferedAmount > CROWDED / 2))
      .subscribe({
        complete: () => {
          this.crowded = false;
          if (this.state === OPEN) this.emitInternal('drain');
        },
      });
  }

  private flow(reason: number, stop: boolean): void {
    const before = this.paused;
    this.paused = stop ? before | reason : before & ~reason;
    if (before === 0 && this.paused !== 0) this.link?.pause?.();
    else if (before !== 0 && this.paused === 0) this.link?.resume?.();
  }

  private over(error: LinkError | undefined): void {
    this.hungUp = true;
    if (this.state === CLOSED || this.lost !== undefined) return;
    this.lost = error ?? null;
    this.emitInternal('incoming::end');
    if (this.announced) this.leave(this.lost);
  }

  /** What was received comes first; whom that takes too long is cut by the heartbeat. */
  private leave(how: LinkError | null): void {
    this.drain(() => this.finish(how));
  }

  private finish(error: LinkError | null): void {
    if (this.state === CLOSED) return;
    if (error !== null && (error.cause !== undefined || error.code !== 'ERR_PRIMUS_DROPPED')) this.fail(error);
    this.state = CLOSED;
    this.patience?.unsubscribe();
    this.abandon();
    this.emit('readyStateChange', 'end');
    this.emitInternal('outgoing::end');
    this.emit('end');
    // Whoever pipes into a spark waits for this word; plugins that forward events need not see it.
    this.emitInternal('close');
    if (this.announced) this.registry.gone(this);
  }
}
