import type { IncomingMessage } from 'node:http';
import { type SchedulerLike, Subject, type Subscription } from 'rxjs';
import type { ChannelSession } from '../../core/channel.js';
import { LinkError } from '../../core/errors.js';
import { ownFrame } from '../../core/ledger.js';
import type { Frame, Link } from '../../core/link.js';
import { isControl } from '../../core/protocol.js';
import { type Gap, type GapReason, parseClientWord, type Resumed } from '../../core/session-words.js';
import type { Budget, BudgetHolder } from './budget.js';
import { ExactLedger } from './exact-ledger.js';
import type { Counts, Handover, Offer, SessionState } from './offer.js';

/** The bytes of a spark and its session, beside its messages and the headers of its request. */
const SPARK = 6_144;

/** The bytes that a session reports at once for messages to come. Over the limit of the budget, each session reports what it keeps. */
const RESERVE = 4_096;

/** How long a session survives whose client has not proven yet to know it, in ms: the client may not have received its token. */
const UNPROVEN = 5_000;

/** The close codes of connections that end because a peer broke a rule: the same messages would break it again. */
const BROKEN_RULES = new Set([1002, 1003, 1007, 1008, 1009, 1010]);

/** The connection of a session, as far as the session uses it. */
export interface SessionConnection {
  /** The network of the client. */
  readonly ip: string;
  /** Whether it accepts messages. */
  readonly writable: boolean;
  /** Makes the connection count its messages for a session. */
  begin(session: Session): void;
  control(control: { type: 'server::ack' | 'server::session' | 'server::gap'; value: string }): void;
  /** Reads nothing from the link any more. `isOpen`: it may not know that it is lost, and is terminated. */
  detach(isOpen: boolean): void;
  /** Goes on over another link, from a client at that address. */
  attach(link: Link, address: object): void;
  /** Whether the client is behind with what was sent on the link. `drained` follows. */
  readonly isBehind: boolean;
  /** Sends a frame again. */
  resend(frame: Frame): void;
  /** Calls back when everything received so far was delivered. */
  whenSettled(done: () => void): void;
  /** Accepts no more messages, calls back when those written before were encoded, and ends after everything received so far. */
  retire(encoded: () => void): void;
  terminate(error: LinkError, closeCode: number): void;
  /** Lets writers go on that have waited, unless the client is behind. It is sent what it has missed first. */
  drained(): void;
  /** Runs something in the order of the spark's events. */
  enqueue(emit: () => void): void;
}

/** The sessions of a server, as far as one of them uses them. */
export interface SessionHost {
  readonly scheduler: SchedulerLike;
  /** In ms. */
  readonly window: number;
  /** In bytes. */
  readonly ring: number;
  readonly budget: Budget;
  /** Frees the place of a request in the limits of the server. */
  free(request: IncomingMessage): void;
  /** Returns the address of the client of a request. */
  addressOf(request: IncomingMessage): object;
  owe(session: Session): void;
  prove(session: Session): void;
  forget(session: Session, reason: GapReason): void;
}

/** The attempt of a link to resume a session. */
export interface Claimant {
  /** Called when the session ends before, or when another link resumes it. */
  lost(reason: GapReason): void;
}

/** A change of a spark's session: its link is lost, it is resumed, or it is over and messages may be lost. */
export type SessionChange = { readonly type: 'away' } | Resumed | Gap;

/**
 * The session of one connection, which survives its link. It counts the messages, keeps those that the client has not acknowledged, and sends
 * them again over the next link.
 *
 * ```
 *       link lost                 resumed: fence ─> drain ─> answer ─> attach
 * open ───────────> away ─┬───────────────────────────────────────────────────> open
 *                         └─ window, overflow, budget ─> over: gap, `disconnection`
 * ```
 */
export class Session implements ChannelSession, BudgetHolder {
  readonly connection: SessionConnection;
  /** The token that the client has proven to have. */
  token: string;
  /** The request of the link, or of the last one. */
  request: IncomingMessage;
  /** Whether nothing resumes it any more. */
  isOver = false;
  /** Whether the client has shown that it knows the session. */
  isProven = false;
  readonly #sessions: SessionHost;
  #ledger: ExactLedger | undefined;
  /** The bytes that the budget has for its messages. */
  #counted = 0;

  // Declared: a session that never lost its link has no memory for these.

  /** The identity of its user, if the server asks for it; `null` when it could not be found out. */
  declare readonly identity?: string | null;
  /** The time at which the link was lost; `undefined` while there is one. */
  declare awaySince?: number | undefined;
  /** The token that the client was sent, and may not have received. */
  declare next?: string | undefined;
  /** The token before the present one: who has it was overtaken. */
  declare retired?: string | undefined;
  /** The end of the time that the client has. */
  declare private expiry?: Subscription | undefined;
  declare private changes?: Subject<SessionChange>;
  /** The attempt to resume that is under way: the latest one. */
  declare private claimant?: Claimant | undefined;
  /** The counts at the last resumption. */
  declare private last?: { readonly received: number; readonly delivered: number };
  /** Runs while the session is resumed again and again, and no message arrives although some are to. */
  declare private stall?: Subscription | undefined;
  /** The number of messages that the client has been sent, while it is sent what it has missed. Those written meanwhile wait behind. */
  declare private position?: number | undefined;
  /** Whether the client has ended it. */
  declare private isLeft?: true;
  /** The frames to come that the application has injected: they are not the client's. */
  declare private injected?: Frame[];
  /** The session of another server that this one goes on with, until the connection is registered. */
  declare private offer?: Offer | undefined;
  /** The outcome of a session that was on another server: it is emitted when the connection is announced. */
  declare private outcome?: Resumed | undefined;
  /** Sends a message to the server that goes on with the session. */
  declare private follow?: (frame: Frame) => void;

  constructor(
    sessions: SessionHost,
    connection: SessionConnection,
    request: IncomingMessage,
    token: string,
    identity: string | null | undefined,
  ) {
    this.#sessions = sessions;
    this.connection = connection;
    this.request = request;
    this.token = token;
    if (identity !== undefined) this.identity = identity;
  }

  /** The account of its messages. Created for the first one. */
  get ledger(): ExactLedger {
    this.#ledger ??= new ExactLedger(this.#sessions.ring);
    return this.#ledger;
  }

  /** Whether there is no link. */
  get isAway(): boolean {
    return this.awaySince !== undefined;
  }

  /** Whether the client is still to be sent messages that it has missed. */
  get isCatchingUp(): boolean {
    return this.position !== undefined;
  }

  /** The network of the client. */
  get network(): string {
    return this.connection.ip;
  }

  get weight(): number {
    const { url = '', headers } = this.request;
    return Object.entries(headers).reduce((bytes, [name, value = '']) => bytes + name.length + value.length, SPARK + url.length);
  }

  /** Emits the changes, in the order of the connection's events; completes with the connection. Created on first access. */
  get change$(): Subject<SessionChange> {
    this.changes ??= new Subject();
    return this.changes;
  }

  // Calls of the channel, and of broadcasts: each message is counted here.

  keeps(frame: Frame, data: unknown): boolean {
    return !isControl(data) && !this.sent(ownFrame(frame));
  }

  /** Counts and keeps a message that is sent, in memory of its own. Returns whether there is a link to send it on now. */
  sent(frame: Frame): boolean {
    const { ledger } = this;
    if (this.isOver) {
      // It was still being encoded, or the client is closing: nothing keeps it, but it counts among those that may be lost.
      ledger.sent += 1;
      this.follow?.(frame);
      return !this.isAway;
    }
    const isNow = !this.isAway && !this.isCatchingUp;
    const fits = ledger.record(frame);
    if (!fits && (this.isAway || this.hasHole)) this.expire('overflow');
    else if (this.isAway) this.measure();
    else if (ledger.bytes > this.#counted) this.reserve();
    return isNow;
  }

  read(frame: Frame, data?: unknown): boolean {
    const { ledger, injected } = this;
    const isInjected = injected?.[0] === frame;
    if (isInjected) injected.shift();
    if (isControl(data)) return this.handleControl(data);
    if (!isInjected && !this.isOver) {
      this.isProven = true;
      if (!ledger.owes) this.#sessions.owe(this);
      if (ledger.receive(frame)) this.acknowledge();
    }
    return false;
  }

  // Calls of the connection.

  /** Notes that the application injects a frame, which is read later. */
  inject(frame: Frame): void {
    this.injected ??= [];
    this.injected.push(frame);
  }

  /** Acknowledges what was received, if there is a link. */
  acknowledge(): void {
    if (this.isAway || this.isOver || !this.ledger.owes) return;
    this.connection.control({ type: 'server::ack', value: `${this.ledger.acknowledge()}` });
  }

  /** Whether the connection survives a link that ended so. It does not when a peer broke a rule, as the same messages would break it again. */
  survives(error: LinkError | undefined): boolean {
    if (this.isOver) return false;
    const { code, closeCode, cause } = error ?? {};
    if (code !== undefined && !/DROPPED|SILENCE|SLOW_PEER/.test(code)) return false;
    const { code: found } = (cause ?? {}) as { code?: unknown };
    // A socket that was reset is lost, whatever code a framework has for that.
    if (found === 'ECONNRESET') return true;
    return !BROKEN_RULES.has(closeCode ?? 0) && !/^WS_ERR/.test(`${found}`);
  }

  /** Waits for another link. */
  leave(): void {
    if (this.isAway || this.isOver) return;
    this.position = undefined;
    const { scheduler, window } = this.#sessions;
    this.awaySince = scheduler.now();
    this.expiry = scheduler.schedule(() => this.expire('expired'), this.isProven ? window : Math.min(window, UNPROVEN));
    this.#sessions.free(this.request);
    this.emit({ type: 'away' });
    // A subscriber may have ended it. Over the budget, it may be this one that ends.
    if (this.isOver) return;
    this.measure();
    this.#sessions.budget.leave(this, this.#counted);
  }

  /** Ends with the connection. `isLoss`: its link was lost, or terminated, so that messages in either direction may be lost. */
  end(isLoss: boolean): void {
    const { unconfirmed } = this.ledger;
    // A client that has ended has named the messages that it has received. The gap of another session that is over was emitted.
    const hasGap = this.isLeft ? unconfirmed > 0 : !this.isOver && (isLoss || this.isAway);
    this.release();
    if (hasGap) this.emit({ type: 'gap', reason: 'expired', unconfirmed });
    this.connection.enqueue(() => this.changes?.complete());
  }

  // Calls of the sessions of the server, and of a link that resumes.

  /** Ends the session and its connection, as messages may be lost. */
  expire(reason: GapReason): void {
    if (this.isOver) return;
    this.connection.detach(true);
    this.release(reason);
    this.connection.retire(() => this.emit({ type: 'gap', reason, unconfirmed: this.ledger.unconfirmed }));
  }

  /** Drops so many bytes of the oldest messages that are kept, or more. */
  shed(bytes: number): void {
    this.ledger.narrow(Math.max(0, this.ledger.bytes - bytes));
    this.report();
    if (this.hasHole) this.expire('budget');
  }

  /** Measures what it keeps, and reports that to the budget. */
  measure(): void {
    this.ledger.measure();
    this.report();
  }

  /** Lets nothing resume the session any more, and forgets what it keeps. */
  release(reason: GapReason = 'expired'): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.isCatchingUp) this.position = undefined;
    this.expiry?.unsubscribe();
    this.stall?.unsubscribe();
    this.#sessions.forget(this, reason);
    this.#sessions.budget.return(this, this.#counted);
    this.ledger.narrow(0);
    this.report();
    const { claimant } = this;
    if (claimant === undefined) return;
    this.claimant = undefined;
    claimant.lost(reason);
  }

  /** Gives the link up, which may not know yet that it is lost, and calls back when all that it has received was delivered. */
  claim(claimant: Claimant, settled: () => void): void {
    const { claimant: before } = this;
    this.claimant = claimant;
    before?.lost('taken');
    this.connection.detach(true);
    this.leave();
    if (this.claimant === claimant) this.connection.whenSettled(() => this.claimant === claimant && settled());
  }

  // Calls of a cluster.

  /** Returns what another server needs to go on with the session. */
  snapshot(): SessionState {
    const { ledger, retired } = this;
    const { sent, received, confirmed } = ledger;
    const away = Math.max(0, this.#sessions.scheduler.now() - (this.awaySince ?? this.#sessions.scheduler.now()));
    return { sent, received, confirmed, frames: ledger.since(ledger.from) ?? [], away, retired };
  }

  /**
   * Ends the connection without a gap: another server goes on with the session. Calls `follow` with each message that is still being encoded,
   * and `encoded` behind the last one.
   */
  move(follow: (frame: Frame) => void, encoded: () => void): void {
    this.claimant = undefined;
    this.follow = follow;
    this.release();
    this.connection.retire(encoded);
  }

  /** Goes on with the session of another server, over the link of a new connection, which has sent the answer. */
  adopt({ offer, claim }: Handover): void {
    const { ledger } = this;
    const { state } = offer;
    ledger.sent = ledger.from = state.sent - state.frames.length;
    for (const frame of state.frames) ledger.record(frame);
    ledger.received = state.received;
    ledger.confirmed = state.confirmed;
    ledger.acknowledge();
    this.isProven = true;
    this.offer = offer;
    const { received, sent = ledger.received } = claim;
    if (ledger.sent > received) this.position = received;
    this.outcome = { type: 'resumed', missed: sent - ledger.received, resent: ledger.sent - received, away: state.away };
    this.measure();
    if (this.hasHole) this.expire('overflow');
    else this.catchUp();
  }

  /** Notes that the server has registered the spark, which is not announced yet. */
  registered(spark: unknown): void {
    const { offer } = this;
    if (offer === undefined) return;
    this.offer = undefined;
    offer.taken(spark);
  }

  /** Emits the outcome of a session that was on another server. */
  announced(): void {
    const { outcome } = this;
    if (outcome === undefined) return;
    this.outcome = undefined;
    this.emit(outcome);
  }

  /** Gives the attempt up: its link was lost. */
  abandon(claimant: Claimant): void {
    if (this.claimant === claimant) this.claimant = undefined;
  }

  /** Returns why a client with these counts cannot resume the session, if so. */
  obstacle({ received, from = 0, sent = this.ledger.received }: Counts): GapReason | undefined {
    const { ledger } = this;
    // The counts of another session.
    if (sent < ledger.received || !ledger.confirm(received)) return 'epoch';
    if (from > ledger.received || ledger.from > received) return 'overflow';
    this.report();
    return this.isStuck(received, sent) ? 'stuck' : undefined;
  }

  /** Whether nothing has arrived, for longer than the window, of what the session is resumed for. One message may end each link. */
  private isStuck(received: number, sent: number): boolean {
    const { ledger, last } = this;
    const isStalled =
      last !== undefined &&
      ((sent > ledger.received && last.received === ledger.received) || (ledger.sent > received && last.delivered === received));
    this.last = { received: ledger.received, delivered: received };
    if (isStalled && this.stall?.closed) return true;
    if (!isStalled) {
      this.stall?.unsubscribe();
      this.stall = undefined;
    } else this.stall ??= this.#sessions.scheduler.schedule(() => this.stall?.unsubscribe(), this.#sessions.window);
    return false;
  }

  /**
   * Sends again what the client has missed, until it is behind: the rest follows when that has left. `isLast`: the connection ends, and is
   * sent all of it at once.
   */
  catchUp(isLast = false): void {
    const { connection, ledger } = this;
    if (this.position === undefined) return;
    this.position = Math.max(this.position, ledger.confirmed);
    for (const frame of ledger.since(this.position) ?? []) {
      if (connection.isBehind && !isLast) return;
      this.position += 1;
      connection.resend(frame);
      // The link was lost by this.
      if (this.position === undefined) return;
    }
    this.position = undefined;
  }

  /** Goes on over a link that has sent the answer: sends again what the client has not received. */
  attach(link: Link, request: IncomingMessage, { received, sent = this.ledger.received }: Counts): void {
    const { scheduler } = this.#sessions;
    const { ledger } = this;
    const away = Math.max(0, scheduler.now() - (this.awaySince ?? scheduler.now()));
    this.claimant = undefined;
    this.expiry?.unsubscribe();
    this.expiry = undefined;
    this.awaySince = undefined;
    this.#sessions.budget.return(this, this.#counted);
    this.request = request;
    ledger.acknowledge();
    this.connection.attach(link, this.#sessions.addressOf(request));
    if (ledger.sent > received) this.position = received;
    this.emit({ type: 'resumed', missed: sent - ledger.received, resent: ledger.sent - received, away });
    this.connection.drained();
  }

  /** Whether a message had to go that the client should still be sent. */
  private get hasHole(): boolean {
    return (this.position ?? Infinity) < this.ledger.from;
  }

  private handleControl(text: string): boolean {
    const word = parseClientWord(text);
    if (word?.type === 'ack') this.confirm(word.received);
    else if (word?.type === 'bye' && !this.isOver) {
      this.ledger.confirm(word.received);
      this.isLeft = true;
      this.release();
      // The link was lost before it was decoded: nothing else ends the connection.
      if (this.isAway) this.connection.retire(() => {});
    }
    return word !== undefined;
  }

  private confirm(received: number): void {
    if (this.isOver) return;
    if (!this.ledger.confirm(received)) return this.breach();
    this.isProven = true;
    this.report();
    // The client has the token that came with the link.
    if (this.next !== undefined && !this.isAway) this.#sessions.prove(this);
  }

  /** Ends the connection with a client that has received more than was sent. */
  private breach(): void {
    const reason = 'More messages acknowledged than were sent';
    this.connection.terminate(new LinkError('ERR_PRIMUS_DROPPED', reason, { closeCode: 1002, reason }), 1002);
  }

  /** Reports more bytes than are kept: the next messages need not be reported. */
  private reserve(): void {
    const { budget } = this.#sessions;
    const grown = this.ledger.bytes + RESERVE - this.#counted;
    this.#counted += grown;
    budget.measured(this, false);
    budget.add(this, grown);
  }

  /** Reports to the budget how many bytes are kept. */
  private report(): void {
    const { bytes } = this.ledger;
    const grown = bytes - this.#counted;
    this.#counted = bytes;
    // Seldom: when all was acknowledged, or measured.
    if (grown <= 0 && this.ledger.isExact) this.#sessions.budget.measured(this, true);
    this.#sessions.budget.add(this, grown);
  }

  private emit(change: SessionChange): void {
    const { changes } = this;
    if (changes?.observed) this.connection.enqueue(() => changes.next(change));
  }
}
