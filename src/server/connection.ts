import type { Subscription } from 'rxjs';
import { END_TIMEOUT, endTimeoutError, type Stack } from '../core/channel.js';
import { asError, dropped, LinkError } from '../core/errors.js';
import { EventQueue } from '../core/event-queue.js';
import { type Frame, type Link, type LinkObserver, NO_OBSERVER } from '../core/link.js';
import { type Control, isControl, reservedError } from '../core/protocol.js';
import { CLOSED, OPEN, type ReadyState } from '../core/ready-state.js';
import { RelayChannel, type RelayHandler } from '../core/relay-channel.js';
import { type BufferLimits, type BufferOwner, ConnectionBuffer } from './connection-buffer.js';
import { type EarlyLimits, EarlyMessages, type EarlyOwner } from './early-messages.js';
import { networkOf } from './http/network-of.js';
import { costOf, KeptFrames } from './kept-frames.js';
import { emit } from './rejections.js';
import type { Session } from './sessions/session.js';
import { sizeOf } from './size-of.js';
import { exceedsTurn, fewOfTurn, runLater } from './turn.js';

/** The reasons for which a link is not read. */
const KEPT = 1;
const PRESSURE = 2;
const USER = 4;
const MEMORY = 8;
const EARLY = 16;

/** The time in which the client of a server that drains should close its connection, in ms; then the server closes it. */
const DRAIN_WAIT = 1_000;

/** The time in which it must answer that, in ms; then the connection is terminated. */
const DRAIN_CLOSE = 2_000;

/** How far a connection is known: to the registry, to the `connection` listeners, and as accepted by all of them. */
type Stage = 'created' | 'registered' | 'introduced' | 'announced';

/** The part of a spark that its connection uses. */
export interface ConnectionSpark {
  readonly primus: Stack & { readonly host: ConnectionHost };
  readonly id: string;
  readonly address: { readonly ip: string };
  emit(event: string, ...args: unknown[]): boolean;
  listenerCount(event: string): number;
  /** Sends every outgoing message. Plugins replace it. */
  _write(data: never): boolean;
}

/** The part of a server that its connections use. @internal */
export interface ConnectionHost extends BufferLimits, EarlyLimits {
  /** The parser, with limits for what it decodes, and the message transformers. */
  readonly stack: Stack;
  /** The number of times that the `write` of a spark has returned `false`. */
  rejectedWrites: number;
  /** The open connections. */
  readonly registry: { readonly owns: ((data: unknown) => boolean) | undefined };
  /** Removes a connection that has ended, so that nothing finds it any more. Returns whether it was registered. */
  remove(connection: Connection): boolean;
  /** Emits `disconnection` in the order of the server's events, and calls back behind it. */
  disconnected(connection: Connection, then: () => void): void;
  log(level: string, ...values: unknown[]): void;
  /** Reports that messages were dropped, as nothing listened to them. */
  unheard(connection: Connection): void;
  /** Returns the observer of a connection's link: the connection, or what limits its rate. */
  observe(connection: Connection): LinkObserver;
  /** Reports an error of the application's own code that no listener gets. */
  warn(error: unknown): void;
}

/**
 * The connection behind a spark. It reads from its link, writes to it, and handles its end.
 *
 * ```
 * created ── `connection` listeners accept ──> announced ── end(), drop, silence ──> closed
 *   frames and an end that arrive before the announcement, or when a turn has taken too long, are kept until then, or the next turn
 *
 * state closed, removed from the server ──> readyStateChange ──> `disconnection` of the server ──> end
 * ```
 *
 * Its events have one order: see `EventQueue`.
 */
export class Connection implements RelayHandler, LinkObserver, BufferOwner, EarlyOwner {
  state: ReadyState = OPEN;
  /** Whether anything was received since the last heartbeat. */
  alive = true;
  /** The slot of the heartbeat in which this connection is pinged. */
  slot = 0;
  /** The sweeps of `endIdle` since the last message of the application. */
  quietSweeps = 0;
  /** Guards `end(data)` against re-entry from an `outgoing::data` listener. */
  isSendingLast = false;
  readonly subject: ConnectionSpark;
  /** The link; `undefined` for a spark without one, and while a session is away. */
  link: Link | undefined;
  private readonly channel: RelayChannel;
  private readonly events = new EventQueue();
  /** Whether the link itself has ended. */
  private linkEnded = false;
  private stage: Stage = 'created';
  private ending = false;
  private paused = 0;

  // Declared: an idle connection has no memory for these.

  /** Whether it has to answer a ping already, because memory runs out: see `limitNativeMemory`. */
  declare isAsked?: boolean;

  /**
   * The `connection` listener with a callback that is being asked, if a loop that begins now is its own: no other async listener runs. Such a
   * loop gets one message at a time, as the listener may wait for it.
   */
  declare asking?: object | undefined;
  /** Whether the loop of that listener waits for a message. */
  declare private isPulled?: boolean;

  /** The session that lets the connection survive its link, if the client has asked for one. */
  declare session?: Session | undefined;

  /** Emits the end of a connection that has ended before the server emitted `connection`. */
  declare private heldEnd?: (() => void) | undefined;
  /** The frames that wait for the announcement, or for the next turn of the event loop. */
  declare private kept?: KeptFrames | undefined;
  /** The messages that wait for the first listener of `data`, on a connection that may have such. */
  declare private early?: EarlyMessages | undefined;
  /** The bytes that wait. Most connections never have many. */
  declare private waiting?: ConnectionBuffer | undefined;
  /** The error of a link that ended while messages were buffered or being transformed; `null` for a clean end. */
  declare private lost?: LinkError | null | undefined;
  /** Called when everything that a lost link has received was delivered. */
  declare private settled?: (() => void) | undefined;
  /** Called when the messages that wait for their first listener were delivered: the link has ended. */
  declare private left?: (() => void) | undefined;
  /** The callbacks of those who wait until the client is not behind any more. */
  declare private awaitingDrain?: (() => void)[] | undefined;
  /** The timer that runs while an end waits for the messages before it. */
  declare private endTimer?: Subscription | undefined;

  constructor(spark: ConnectionSpark, link: Link | undefined) {
    this.subject = spark;
    this.channel = new RelayChannel(spark.primus.host.stack, this);
    this.link = link;
    link?.subscribe(spark.primus.host.observe(this));
  }

  private get host(): ConnectionHost {
    return this.subject.primus.host;
  }

  /** Whether the connection accepts messages. */
  get writable(): boolean {
    return this.state === OPEN && !this.ending && this.lost === undefined;
  }

  /** Whether a message would be sent at once and as it is, so that it may share its frame with other connections. */
  get canShareFrame(): boolean {
    if (!this.writable || !this.channel.isDirect) return false;
    return this.link === undefined ? this.isAway : this.link.excludeFromBroadcast !== true;
  }

  /** Whether all `connection` listeners have accepted it. */
  get isAnnounced(): boolean {
    return this.stage === 'announced';
  }

  /** Whether there is no link, and the session waits for another one. */
  get isAway(): boolean {
    return this.session?.isAway === true;
  }

  /** Whether data is buffered that the client has not received, or not polled, yet. */
  get isFlushing(): boolean {
    return !this.linkEnded && this.link !== undefined && this.link.bufferedAmount > 0;
  }

  /** The bytes that were written and not handed to the system. */
  get bufferedAmount(): number {
    return (this.link?.bufferedAmount ?? 0) + (this.waiting?.queuedBytes ?? 0);
  }

  /** Whether the client is behind, or away, so that writers should wait for `drain`. */
  get crowded(): boolean {
    return this.isBehind || this.isAway || this.session?.isCatchingUp === true;
  }

  /** Whether the client is behind with what was sent on the link. */
  get isBehind(): boolean {
    return this.waiting?.crowded === true;
  }

  /** The network of the client, for limits that each address has. */
  get ip(): string {
    return networkOf(`${this.subject.address.ip}`);
  }

  /**
   * Whether silence terminates the connection. It does not while the application has paused reading, or does not listen yet. It does while
   * a listener or a message transformer does not answer; every message that is delivered counts as activity.
   */
  get listening(): boolean {
    if (this.lost !== undefined) return this.early === undefined || this.early.isEmpty;
    return (this.paused & (USER | MEMORY | EARLY)) === 0;
  }

  /** Whether a client that sends no messages is idle: not before the announcement, and not while reading is paused. */
  get mayBeIdle(): boolean {
    return this.stage === 'announced' && this.writable && this.paused === 0 && !this.isAway;
  }

  // Reports of the link.

  next(frame: Frame): void {
    this.alive = true;
    if (this.stage === 'announced' && this.kept === undefined && !exceedsTurn(frame.length)) this.receive(frame);
    else this.keep(frame);
  }

  incomplete(bytes: number): void {
    if (this.state === OPEN && (bytes > 0 || this.waiting !== undefined)) this.buffer.incomplete(bytes);
    this.forgetBuffer();
  }

  complete(): void {
    this.linkOver(undefined);
  }

  error(error: unknown): void {
    this.linkOver(error instanceof LinkError ? error : dropped(undefined, undefined, error));
  }

  // Calls of the server and the spark.

  /** Sends one message of the application. */
  send(data: unknown): boolean {
    if (!this.writable) return false;
    if (!this.host.registry.owns?.(data)) return this.channel.send(data);
    this.fail(reservedError(data));
    return false;
  }

  /** Encodes and sends one message that has been transformed. */
  write(data: unknown): boolean {
    return this.state === OPEN && this.channel.write(data);
  }

  /** Sends, behind what was written before it, a message that is being encoded for this connection among others. */
  relay(data: unknown, frame: Promise<Frame>): void {
    this.channel.relay(data, frame);
  }

  /** Sends a frame that was encoded for many connections, behind what is still being encoded for this one. */
  post(frame: Frame): void {
    if (!this.writable) return;
    if (this.host.stack.parser.encode === undefined) this.channel.relay(undefined, Promise.resolve(frame));
    else this.transmit(frame, undefined);
  }

  /** Calls back when the client is neither behind nor away any more, or the connection has ended; at once if so. */
  whenDrained(done: () => void): void {
    if (!this.writable || !this.crowded) return done();
    this.awaitingDrain ??= [];
    this.awaitingDrain.push(done);
  }

  /** Sends a control message, behind what was written before it. */
  control(control: Parameters<RelayChannel['control']>[0]): void {
    this.channel.control(control);
  }

  // Calls of the session.

  /** Begins a session: its messages are counted from now on. */
  begin(session: Session): void {
    this.session = session;
  }

  /** Reads nothing from the link any more. `isOpen`: it may not know that it is lost, and is terminated. */
  detach(isOpen: boolean): void {
    const { link } = this;
    this.link = undefined;
    if (link === undefined) return;
    link.subscribe(NO_OBSERVER);
    this.incomplete(0);
    if (isOpen) link.destroy();
  }

  /** Goes on over another link. The spark has its socket and the address of its client from now on. */
  attach(link: Link, address: object): void {
    this.link = link;
    this.alive = true;
    this.quietSweeps = 0;
    Object.assign(this.subject, { socket: link.socket, address });
    link.subscribe(this.host.observe(this));
    if (this.paused !== 0) link.pause?.();
  }

  /** Sends a frame again that was sent on a link before. */
  resend(frame: Frame): void {
    this.link?.send(frame);
    this.checkBuffer(frame, false);
  }

  /** Accepts no more messages, calls back when those written before were encoded, and ends after everything received so far. */
  retire(encoded: () => void): void {
    // It is ending already.
    if (!this.writable) return encoded();
    this.ending = true;
    const end = () => {
      this.endTimer?.unsubscribe();
      encoded();
      this.complete();
    };
    if (!this.channel.isDirect) this.endTimer = this.host.scheduler.schedule(end, END_TIMEOUT);
    this.channel.flush(end);
  }

  /** Calls back when everything written so far was encoded. */
  whenWritten(done: () => void): void {
    this.channel.flush(done);
  }

  /** Calls back when everything received so far was delivered. */
  whenSettled(done: () => void): void {
    const drain = () => this.channel.drain(done);
    if (this.stage === 'announced' && this.kept === undefined) drain();
    else this.settled = drain;
  }

  /** Runs something in the order of the spark's events. */
  enqueue(emit: () => void): void {
    this.events.add(emit);
  }

  // Calls of the server and the spark, about the start and the end.

  /** Receives a frame that the application injects, as if it came from the link. */
  inject(frame: Frame): void {
    this.session?.inject(frame);
    this.next(frame);
  }

  /** Marks that the server has registered the connection, and emits `connection` later. An end is emitted behind that. */
  register(): void {
    this.stage = 'registered';
  }

  /** Marks that the server emits `connection` now. */
  introduce(): void {
    this.stage = 'introduced';
    this.heldEnd?.();
  }

  /** Notes that a `connection` listener is an async function: messages that nothing listens to wait while it runs. */
  expectListeners(running: Promise<unknown>): void {
    if (this.state === CLOSED) return;
    this.early ??= new EarlyMessages(this, this.host);
    this.early.during(running);
  }

  /** Notes that a `connection` listener with a callback is being asked, or has called back. */
  ask(isAsking: boolean): void {
    this.asking = isAsking && !this.early?.isRunning ? {} : undefined;
  }

  /** Delivers the next message, as soon as there is one, to the loop of a listener that is still being asked. */
  pull(asking: object): void {
    if (this.stage === 'announced' || asking !== this.asking) return;
    this.isPulled = true;
    this.feed();
  }

  /** Notes that subscribers of `connection$` got the spark: messages wait for the first listener. */
  expectFirstListener(): void {
    if (this.state === CLOSED || this.subject.listenerCount('data') > 0) return;
    this.early ??= new EarlyMessages(this, this.host);
    this.early.untilFirst();
  }

  /** Announces the connection after the `connection` listeners have accepted it: frames that arrived early are delivered now. */
  announce(): void {
    this.stage = 'announced';
    this.session?.announced();
    this.proceed(fewOfTurn());
  }

  /** Ends the connection after everything written so far. The client reconnects only with `reconnect`. */
  end(reconnect: boolean): void {
    if (!this.writable) return;
    this.ending = true;
    const farewell = () => {
      // What is still being transformed is lost.
      if (!this.channel.isReceiving) this.session?.acknowledge();
      if (!reconnect) this.channel.control({ type: 'server', value: 'close' });
    };
    const close = () => {
      this.finish(null);
      this.link?.close();
    };
    const timedOut = () => {
      this.fail(endTimeoutError());
      farewell();
      close();
    };
    if (!this.channel.isDirect) this.endTimer = this.host.scheduler.schedule(timedOut, END_TIMEOUT);
    this.channel.flush(() => {
      this.session?.catchUp(true);
      farewell();
      this.channel.flush(close);
    });
  }

  /**
   * Ends the connection after everything written so far, and asks the client to reconnect after `retryAfter` ms. The client closes, so
   * that everything that it has sent is received; one that does not is closed.
   */
  drain(retryAfter: number): void {
    if (!this.writable) return;
    this.session?.acknowledge();
    this.ending = true;
    const { scheduler } = this.host;
    const terminate = () => {
      this.terminate(new LinkError('ERR_PRIMUS_DROPPED', 'The server is shutting down'));
      this.announce();
    };
    const close = () => {
      if (this.link === undefined) this.finish(null);
      else this.link.close();
    };
    if (this.isAway) return close();
    const closeLater = () => {
      this.endTimer = scheduler.schedule(terminate, DRAIN_CLOSE);
      this.channel.flush(close);
    };
    this.endTimer = scheduler.schedule(closeLater, DRAIN_WAIT);
    this.channel.flush(() => {
      this.session?.catchUp(true);
      this.channel.control({ type: 'server::retry', value: String(Math.ceil(retryAfter)) });
    });
  }

  /**
   * Ends a connection whose client has left, and which waits for what may never come: `connection` listeners that accept it, or listeners of
   * its messages.
   */
  abandon(): void {
    if (this.lost !== undefined && (this.stage !== 'announced' || this.left !== undefined)) this.finish(this.lost);
  }

  /** Ends the connection at once: the link is terminated, or closed with a close code. */
  terminate(error: LinkError, closeCode?: number): void {
    if (this.state === CLOSED) return;
    // A client that is silent or slow may reconnect over another link.
    if (error.code !== 'ERR_PRIMUS_DROPPED' && this.survives(error)) {
      this.detach(true);
      this.session?.leave();
      return;
    }
    if (this.stage === 'announced') this.finish(error);
    else {
      this.lost ??= error;
      this.kept = undefined;
      this.waiting?.release();
      this.waiting = undefined;
    }
    if (closeCode === undefined) this.link?.destroy();
    else this.link?.close(closeCode, error.reason);
  }

  pause(paused: boolean): void {
    this.flow(USER, paused);
    if (!paused) this.early?.deliver();
  }

  /** Assigns `readyState` from outside, as old plugins do. */
  assignState(state: ReadyState): void {
    if (this.state === state) return;
    this.state = state;
    this.events.add(() => this.dispatch('readyStateChange', state === OPEN ? 'open' : state === CLOSED ? 'end' : 'opening'));
  }

  /** Emits `outgoing::data` after a frame was sent on the link, by this connection or in a broadcast. */
  sent(frame: Frame, isShared = false): void {
    this.emitInternal('outgoing::data', frame);
    this.checkBuffer(frame, isShared);
  }

  /** Sends a ping to this connection alone. */
  ping(): void {
    const stamp = Math.floor(this.host.scheduler.now());
    this.pinged(stamp);
    if (this.state === OPEN) this.control({ type: 'ping', value: String(stamp) });
  }

  /** Emits `outgoing::ping` before a ping is sent. */
  pinged(stamp: number): void {
    if (this.state === OPEN) this.dispatch('outgoing::ping', stamp);
  }

  /** Reports an error of the application's own code: as an `error` event, or as a warning where there is no listener for it. */
  reportListenerError(thrown: unknown): void {
    if (this.state === CLOSED || this.subject.listenerCount('error') === 0) this.host.warn(thrown);
    else this.fail(asError(thrown));
  }

  // Calls of the channel.

  /** Reports a message that was lost: as an `error` event; after the end, or without a listener, in the log. Never throws. */
  fail(error: Error): void {
    if (this.state === CLOSED || this.subject.listenerCount('error') === 0) this.host.log('error', error);
    else this.events.add(() => this.emitError(error));
  }

  deliver(data: unknown, raw: Frame): void {
    if (this.state !== OPEN) return;
    this.alive = true;
    this.quietSweeps = 0;
    if (this.stage !== 'announced') this.isPulled = false;
    if (this.early !== undefined) {
      if (this.early.keeps(data, raw)) return;
      if (this.early.isOver) this.early = undefined;
    }
    this.emitData(data, raw);
  }

  // Calls of the early messages, and of the channel.

  emitData(data: unknown, raw: Frame): void {
    if (this.state !== OPEN) return;
    const { events } = this;
    if (events.begin()) {
      this.dispatch('data', data, raw);
      events.end();
    } else events.add(() => this.dispatch('data', data, raw));
  }

  get isPaused(): boolean {
    return (this.paused & USER) !== 0 && this.lost === undefined;
  }

  suspendEarly(isSuspended: boolean): void {
    if (this.state === OPEN) this.flow(EARLY, isSuspended);
  }

  earlyDelivered(): void {
    if (this.early?.isOver) this.early = undefined;
    const { left } = this;
    this.left = undefined;
    left?.();
  }

  unheard(): void {
    this.host.unheard(this);
  }

  handleControl(control: Control): void {
    // An asynchronous parser may answer after the end.
    if (this.state !== OPEN) return;
    if (control.type === 'pong') {
      const sent = Number(control.value);
      this.dispatch('incoming::pong', sent);
      if (this.state === OPEN) this.events.add(() => this.dispatch('heartbeat', this.host.scheduler.now() - sent));
    } else if (control.type === 'id' && control.value === '') {
      this.channel.control({ type: 'id', value: this.subject.id });
    }
  }

  forward(data: unknown): boolean {
    // This message may end the connection, as one too many for a slow consumer: then it is not lost here.
    const wasClosed = this.state === CLOSED;
    const accepted = this.subject._write(data as never);
    if (wasClosed) this.host.log('lost', `A message to ${this.subject.id} was still being transformed when the connection ended`);
    return accepted;
  }

  transmit(frame: Frame, data: unknown): void {
    const { link, session } = this;
    // A control message is of no use on another link.
    if (session !== undefined && (session.keeps(frame, data) || session.isAway)) return;
    if (this.state !== OPEN || link === undefined) {
      if (isControl(data)) return;
      this.host.log('lost', `A message to ${this.subject.id} was still being encoded when the connection ended`);
      return;
    }
    link.send(frame);
    this.sent(frame);
  }

  pressure(high: boolean): void {
    this.flow(PRESSURE, high);
  }

  queued(data: unknown): () => void {
    const bytes = sizeOf(data);
    if (this.state === OPEN) this.buffer.queued(bytes);
    return () => {
      this.waiting?.queued(-bytes);
      this.forgetBuffer();
    };
  }

  queuedFrame(frame: Frame): () => void {
    this.received(costOf(frame));
    return () => this.received(-costOf(frame));
  }

  // Calls of the buffer.

  suspend(isSuspended: boolean): void {
    if (this.state === OPEN) this.flow(MEMORY, isSuspended);
  }

  drained(): void {
    this.forgetBuffer();
    this.session?.catchUp();
    if (this.state !== OPEN || this.crowded) return;
    this.events.add(() => this.emitInternal('drain'));
    if (this.awaitingDrain !== undefined) this.callDrained();
  }

  private callDrained(): void {
    const { awaitingDrain } = this;
    this.awaitingDrain = undefined;
    for (const done of awaitingDrain ?? []) done();
  }

  private receive(frame: Frame): void {
    if (this.state !== OPEN) return;
    this.emitInternal('incoming::data', frame);
    this.channel.receive(frame);
  }

  private keep(frame: Frame): void {
    if (this.state === CLOSED || this.lost !== undefined) return;
    if (this.kept === undefined) {
      this.kept = new KeptFrames();
      this.flow(KEPT, true);
      if (this.stage === 'announced') this.proceedLater();
    }
    const { kept } = this;
    kept.add(frame);
    // The connection may be terminated by this, and keeps nothing then.
    this.received(costOf(frame));
    if (this.isPulled) this.feed();
    // Where a framework cannot stop reading, its peer has to wait for the messages at last.
    const { maxBuffer } = this.host;
    if (this.stage === 'announced' && kept.bytes > maxBuffer) this.proceed(() => kept.bytes <= maxBuffer / 2);
  }

  /** Receives kept frames up to the next message, and reads on for it. */
  private feed(): void {
    const { kept } = this;
    while (this.isPulled && this.stage === 'introduced' && kept !== undefined && kept === this.kept) {
      const frame = kept.take();
      if (frame === undefined) {
        this.kept = undefined;
        this.flow(KEPT, false);
        return;
      }
      this.receive(frame);
      // Not before: what it leaves is collected then.
      this.received(-costOf(frame));
      // It may be under way to the loop.
      if (this.channel.isReceiving) return this.channel.drain(() => this.feed());
    }
  }

  /** Receives a few of the frames that were kept in a later turn of the event loop: all connections that wait share it. */
  private proceedLater(): void {
    runLater(() => this.proceed(fewOfTurn()));
  }

  /** Receives the frames that were kept, at least one, and the rest in later turns when they take too long. */
  private proceed(exceeds: (length: number) => boolean): void {
    if (this.state === CLOSED) return;
    const { kept } = this;
    for (let frame = kept?.take(); frame !== undefined; frame = kept?.take()) {
      this.receive(frame);
      this.received(-costOf(frame));
      if (kept?.next === undefined || !exceeds(kept.next.length)) continue;
      this.proceedLater();
      return;
    }
    this.kept = undefined;
    this.flow(KEPT, false);
    const { settled } = this;
    this.settled = undefined;
    settled?.();
    if (this.lost !== undefined) this.leave(this.lost);
  }

  /** Notes that a received message of so many bytes waits; with a negative number, that one does no longer. */
  received(bytes: number): void {
    if (this.state === OPEN && (bytes > 0 || this.waiting !== undefined)) this.buffer.received(bytes);
    this.forgetBuffer();
  }

  private checkBuffer(frame: Frame, isShared: boolean): void {
    const { link } = this;
    if (link !== undefined && (this.waiting !== undefined || link.bufferedAmount > this.host.highWater)) this.sentMuch(frame, isShared);
  }

  private sentMuch(frame: Frame, isShared: boolean): void {
    if (this.state === OPEN) this.buffer.sent(frame, isShared);
    this.forgetBuffer();
  }

  private get buffer(): ConnectionBuffer {
    this.waiting ??= new ConnectionBuffer(this, this.host);
    return this.waiting;
  }

  private forgetBuffer(): void {
    if (this.waiting?.isEmpty) this.waiting = undefined;
  }

  /** Emits an internal event. It does not call the spark's `emit`, which takes events of such a name for injected ones. */
  private emitInternal(event: string, ...args: unknown[]): void {
    try {
      emit.call(this.subject, event, ...args);
    } catch (thrown) {
      this.reportListenerError(thrown);
    }
  }

  /** Emits one event of the spark. A listener that throws affects this connection only. */
  private dispatch(event: string, ...args: unknown[]): void {
    try {
      this.subject.emit(event, ...args);
    } catch (thrown) {
      this.reportListenerError(thrown);
    }
  }

  private emitError(error: Error): void {
    try {
      this.subject.emit('error', error);
    } catch (thrown) {
      this.host.log('error', 'An error listener threw', thrown);
    }
  }

  private flow(reason: number, stop: boolean): void {
    const before = this.paused;
    this.paused = stop ? before | reason : before & ~reason;
    if (before === 0 && this.paused !== 0) this.link?.pause?.();
    else if (before !== 0 && this.paused === 0) this.link?.resume?.();
  }

  /** Whether the connection goes on without a link that has ended, or should end, so. */
  private survives(error: LinkError | undefined): boolean {
    return this.session !== undefined && this.writable && this.session.survives(error);
  }

  private linkOver(error: LinkError | undefined): void {
    if (this.survives(error)) {
      this.detach(false);
      this.session?.leave();
      return;
    }
    this.linkEnded = true;
    if (this.state === CLOSED || this.lost !== undefined) return;
    this.lost = error ?? null;
    this.emitInternal('incoming::end');
    if (this.stage === 'announced' && this.kept === undefined) this.leave(this.lost);
  }

  /** Ends the connection after everything received so far. Where that takes too long, the heartbeat terminates it. */
  private leave(how: LinkError | null): void {
    this.channel.drain(() => {
      this.early?.deliver();
      if (this.early === undefined || this.early.isEmpty) this.finish(how);
      else this.left = () => this.finish(how);
    });
  }

  private finish(error: LinkError | null): void {
    if (this.state === CLOSED) return;
    if (error !== null && (error.cause !== undefined || error.code !== 'ERR_PRIMUS_DROPPED')) this.fail(error);
    this.state = CLOSED;
    this.session?.end(error !== null);
    this.endTimer?.unsubscribe();
    this.kept = undefined;
    this.early?.discard();
    this.early = undefined;
    this.waiting?.release();
    this.waiting = undefined;
    this.channel.close();
    if (this.awaitingDrain !== undefined) this.callDrained();
    const emitEnd = (): void => {
      this.dispatch('end');
      // A stream that pipes into a spark waits for this event; plugins that forward events need not see it.
      this.emitInternal('close');
    };
    this.events.add(() => {
      this.dispatch('readyStateChange', 'end');
      this.emitInternal('outgoing::end');
    });
    const leave = (): void => {
      // At once: while an event is being emitted, those of the end have to wait, but nothing finds the spark any more.
      const wasRegistered = this.host.remove(this);
      this.events.add(() => {
        if (wasRegistered) this.host.disconnected(this, () => this.events.add(emitEnd));
        else emitEnd();
      });
    };
    if (this.stage === 'registered') this.heldEnd = leave;
    else leave();
  }
}
