import type { SchedulerLike, Subscription } from 'rxjs';
import { pulse } from '../../operators/index.js';
import { LinkError } from '../core/errors.js';
import type { Connection } from './connection.js';

/** The period is cut into so many beats: a large fleet is asked in parts, not in one stall. */
const SLOTS = 16;

/** Who is to be asked, and how. */
export interface Patients {
  readonly connections: Iterable<Connection>;
  /** Asks these connections; `now`, ms since the epoch, comes back with their answers. */
  ping(connections: readonly Connection[], now: number): void;
}

/**
 * Asks every connection once a period, in ms, whether it is alive, and cuts those that have not been heard since the
 * last time. One timer serves all of them; whatever was heard is proof of life.
 */
export function heartbeat(patients: Patients, period: number, scheduler: SchedulerLike): Subscription {
  return pulse({ period, slots: SLOTS, scheduler }).subscribe((slot) => {
    const due: Connection[] = [];
    for (const connection of patients.connections) {
      if (connection.slot !== slot) continue;
      if (connection.alive || !connection.listening) {
        connection.alive = false;
        due.push(connection);
      } else {
        connection.terminate(
          new LinkError('ERR_PRIMUS_SILENCE', `Nothing was heard from the client for ${period} ms`, { reason: 'silence' }),
        );
      }
    }
    // A stamp is whole milliseconds on the line; not every clock has those.
    if (due.length > 0) patients.ping(due, Math.floor(scheduler.now()));
  });
}

/** Which beat a connection gets: neighbours in time are spread over the period. */
export function slotOf(count: number): number {
  return (count * 7) % SLOTS;
}
