import { asyncScheduler, interval, map, type Observable, type SchedulerLike } from 'rxjs';
import { type Duration, LONGEST_WAIT, milliseconds } from './duration.js';

/** The options of `pulse`. */
export interface PulseOptions {
  /** How often each slot comes round. */
  period: Duration;
  /** Into how many slots the period is divided. @defaultValue 1 */
  slots?: number;
  /** The clock. @defaultValue asyncScheduler */
  scheduler?: SchedulerLike;
}

/**
 * Emits the slots of a period in turn: one timer for many members, whose work is spread evenly over the period.
 *
 * ```
 * period 30, slots 3    ----------0---------1---------2---------0---------1--
 * ```
 *
 * @throws TypeError when `period` is no duration
 *
 * @example
 * ```ts
 * import { pulse } from 'primus-rx/operators';
 *
 * const members = [['ada', 'bob'], ['cy'], ['dee']];
 * pulse({ period: '30 s', slots: 3 }).subscribe((slot) => console.log('ask', members[slot]));
 * ```
 */
export function pulse({ period, slots = 1, scheduler = asyncScheduler }: PulseOptions): Observable<number> {
  return interval(Math.min(milliseconds(period) / slots, LONGEST_WAIT), scheduler).pipe(map((beat) => beat % slots));
}
