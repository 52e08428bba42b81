import type { SchedulerLike, Subscription } from 'rxjs';
import { pulse } from '../../operators/index.js';
import { LinkError } from '../core/errors.js';
import type { Connection } from './connection.js';

/** The slots of a sweep: each looks at a part of the connections, so that many of them cause no stall. */
const SLOTS = 16;

/** The sweeps in the time that a connection may be idle. It ends up to one sweep late. */
const SWEEPS = 4;

/** Ends the connections from which no message of the application has arrived for `limit` ms, so that the clients may connect again. */
export function endIdle(
  byId: ReadonlyMap<string, { readonly connection: Connection }>,
  limit: number,
  scheduler: SchedulerLike,
): Subscription {
  return pulse({ period: limit / SWEEPS, slots: SLOTS, scheduler }).subscribe((slot) => {
    for (const { connection } of byId.values()) {
      if (connection.slot !== slot || !connection.mayBeIdle || ++connection.quietSweeps <= SWEEPS) continue;
      const message = `The client has sent no message for ${limit} ms (\`idleTimeout\`)`;
      connection.fail(new LinkError('ERR_PRIMUS_SILENCE', message, { reason: 'idle' }));
      connection.end(true);
    }
  });
}
