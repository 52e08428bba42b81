import type { SchedulerLike, Subscription } from 'rxjs';
import { LinkError } from '../core/errors.js';
import { collectsEarly, discard, whenCollected } from './garbage.js';

/** The share of `maxMemory` that one address may take, as long as it has room for a message of `maxLength`, and a quarter as much of others. */
const SHARE = 16;
const ROOM = 1.25;

/** How long peers of one address wait for the one that has sent the most, in ms. */
const QUEUE_TIMEOUT = 10_000;

/** A message that is longer leaves so much garbage that the next ones of its address wait until it is collected, in bytes. */
const LARGE = 262_144;

/** The part of the share of an address that may be such garbage before it is not read from. */
const GARBAGE = 4;

/** How long they wait at most, in ms. */
const COLLECTION_TIMEOUT = 100;

/** Something for which bytes wait: a connection, or a request whose body is being read. */
export interface MemoryHolder {
  /** The network of the peer, as each has a share: see `networkOf`. */
  readonly ip: string;
  /** Whether what the peer sends arrives although reading has stopped. */
  readonly cannotWait?: boolean;
  /** Stops reading from the peer, or goes on. */
  suspend(isSuspended: boolean): void;
  /** Gives its bytes up, as it has more of them than any other. */
  shed(error: LinkError): void;
}

/** The bytes that wait for one holder. */
interface Amount {
  /** Those that the peer has sent. */
  readonly incoming: number;
  /** All of them. */
  readonly bytes: number;
  /** Those that count against the share of its address: not the ones that the application has written at once. */
  readonly caused: number;
}

/** The bytes that wait for one address, and the holders that are not read from because there are too many. */
interface AddressAmount {
  caused: number;
  /** The bytes of long messages that do not wait any more, and are not collected yet. */
  garbage: number;
  readonly suspended: Set<MemoryHolder>;
  /** The one that has sent the most, for which the others wait. */
  first: MemoryHolder | undefined;
  timer: Subscription | undefined;
}

const NOTHING: Amount = { incoming: 0, bytes: 0, caused: 0 };

/**
 * The account of the bytes that wait in a server: messages that are not complete, messages that wait for a listener, a message
 * transformer or a parser, and messages that clients have not received.
 *
 * Over the limit, the holder with the most is shed. When one address exceeds its share, its peers may complete their messages one after the
 * other: only the one that has sent the most is read from, and it is shed when it takes too long. Peers that cannot wait are shed. When slow
 * consumers are the cause, the one with the most is shed at once.
 */
export class MemoryAccount {
  readonly #limit: number;
  readonly #share: number;
  readonly #scheduler: SchedulerLike;
  readonly #amounts = new Map<MemoryHolder, Amount>();
  readonly #addresses = new Map<string, AddressAmount>();
  #total = 0;

  /**
   * @param limit the limit in bytes, `maxMemory`
   * @param maxLength the length of the longest message
   */
  constructor(limit: number, maxLength: number, scheduler: SchedulerLike) {
    this.#limit = limit;
    this.#share = Math.max(limit / SHARE, ROOM * maxLength);
    this.#scheduler = scheduler;
  }

  /** The bytes that wait in all. */
  get total(): number {
    return this.#total;
  }

  /** Notes how many bytes wait for a holder now. `behind`: the outgoing ones beside those that the application has written at once. */
  set(holder: MemoryHolder, incoming: number, outgoing = 0, behind = outgoing): void {
    const before = this.#amounts.get(holder) ?? NOTHING;
    const amount: Amount = { incoming, bytes: incoming + outgoing, caused: incoming + behind };
    if (amount.bytes === 0) this.#amounts.delete(holder);
    else this.#amounts.set(holder, amount);
    this.#total += amount.bytes - before.bytes;
    const address = this.#addressOf(holder);
    const freed = before.bytes - amount.bytes;
    if (freed >= LARGE && collectsEarly()) this.#awaitCollection(holder.ip, address, freed);
    if (freed > 0) discard(freed);
    address.caused += amount.caused - before.caused;
    if (amount.bytes === 0 && address.suspended.delete(holder)) holder.suspend(false);
    if (address.caused + address.garbage <= this.#share) this.#relieve(holder.ip, address);
    else if (address.caused > this.#share && behindOf(amount) > behindOf(before))
      this.#shed(`${address.caused} bytes for one address`, this.#weigh(holder.ip, behindOf));
    else this.#queue(holder, address, incoming > before.incoming);
    if (this.#total > this.#limit) this.#shed(`${this.#total} bytes`, (other) => this.#amounts.get(other)?.bytes ?? 0);
  }

  /** Forgets a holder. */
  delete(holder: MemoryHolder): void {
    if (this.#amounts.has(holder)) this.set(holder, 0);
  }

  #addressOf({ ip }: MemoryHolder): AddressAmount {
    const address = this.#addresses.get(ip) ?? {
      caused: 0,
      garbage: 0,
      suspended: new Set<MemoryHolder>(),
      first: undefined,
      timer: undefined,
    };
    this.#addresses.set(ip, address);
    return address;
  }

  /** Reads from all peers of an address again. */
  #relieve(ip: string, address: AddressAmount): void {
    address.timer?.unsubscribe();
    address.timer = address.first = undefined;
    const suspended = [...address.suspended];
    address.suspended.clear();
    if (address.caused + address.garbage === 0) this.#addresses.delete(ip);
    for (const holder of suspended) holder.suspend(false);
  }

  /** Counts the bytes of a message for its address until they are collected, or cannot be waited for any longer. */
  #awaitCollection(ip: string, address: AddressAmount, bytes: number): void {
    address.garbage += bytes;
    const collected = () => {
      giveUp();
      timer.unsubscribe();
      address.garbage -= bytes;
      if (address.caused + address.garbage <= this.#share) this.#relieve(ip, address);
      else this.#proceed(ip, address);
    };
    const giveUp = whenCollected(collected);
    const timer = this.#scheduler.schedule(collected, COLLECTION_TIMEOUT);
  }

  /** Reads from one peer of an address only: the one that has sent the most; from none while there is too much garbage. */
  #queue(holder: MemoryHolder, address: AddressAmount, isGrowing: boolean): void {
    const first = this.#proceed(holder.ip, address);
    if (!isGrowing) return;
    const { incoming } = this.#amounts.get(holder) ?? NOTHING;
    if (holder.cannotWait) {
      if (address.caused <= this.#share || (holder === first && incoming <= this.#share)) return;
      this.#shed(`${address.caused} bytes for one address`, (other) => Number(other === holder));
      return;
    }
    if (holder === first || address.suspended.has(holder)) return;
    address.suspended.add(holder);
    this.#arm(holder.ip, address);
    holder.suspend(true);
  }

  /** Reads from the peer of an address that has sent the most, and returns it; `undefined` while there is too much garbage. */
  #proceed(ip: string, address: AddressAmount): MemoryHolder | undefined {
    const first = this.#worst(this.#weigh(ip, incomingOf));
    if (first !== address.first) {
      address.first = first;
      address.timer?.unsubscribe();
      address.timer = undefined;
      if (address.suspended.size > 0) this.#arm(ip, address);
    }
    if (first === undefined || (address.garbage > this.#share / GARBAGE && !first.cannotWait)) return undefined;
    if (address.suspended.delete(first)) first.suspend(false);
    return first;
  }

  /** Sheds the one that has sent the most whenever the others have waited too long. */
  #arm(ip: string, address: AddressAmount): void {
    address.timer ??= this.#scheduler.schedule(() => {
      address.timer = undefined;
      this.#shed(`${address.caused} bytes for one address`, this.#weigh(ip, incomingOf));
      if (address.suspended.size > 0) this.#arm(ip, address);
    }, QUEUE_TIMEOUT);
  }

  /** Weighs the holders of one address. */
  #weigh(ip: string, weight: (amount: Amount) => number): (holder: MemoryHolder) => number {
    return (holder) => (holder.ip === ip ? weight(this.#amounts.get(holder) ?? NOTHING) : 0);
  }

  #worst(weigh: (holder: MemoryHolder) => number): MemoryHolder | undefined {
    let worst: MemoryHolder | undefined;
    let most = 0;
    for (const holder of this.#amounts.keys()) {
      const weight = weigh(holder);
      if (weight <= most) continue;
      worst = holder;
      most = weight;
    }
    return worst;
  }

  /** Sheds the holder that weighs the most. */
  #shed(found: string, weigh: (holder: MemoryHolder) => number): void {
    const worst = this.#worst(weigh);
    if (worst === undefined) return;
    const { bytes } = this.#amounts.get(worst) as Amount;
    const message = `The server's memory is used up: ${found} wait, ${bytes} of them here (\`maxMemory\` is ${this.#limit})`;
    this.delete(worst);
    worst.shed(new LinkError('ERR_PRIMUS_MEMORY', message, { reason: 'memory' }));
  }
}

function behindOf({ caused, incoming }: Amount): number {
  return caused - incoming;
}

function incomingOf({ incoming }: Amount): number {
  return incoming;
}
