import { type Message, messageOf } from './messages.js';

/** A value of `resume$`, at either end. */
export interface Resume {
  type: 'fresh' | 'resumed' | 'gap';
  reason?: string;
  away?: number;
}

/** Messages that are missing at the receiver. */
export interface Hole {
  /** The numbers of the last message before it, and of the first one after it. */
  after: number;
  before: number;
  /** The gaps that the receiver got between these two messages. */
  gaps: number;
}

/** Counts of one end. */
export interface Report {
  received: number;
  /** The highest number that has arrived. */
  last: number;
  doubled: number;
  /** Messages that arrived after one with a higher number. */
  reordered: number;
  /** Messages with other data than were sent. */
  corrupt: number;
  holes: Hole[];
  resumed: number;
  /** The longest time for which a resumed session was away, in ms. */
  away: number;
  /** The gaps that this end got, with the number of its messages that it had written before. */
  gaps: { reason: string; written: number }[];
}

/** The messages and the gaps that one end has got, in their order. */
export class Journal {
  readonly #seed: number;
  readonly #written: () => number;
  readonly #received = new Set<number>();
  readonly #report: Omit<Report, 'holes' | 'received'> = { last: 0, doubled: 0, reordered: 0, corrupt: 0, resumed: 0, away: 0, gaps: [] };
  #holes: Hole[] = [];
  #gapsSinceLast = 0;

  /** `seed` is that of the messages that arrive, `written` the number of the last message that this end wrote. */
  constructor(seed: number, written: () => number) {
    this.#seed = seed;
    this.#written = written;
  }

  receive([number, data]: Message): void {
    const report = this.#report;
    if (data !== messageOf(this.#seed, number)[1]) report.corrupt++;
    if (this.#received.has(number)) {
      report.doubled++;
      return;
    }
    this.#received.add(number);
    if (number < report.last) {
      report.reordered++;
      return;
    }
    if (number > report.last + 1) this.#holes.push({ after: report.last, before: number, gaps: this.#gapsSinceLast });
    report.last = number;
    this.#gapsSinceLast = 0;
  }

  resume({ type, reason = 'unknown', away = 0 }: Resume): void {
    if (type === 'resumed') {
      this.#report.resumed++;
      this.#report.away = Math.max(this.#report.away, away);
    }
    if (type !== 'gap') return;
    this.#gapsSinceLast++;
    this.#report.gaps.push({ reason, written: this.#written() });
  }

  /** The highest number that has arrived. */
  get last(): number {
    return this.#report.last;
  }

  /** The counts. Messages that arrived late leave smaller holes, or none. */
  report(): Report {
    this.#holes = this.#holes.flatMap((hole) => this.#remaining(hole));
    return { ...this.#report, received: this.#received.size, holes: this.#holes };
  }

  #remaining({ after, before, gaps }: Hole): Hole[] {
    const holes: Hole[] = [];
    let last = after;
    for (let number = after + 1; number <= before; number++) {
      if (number < before && !this.#received.has(number)) continue;
      if (number > last + 1) holes.push({ after: last, before: number, gaps });
      last = number;
    }
    return holes;
  }
}

export interface Losses {
  /** Messages that did not arrive. */
  lost: number;
  /** Those of them that no gap explains at both ends. */
  unexplained: number;
}

/** Matches the holes of one direction with the gaps that its receiver and its sender got: one gap explains one hole. */
export function lossesOf({ holes }: Report, { gaps }: Report): Losses {
  const losses = { lost: 0, unexplained: 0 };
  let next = 0;
  for (const { after, before, gaps: got } of holes) {
    const count = before - after - 1;
    losses.lost += count;
    while (next < gaps.length && (gaps[next]?.written ?? 0) < after) next++;
    if (got > 0 && next < gaps.length) next++;
    else losses.unexplained += count;
  }
  return losses;
}
