import { interval, map, type Observable, type SchedulerLike } from 'rxjs';
import { LONGEST_WAIT } from './longest-wait.js';

/** How often, and for how many. */
export interface PulseOptions {
  /** How often each slot comes round, in ms. */
  period: number;
  /** Into how many slots the period is cut. Default 1. */
  slots?: number;
  /** The clock. */
  scheduler: SchedulerLike;
}

/**
 * One timer for many: emits the slots of a period in turn, so that work for many members is spread evenly over it.
 *
 * ```
 * period 30, slots 3    ----------0---------1---------2---------0---------1--
 * ```
 */
export function pulse({ period, slots = 1, scheduler }: PulseOptions): Observable<number> {
  return interval(Math.min(period / slots, LONGEST_WAIT), scheduler).pipe(map((beat) => beat % slots));
}
