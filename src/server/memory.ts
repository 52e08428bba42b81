import { LinkError } from '../core/errors.js';

/** The share of `maxMemory` that the messages which one address sends may take, as long as it has room for two messages. */
const SHARE = 8;

/** Something for which bytes wait: a connection, or a request whose body is being read. */
export interface MemoryHolder {
  /** The IP address of the peer. */
  readonly ip: string;
  /** Gives its bytes up, as it has more of them than any other. */
  shed(error: LinkError): void;
}

/** The bytes that wait for one holder. */
interface Amount {
  incoming: number;
  outgoing: number;
}

/**
 * The account of the bytes that wait in a server: messages that are not complete, messages that wait for a listener, a message
 * transformer or a parser, and messages that clients have not received. Over its limit, or when the incoming ones of one address exceed
 * its share, the holder with the most is shed.
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

  /** Notes how many bytes wait for a holder now. May shed it, or another. */
  set(holder: MemoryHolder, incoming: number, outgoing: number): void {
    const before = this.#amounts.get(holder);
    if (before === undefined && incoming + outgoing === 0) return;
    this.#total += incoming + outgoing - (before === undefined ? 0 : before.incoming + before.outgoing);
    const ofAddress = this.#add(holder.ip, incoming - (before?.incoming ?? 0));
    if (incoming + outgoing === 0) this.#amounts.delete(holder);
    else if (before === undefined) this.#amounts.set(holder, { incoming, outgoing });
    else Object.assign(before, { incoming, outgoing });
    if (ofAddress > this.#share)
      this.#shed(`${ofAddress} bytes from one address`, ({ ip }, amount) => (ip === holder.ip ? amount.incoming : 0));
    if (this.#total > this.#limit) this.#shed(`${this.#total} bytes`, (_holder, amount) => amount.incoming + amount.outgoing);
  }

  /** Forgets a holder. */
  delete(holder: MemoryHolder): void {
    this.set(holder, 0, 0);
  }

  #add(ip: string, bytes: number): number {
    const sum = (this.#byAddress.get(ip) ?? 0) + bytes;
    if (sum === 0) this.#byAddress.delete(ip);
    else this.#byAddress.set(ip, sum);
    return sum;
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
