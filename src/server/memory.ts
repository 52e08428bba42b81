import { LinkError } from '../core/errors.js';

/** The share of `maxMemory` that one address may take, as long as it has room for two messages of `maxLength`. */
const SHARE = 16;

/** Something for which bytes wait: a connection, or a request whose body is being read. */
export interface MemoryHolder {
  /** The IP address of the peer. */
  readonly ip: string;
  /** Gives its bytes up, as it has more of them than any other. */
  shed(error: LinkError): void;
}

/** The bytes that wait for one holder: all of them, and those for which the peer is the cause. */
interface Amount {
  readonly bytes: number;
  readonly caused: number;
}

const NOTHING: Amount = { bytes: 0, caused: 0 };

/**
 * The account of the bytes that wait in a server: messages that are not complete, messages that wait for a listener, a message
 * transformer or a parser, and messages that clients have not received. Over its limit, or when one address exceeds its share, the
 * holder with the most is shed.
 */
export class MemoryAccount {
  readonly #limit: number;
  readonly #share: number;
  readonly #amounts = new Map<MemoryHolder, Amount>();
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  /**
   * @param limit the limit in bytes, `maxMemory`
   * @param maxLength the length of the longest message
   */
  constructor(limit: number, maxLength: number) {
    this.#limit = limit;
    this.#share = Math.max(limit / SHARE, 2 * maxLength);
  }

  /** The bytes that wait in all. */
  get total(): number {
    return this.#total;
  }

  /**
   * Notes how many bytes wait for a holder now. May shed it, or another. `caused`: those for which the peer is the cause, and not the
   * application that has written so much at once; they count against the share of its address.
   */
  set(holder: MemoryHolder, bytes: number, caused = bytes): void {
    const before = this.#amounts.get(holder) ?? NOTHING;
    if (bytes === before.bytes && caused === before.caused) return;
    if (bytes === 0) this.#amounts.delete(holder);
    else this.#amounts.set(holder, { bytes, caused });
    this.#total += bytes - before.bytes;
    const ofAddress = (this.#byAddress.get(holder.ip) ?? 0) + caused - before.caused;
    if (ofAddress === 0) this.#byAddress.delete(holder.ip);
    else this.#byAddress.set(holder.ip, ofAddress);
    if (ofAddress > this.#share)
      this.#shed(`${ofAddress} bytes for one address`, ({ ip }, amount) => (ip === holder.ip ? amount.caused : 0));
    if (this.#total > this.#limit) this.#shed(`${this.#total} bytes`, (_holder, amount) => amount.bytes);
  }

  /** Forgets a holder. */
  delete(holder: MemoryHolder): void {
    this.set(holder, 0);
  }

  /** Sheds the holder that weighs the most. */
  #shed(found: string, weigh: (holder: MemoryHolder, amount: Amount) => number): void {
    let worst: MemoryHolder | undefined;
    let most = 0;
    for (const [holder, amount] of this.#amounts) {
      const weight = weigh(holder, amount);
      if (weight <= most) continue;
      worst = holder;
      most = weight;
    }
    if (worst === undefined) return;
    this.delete(worst);
    const message = `The server's memory is used up: ${found} wait, ${most} of them here (\`maxMemory\` is ${this.#limit})`;
    worst.shed(new LinkError('ERR_PRIMUS_MEMORY', message, { reason: 'memory' }));
  }
}
