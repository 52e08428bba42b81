import type { GapReason } from '../../core/session-words.js';

/** The share of the budget that the sessions of one address may take while they are away, before one of them ends first. */
const SHARE = 16;

/** A session, as far as the budget uses it. */
export interface BudgetHolder {
  /** The network of the client. It does not change while the session is away. */
  readonly network: string;
  readonly isAway: boolean;
  /** The bytes that it takes while it is away, beside its messages. They do not change meanwhile. */
  readonly weight: number;
  /** Ends the session. It is forgotten then. */
  expire(reason: GapReason): void;
  /** Drops so many bytes of the oldest messages that are kept, or more. */
  shed(bytes: number): void;
  /** Reports its bytes exactly. */
  measure(): void;
}

/** The sessions of one address that are away, the one that left first at the beginning. */
interface AwayAddress {
  bytes: number;
  readonly holders: Set<BudgetHolder>;
}

/**
 * The account of the bytes that the sessions of a server keep. Over the limit, the session that has been away for the longest time ends:
 * one of the same address, if that has more than its share. If none is away, the one that grows drops its oldest messages.
 */
export class Budget {
  readonly #limit: number;
  readonly #away = new Map<BudgetHolder, AwayAddress>();
  readonly #addresses = new Map<string, AwayAddress>();
  /** Those that have reported the most bytes that they may keep. */
  readonly #rough = new Set<BudgetHolder>();
  #bytes = 0;

  /** @param limit the limit in bytes, the option `budget` */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The bytes that all sessions keep, at most. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Notes that a session reports the most bytes that it may keep, from now on; or what it keeps, when it `isExact`. */
  measured(holder: BudgetHolder, isExact: boolean): void {
    if (isExact) this.#rough.delete(holder);
    else this.#rough.add(holder);
  }

  /** Notes that a session keeps so many bytes more, or fewer. */
  add(holder: BudgetHolder, bytes: number): void {
    this.#bytes += bytes;
    const address = holder.isAway ? this.#away.get(holder) : undefined;
    if (address !== undefined) address.bytes += bytes;
    if (bytes > 0 && this.#bytes > this.#limit) this.#shrink(holder);
  }

  /** Notes that a session, which keeps exactly so many bytes, is away. */
  leave(holder: BudgetHolder, kept: number): void {
    const { network } = holder;
    const address = this.#addresses.get(network) ?? { bytes: 0, holders: new Set() };
    this.#addresses.set(network, address);
    address.holders.add(holder);
    address.bytes += kept;
    this.#away.set(holder, address);
    this.add(holder, holder.weight);
  }

  /** Notes that a session, which keeps so many bytes, is not away any more. */
  return(holder: BudgetHolder, kept: number): void {
    const address = this.#away.get(holder);
    if (address === undefined) return;
    this.#bytes -= holder.weight;
    this.#away.delete(holder);
    address.holders.delete(holder);
    address.bytes -= kept + holder.weight;
    if (address.holders.size === 0) this.#addresses.delete(holder.network);
  }

  #shrink(holder: BudgetHolder): void {
    for (const rough of this.#rough) rough.measure();
    while (this.#bytes > this.#limit) {
      const own = this.#addresses.get(holder.network);
      const isGreedy = own !== undefined && own.bytes > this.#limit / SHARE;
      const [oldest] = isGreedy ? own.holders : this.#away.keys();
      if (oldest === undefined) break;
      oldest.expire('budget');
    }
    if (this.#bytes > this.#limit) holder.shed(this.#bytes - this.#limit);
  }
}
