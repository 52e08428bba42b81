import type { SchedulerLike, Subscription } from 'rxjs';
import { pulse } from '../../operators/index.js';
import { LinkError } from '../core/errors.js';
import type { Connection } from './connection.js';

/** The period is divided into so many slots: many connections are asked in parts, not in one stall. */
const SLOTS = 16;

/** The connections that are asked. */
export interface HeartbeatTargets {
  readonly byId: ReadonlyMap<string, { readonly connection: Connection }>;
  /** Asks these connections; `now`, ms since the epoch, comes back with their answers. */
  ping(connections: readonly Connection[], now: number): void;
}

/**
 * Asks every connection once a period, in ms, whether it is alive, and terminates those from which nothing was received since the
 * last time. One timer serves all of them; anything that was received is proof of life.
 */
export function heartbeat(targets: HeartbeatTargets, period: number, scheduler: SchedulerLike): Subscription {
  return pulse({ period, slots: SLOTS, scheduler }).subscribe((slot) => {
    const due: Connection[] = [];
    for (const { connection } of targets.byId.values()) {
      if (connection.slot !== slot) continue;
      if (connection.alive || !connection.listening) {
        connection.alive = false;
        due.push(connection);
      } else {
        connection.terminate(
          new LinkError('ERR_PRIMUS_SILENCE', `Nothing was received from the client for ${period} ms`, { reason: 'silence' }),
        );
      }
    }
    // A stamp is whole milliseconds on the line; not every clock has those.
    if (due.length > 0) targets.ping(due, Math.floor(scheduler.now()));
  });
}

/** The slot of a new connection: neighbours in time are spread over the period. */
export function slotOf(count: number): number {
  return (count * 7) % SLOTS;
}
