import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { type SchedulerLike, Subscription } from 'rxjs';
import type { ChannelGap } from '../core/channel-words.js';
import type { Frame } from '../core/link.js';
import type { Delivery, Keep, Log, LogRead, Position } from './bus.js';

/** An entry of a history, as the clients of this node get it. */
export interface Entry {
  readonly at: Position;
  /** The offset of the entry before it. */
  readonly previous: number;
  readonly frame: Frame;
}

/** The messages that a subscriber gets when it joins a history. */
export type Catchup =
  | { readonly outcome: 'live'; readonly from: Position; readonly entries: readonly Entry[] }
  | { readonly outcome: 'recovered'; readonly from: Position; readonly entries: readonly Entry[] }
  | { readonly outcome: 'gap'; readonly reason: ChannelGap; readonly from: Position | undefined; readonly entries: readonly Entry[] };

/** The part of a channel that its history uses. */
export interface HistoryParts {
  readonly topic: string;
  readonly keep: Keep;
  readonly scheduler: SchedulerLike;
  readonly log: () => Log | undefined;
  /** Turns what was appended into what clients get. Returns `undefined` for what is no message of a channel. */
  readonly frameOf: (delivery: Delivery) => Promise<Frame | undefined> | Frame | undefined;
  /** Sends an entry to all subscribers. */
  readonly deliver: (entry: Entry) => void;
  /** Reports to all subscribers that entries are missing. */
  readonly gap: (reason: ChannelGap, position: Position | undefined) => void;
  readonly report: (error: unknown) => void;
}

/** How many entries are read at once. */
const LIMIT = 1_000;

/** How many bytes may be announced during a read; beyond, the oldest are read from the log as well. */
const ANNOUNCED = 16_777_216;

/** How long after an engine that did not answer the history is read again, in ms. */
const AGAIN = 1_000;

/**
 * The history of one channel, as this node follows it: it delivers every entry once and in order, reads what it has missed from the log, and reports
 * a gap when that is not kept. It keeps the last entries, so that subscribers need not read the log each.
 *
 * ```
 * log, announced   --1--2-----4--5--
 *                             └ read behind 2
 * delivered        --1--2-----(34)-5-
 * ```
 */
export class History {
  readonly #parts: HistoryParts;
  /** The position of the last entry that was delivered; `undefined` before the first read. */
  #position: Position | undefined;
  readonly #kept: { readonly entry: Entry; readonly checksum: number; readonly until: number }[] = [];
  /** The last entry that was delivered. */
  #last: Delivery | undefined;
  /** The entries that were announced during a read, and their bytes. */
  #announced: Delivery[] = [];
  #announcedBytes = 0;
  #isReading = false;
  /** Whether the log should be read, because something may have been missed meanwhile. */
  #isStale = false;
  /** Whether the engine was away since it was read. */
  #isSuspect = false;
  #hasFailed = false;
  #isClosed = false;
  /** Reads again when the engine did not answer. */
  #again = Subscription.EMPTY;
  /** Why nothing is delivered until the log has been read from its beginning: it was never read, or it is another one. */
  #anew: ChannelGap | undefined = 'engine';
  /** The callbacks that wait for a read. */
  #waiting: (() => void)[] = [];

  constructor(parts: HistoryParts) {
    this.#parts = parts;
  }

  /** The position of the last entry that every subscriber has been sent, or has a gap for; `undefined` while that is not known. */
  get position(): Position | undefined {
    return this.#anew === undefined ? this.#position : undefined;
  }

  /** Takes an entry that was announced. */
  announce(delivery: Delivery): void {
    this.#announced.push(delivery);
    this.#announcedBytes += delivery.data.length;
    // The log has them as well.
    if (this.#announcedBytes > ANNOUNCED) this.#next();
    if (!this.#isReading) void this.#proceed(false);
  }

  /** Reads what may have been missed: at the beginning, and when the engine was away. */
  refresh(): void {
    if (!this.#isReading) void this.#proceed(true);
    else this.#isStale = true;
  }

  /** Looks at the last entry again before the next one is delivered: the engine is away, and may return with another history. */
  suspect(): void {
    this.#isStale = true;
    this.#isSuspect = true;
    this.#clear();
  }

  /** Whether it is known what a subscriber is missing. */
  knows(since: Position | 'head' | null): boolean {
    return this.#anew === undefined && !this.#isUnknown(since);
  }

  /** Calls back when it is known what a subscriber is missing, at once if it is. */
  whenReadBehind(since: Position | 'head' | null, done: () => void): void {
    if (this.knows(since)) return done();
    this.#waiting.push(done);
    if (this.#anew === undefined) this.refresh();
  }

  /** Whether this node has not received what a subscriber has: another node may have been faster. */
  #isUnknown(since: Position | 'head' | null): boolean {
    if (since === 'head' || since === null) return false;
    return since.epoch !== this.#position?.epoch || since.offset > this.#position.offset;
  }

  /** Returns what a subscriber is missing: behind a position, or all that is kept (`null`), or nothing (`head`). */
  catchUp(since: Position | 'head' | null): Catchup {
    const head = this.#position;
    if (head === undefined || this.#anew !== undefined) return { outcome: 'gap', reason: 'engine', from: undefined, entries: [] };
    if (since === 'head') return { outcome: 'live', from: head, entries: [] };
    const kept = this.#current();
    const all = { from: { epoch: head.epoch, offset: kept[0]?.previous ?? head.offset }, entries: kept };
    if (since === null) return { outcome: 'live', ...all };
    if (since.epoch !== head.epoch) return { outcome: 'gap', reason: 'epoch', ...all };
    // The engine has lost what this subscriber received.
    if (since.offset > head.offset) return { outcome: 'gap', reason: 'epoch', from: head, entries: [] };
    if (since.offset < all.from.offset) return { outcome: 'gap', reason: 'trimmed', ...all };
    const entries = kept.filter(({ at }) => at.offset > since.offset);
    return { outcome: 'recovered', from: since, entries };
  }

  close(): void {
    this.#isClosed = true;
    this.#clear();
    this.#again.unsubscribe();
    for (const done of this.#waiting.splice(0)) done();
  }

  /** Delivers what was announced, and reads the log where entries are missing. One run at a time. */
  async #proceed(reads: boolean): Promise<void> {
    this.#isReading = true;
    let isDue = reads;
    try {
      while (!this.#isClosed) {
        if (isDue || this.#isStale) {
          this.#isStale = false;
          await this.#read();
          isDue = false;
        }
        const next = this.#next();
        if (next !== undefined) isDue = !(await this.#take(next));
        else if (!this.#isStale) break;
      }
      this.#hasFailed = false;
    } catch (error) {
      // Once, not at every attempt.
      if (!this.#hasFailed) this.#parts.report(error);
      this.#hasFailed = true;
      this.#clear();
      this.#again.unsubscribe();
      if (!this.#isClosed) this.#again = this.#parts.scheduler.schedule(() => this.refresh(), AGAIN);
    } finally {
      this.#isReading = false;
    }
  }

  /** Forgets what was announced: the log has it, or another history. */
  #clear(): void {
    this.#announced = [];
    this.#announcedBytes = 0;
  }

  #next(): Delivery | undefined {
    const next = this.#announced.shift();
    this.#announcedBytes -= next?.data.length ?? 0;
    return next;
  }

  /** Delivers an announced entry. Returns false when entries before it are missing. */
  async #take(delivery: Delivery): Promise<boolean> {
    const { at } = delivery;
    const position = this.#position;
    if (at === undefined) return true;
    if (position === undefined || at.epoch !== position.epoch) return false;
    if (at.offset <= position.offset) return true;
    if (previousOf(delivery) !== position.offset) return false;
    await this.#add(delivery, at);
    return true;
  }

  /** Reads what follows the position, and delivers it. After the engine was away, this begins with the last entry that was delivered. */
  async #read(): Promise<void> {
    let last = this.#last;
    for (;;) {
      const position = this.#position;
      const since = last?.at === undefined ? position : { ...last.at, offset: previousOf(last) };
      const read = await this.#parts.log()?.read(this.#parts.topic, since ?? { epoch: '', offset: 0 }, LIMIT);
      if (read === undefined) throw new Error('The engine keeps no history');
      if (this.#isClosed) return;
      const isOther = last !== undefined && read.whole && !isSame(last, read.entries[0]);
      // It may just be older than what is kept. Where the engine was away, there may have been another one in its place: that is a gap.
      const isUnverified = this.#isSuspect && read.head.epoch === position?.epoch && read.head.offset > position.offset;
      if (last !== undefined && !read.whole && !isUnverified) {
        last = undefined;
        continue;
      }
      last = undefined;
      const { head } = read;
      // A copy that had not received everything took over: what it has received since, before it was looked at, is not known.
      if (isOther || (head.epoch === position?.epoch && head.offset < position.offset)) {
        this.#forget(undefined);
        this.#anew = 'epoch';
        continue;
      }
      if (position === undefined) this.#forget(read);
      else if (!read.whole) {
        // An engine that was restarted may have what was delivered, in another epoch.
        const known = this.#lastKnown(read.entries);
        this.#forget(read);
        for (const entry of read.entries.slice(0, known + 1)) if (entry.at !== undefined) await this.#add(entry, entry.at, false);
        if (this.#anew === undefined) this.#parts.gap(head.epoch === position.epoch ? 'trimmed' : 'epoch', this.#position);
      }
      for (const entry of read.entries) {
        // Some were delivered before.
        if (entry.at !== undefined && entry.at.offset > (this.#position as Position).offset) await this.#add(entry, entry.at);
      }
      const { offset } = this.#position as Position;
      if (offset >= head.offset || offset === position?.offset) break;
    }
    if (this.#anew !== undefined) {
      // Those who did not wait go on from here.
      this.#parts.gap(this.#anew, this.#position);
      this.#anew = undefined;
    }
    if (!this.#isStale) this.#isSuspect = false;
    // Another read may have been requested meanwhile.
    if (!this.#isStale) for (const done of this.#waiting.splice(0)) done();
  }

  /** Returns the index of the last entry that was delivered before; -1 when there is none. */
  #lastKnown(entries: readonly Delivery[]): number {
    const delivered = new Map(this.#kept.map(({ entry, checksum }) => [entry.at.offset, checksum]));
    return entries.map(({ at, data }) => at !== undefined && delivered.get(at.offset) === crc32(data)).lastIndexOf(true);
  }

  /** Goes on before the first entry that was read, without what was before. */
  #forget(read: LogRead | undefined): void {
    this.#position = read && { epoch: read.head.epoch, offset: startOf(read) };
    this.#last = undefined;
    this.#kept.length = 0;
  }

  async #add(delivery: Delivery, at: Position, isNew = this.#anew === undefined): Promise<void> {
    const frame = await this.#parts.frameOf(delivery);
    if (this.#isClosed) return;
    const { keep, scheduler, deliver } = this.#parts;
    this.#position = at;
    this.#last = delivery;
    if (frame === undefined) return;
    const entry = { at, previous: previousOf(delivery), frame };
    this.#kept.push({ entry, checksum: crc32(delivery.data), until: scheduler.now() + keep.ttl });
    if (this.#kept.length > keep.size) this.#kept.shift();
    if (isNew) deliver(entry);
  }

  /** The entries that are kept and not too old. */
  #current(): Entry[] {
    const now = this.#parts.scheduler.now();
    while (this.#kept[0] !== undefined && this.#kept[0].until <= now) this.#kept.shift();
    return this.#kept.map(({ entry }) => entry);
  }
}

/** Whether two entries are the same: one position can have another entry in a copy of the history that had not received everything. */
function isSame(last: Delivery, read: Delivery | undefined): boolean {
  return read !== undefined && read.at?.offset === last.at?.offset && Buffer.compare(read.data, last.data) === 0;
}

function previousOf({ at, previous }: Delivery): number {
  return previous ?? (at?.offset ?? 1) - 1;
}

/** Returns the offset before the first entry that was read, or of the last one when none was. */
function startOf({ entries, head }: LogRead): number {
  const [first] = entries;
  return first === undefined ? head.offset : previousOf(first);
}
