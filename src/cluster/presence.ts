import type { Observable } from 'rxjs';
import { SafeObservable } from '../core/streams/safe-observable.js';
import { StateSubject } from '../core/streams/state-subject.js';
import type { ClusterBus } from './cluster-bus.js';
import { topicOfPresence } from './names.js';
import { LEASE_BEATS } from './nodes.js';
import { type Header, integerOf, isListOfStrings } from './packets.js';

/** The subscribers of a channel: what is known about each, by the id of its spark. */
export type Present = ReadonlyMap<string, unknown>;

/** The part of a cluster that its presence uses. */
export interface PresenceParts {
  readonly bus: ClusterBus;
  readonly node: string;
  readonly report: (error: unknown) => void;
}

/** The entries of one node. It alone writes them; each change has the next version. */
interface Entries {
  version: number;
  readonly entries: Map<string, unknown>;
}

/** Entries that arrive in parts. */
interface Part extends Entries {
  /** The number of the next part. */
  readonly next: number;
}

/** One channel that this node has entries in, or watches. */
interface Watched {
  readonly own: Entries;
  readonly others: Map<string, Entries>;
  /** Entries that arrive in parts, and are not complete. */
  readonly parts: Map<string, Part>;
  /** The nodes that have entries which this one does not know: they are asked with every beat. */
  readonly behind: Set<string>;
  readonly state: StateSubject<Present>;
  watchers: number;
  /** How many beats repeat the version of `own`. */
  fresh: number;
  isDue: boolean;
  /** Whether `state` is older than the entries, as it had no watcher. */
  isStale: boolean;
}

/** How many beats repeat the version of what has changed: a node that receives none of them has counted this one as dead. */
const FRESH_BEATS = LEASE_BEATS + 2;

/** The length of entries that are published at once, in characters of JSON. */
const LONGEST_PART = 65_536;

/** How many channels that have changed a beat has the version of. */
const LARGEST_DIGEST = 200;

/** How many others it repeats the version of, in turn: a node may have missed them when it started. */
const REPEATED = 20;

/** How many channels that this node has left are kept to be reported; beyond, the oldest are not repeated any more. */
const MOST_LEFT = 2_000;

/**
 * The presence in channels. Each node publishes its own entries: changes as they happen, all of them when another node asks. The entries of
 * a node that dies are gone with it.
 */
export class Presence {
  readonly #parts: PresenceParts;
  readonly #channels = new Map<string, Watched>();
  /** The channels that are kept only until all nodes know that this one has no entries in them. */
  readonly #left = new Set<string>();
  /** The last version of any channel: one that is forgotten and used again has no version twice. */
  #version = 0;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
  }

  /** Adds an entry of this node. */
  add(channel: string, id: string, info: unknown): void {
    const watched = this.#get(channel);
    watched.own.entries.set(id, info);
    this.#publish(channel, watched, [[id, info]], []);
  }

  /** Removes an entry of this node. */
  remove(channel: string, id: string): void {
    const watched = this.#channels.get(channel);
    if (!watched?.own.entries.delete(id)) return;
    this.#publish(channel, watched, [], [id]);
    this.#release(channel, watched);
  }

  /** Watches a channel: emits who is present, and every change, once a turn. */
  watch(channel: string): Observable<Present> {
    return new SafeObservable<Present>((subscriber) => {
      const watched = this.#get(channel);
      if (watched.isStale) emit(watched);
      watched.watchers += 1;
      subscriber.add(() => {
        watched.watchers -= 1;
        this.#release(channel, watched);
      });
      subscriber.add(watched.state.value$.subscribe(subscriber));
    }, this.#parts.report);
  }

  /** Asks all nodes, or one, for their entries: some may have been missed. */
  refresh(node?: string): void {
    for (const channel of this.#channels.keys()) this.#ask(channel, node);
  }

  /** Removes the entries of a node that has left. */
  forget(node: string): void {
    for (const watched of this.#channels.values()) this.#drop(watched, node);
  }

  /** The versions of the entries of this node that have changed lately, and of some others, for a beat; 0 where there are none any more. */
  digest(): { readonly [channel: string]: number } {
    return Object.fromEntries(this.#due().map(([channel, { own }]) => [channel, own.entries.size === 0 ? 0 : own.version]));
  }

  /** Marks that a beat has sent the digest, so that the next one sends others. Asks for what is still missing. */
  tick(): void {
    for (const [channel, watched] of this.#due()) {
      if (watched.fresh > 0) watched.fresh -= 1;
      this.#channels.delete(channel);
      this.#channels.set(channel, watched);
      this.#release(channel, watched);
    }
    for (const [channel, { behind }] of this.#channels) for (const node of behind) this.#ask(channel, node);
  }

  /** The channels whose versions the next beat sends. */
  #due(): [string, Watched][] {
    const due: [string, Watched][] = [];
    let repeated = 0;
    for (const entry of this.#channels) {
      const [, { fresh, own }] = entry;
      if (fresh === 0 && (own.entries.size === 0 || ++repeated > REPEATED)) continue;
      due.push(entry);
      if (due.length === LARGEST_DIGEST) break;
    }
    return due;
  }

  /** Compares the versions in a beat with those that were received. */
  compare(node: string, digest: unknown): void {
    for (const [channel, version] of Object.entries(Object(digest) as object) as [string, unknown][]) {
      const watched = this.#channels.get(channel);
      if (watched === undefined || typeof version !== 'number') continue;
      if (version === 0) this.#drop(watched, node);
      else if ((watched.others.get(node)?.version ?? 0) < version) this.#askUntilKnown(channel, watched, node);
    }
  }

  /** Completes what is watched. */
  close(): void {
    for (const { state } of this.#channels.values()) state.complete();
    this.#channels.clear();
    this.#left.clear();
  }

  /** Handles a packet about presence. Returns false for others. */
  receive(header: Header): boolean {
    const { kind, from, channel, node } = header;
    if (kind !== 'presence' && kind !== 'who') return false;
    const watched = typeof channel === 'string' ? this.#channels.get(channel) : undefined;
    if (watched === undefined || from === this.#parts.node) return true;
    if (kind === 'presence') this.#merge(channel as string, watched, header);
    else if (node === undefined || node === this.#parts.node) this.#publishAll(channel as string, watched);
    return true;
  }

  /** Merges what a node has said: a change of the `previous` version; or all its entries, where that is 0, in parts. */
  #merge(channel: string, watched: Watched, { from, version, previous, joined, left, part: number, isLast }: Header): void {
    if (!Number.isSafeInteger(version) || !isListOfEntries(joined) || !isListOfStrings(left)) return;
    const known = watched.others.get(from);
    if (known !== undefined && known.version >= (version as number)) return;
    const part = watched.parts.get(from);
    let entries: Map<string, unknown>;
    if (previous === 0) entries = new Map();
    else if (previous === 'part' && part !== undefined && part.version === version && part.next === number) entries = part.entries;
    else if (known !== undefined && known.version === previous) entries = known.entries;
    else return this.#askUntilKnown(channel, watched, from);
    for (const [id, info] of joined) entries.set(id, info);
    for (const id of left) entries.delete(id);
    watched.parts.delete(from);
    if (isLast === false) watched.parts.set(from, { version: version as number, entries, next: integerOf(number) + 1 });
    else {
      watched.others.set(from, { version: version as number, entries });
      watched.behind.delete(from);
      this.#changed(watched);
    }
  }

  /** Forgets what a node has said. */
  #drop(watched: Watched, node: string): void {
    watched.parts.delete(node);
    watched.behind.delete(node);
    if (watched.others.delete(node)) this.#changed(watched);
  }

  #publish(channel: string, watched: Watched, joined: [string, unknown][], left: string[]): void {
    const previous = watched.own.version;
    watched.own.version = ++this.#version;
    watched.fresh = FRESH_BEATS;
    this.#parts.bus.publish(topicOfPresence(channel), 'presence', { channel, version: watched.own.version, previous, joined, left });
    this.#changed(watched);
  }

  /** Publishes all entries of this node, in parts that every engine takes. */
  #publishAll(channel: string, { own: { version, entries } }: Watched): void {
    if (version === 0) return;
    const parts: (readonly [string, unknown])[][] = [[]];
    let length = 0;
    for (const entry of entries) {
      length += JSON.stringify(entry).length;
      if (length > LONGEST_PART) {
        parts.push([]);
        length = 0;
      }
      parts[parts.length - 1]?.push(entry);
    }
    for (const [at, joined] of parts.entries()) {
      const isLast = at === parts.length - 1;
      const previous = at === 0 ? 0 : 'part';
      this.#parts.bus.publish(topicOfPresence(channel), 'presence', { channel, version, previous, joined, left: [], part: at, isLast });
    }
  }

  /** Asks a node for its entries, and again with every beat until they have arrived. */
  #askUntilKnown(channel: string, watched: Watched, node: string): void {
    if (watched.behind.has(node)) return;
    watched.behind.add(node);
    this.#ask(channel, node);
  }

  #ask(channel: string, node: string | undefined): void {
    this.#parts.bus.publish(topicOfPresence(channel), 'who', { channel, node });
  }

  /** Emits at the end of the turn, if there is a watcher then. */
  #changed(watched: Watched): void {
    watched.isStale = true;
    if (watched.isDue) return;
    watched.isDue = true;
    queueMicrotask(() => {
      watched.isDue = false;
      if (watched.isStale && watched.watchers > 0) emit(watched);
    });
  }

  #get(channel: string): Watched {
    const known = this.#channels.get(channel);
    this.#left.delete(channel);
    if (known !== undefined) return known;
    const watched: Watched = {
      own: { version: 0, entries: new Map() },
      others: new Map(),
      parts: new Map(),
      behind: new Set(),
      state: new StateSubject<Present>(new Map(), this.#parts.report),
      watchers: 0,
      fresh: 0,
      isDue: false,
      isStale: false,
    };
    this.#channels.set(channel, watched);
    void this.#parts.bus.listen(topicOfPresence(channel)).then(() => this.#ask(channel, undefined));
    return watched;
  }

  /** Forgets a channel that is neither watched nor has entries, once all nodes know that. */
  #release(channel: string, watched: Watched): void {
    if (watched.watchers > 0 || watched.own.entries.size > 0 || this.#channels.get(channel) !== watched) return;
    if (watched.fresh === 0) return this.#remove(channel);
    this.#left.add(channel);
    if (this.#left.size > MOST_LEFT) for (const oldest of this.#left) return this.#remove(oldest);
  }

  #remove(channel: string): void {
    this.#left.delete(channel);
    this.#channels.delete(channel);
    this.#parts.bus.unlisten(topicOfPresence(channel));
  }
}

/** Emits the entries of all nodes. */
function emit(watched: Watched): void {
  const present = new Map(watched.own.entries);
  for (const { entries } of watched.others.values()) for (const [id, info] of entries) present.set(id, info);
  watched.isStale = false;
  watched.state.next(present);
}

function isListOfEntries(value: unknown): value is readonly (readonly [id: string, info: unknown])[] {
  return Array.isArray(value) && value.every((entry) => Array.isArray(entry) && typeof entry[0] === 'string');
}
