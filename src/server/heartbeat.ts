import type { SchedulerLike, Subscription } from 'rxjs';
import { pulse } from '../../operators/index.js';
import { LinkError } from '../core/errors.js';
import { guard } from '../core/guard.js';
import type { Connection } from './connection.js';

/** The number of slots of a period. Each slot pings a part of the connections, so that many of them cause no stall. */
const SLOTS = 16;

/** A spark, as far as its heartbeat uses it. */
interface Beating {
  readonly connection: Connection;
  heartbeat(): void;
}

/** The connections that are pinged. */
export interface HeartbeatTargets {
  readonly byId: ReadonlyMap<string, Beating>;
  /** Whether a spark is pinged together with others: no plugin has replaced its `heartbeat`. */
  sharesPing(spark: Beating): boolean;
  /** Pings these connections. Their answers repeat `now`, in ms since the epoch. */
  ping(connections: readonly Connection[], now: number): void;
}

/**
 * Pings every connection once a period, in ms, and terminates those from which nothing was received since the last ping. One timer
 * serves all of them. Everything that is received counts as activity.
 */
export function heartbeat(
  targets: HeartbeatTargets,
  period: number,
  scheduler: SchedulerLike,
  report: (error: unknown) => void,
): Subscription {
  const beat = (slot: number): void => {
    const due: Connection[] = [];
    for (const spark of targets.byId.values()) {
      const { connection } = spark;
      if (connection.slot !== slot || connection.isAsked) continue;
      if (!targets.sharesPing(spark)) beatOf(spark);
      else if (expectSign(connection)) due.push(connection);
    }
    // A stamp is whole milliseconds in its message; not every clock has those.
    if (due.length > 0) targets.ping(due, Math.floor(scheduler.now()));
  };
  // An encoder of the application, or its transformer, may throw; the next slot has its beat all the same.
  return pulse({ period, slots: SLOTS, scheduler }).subscribe((slot) => guard(() => beat(slot), report));
}

/**
 * Returns whether to ping a connection: terminates it instead when nothing was received since the last ping. One that is away has no link;
 * it is terminated when it ends, and a message transformer does not answer.
 */
export function expectSign(connection: Connection): boolean {
  if (connection.isAway && connection.writable) return false;
  if (connection.alive || !connection.listening) {
    connection.alive = false;
    return true;
  }
  const message = 'Nothing was received from the client since the last ping';
  connection.terminate(new LinkError('ERR_PRIMUS_SILENCE', message, { reason: 'silence' }));
  return false;
}

/** Calls the heartbeat of a plugin. */
function beatOf(spark: Beating): void {
  try {
    spark.heartbeat();
  } catch (thrown) {
    spark.connection.reportListenerError(thrown);
  }
}

/** Returns the slot of a new connection. Connections that open together are spread over the period. */
export function slotOf(count: number): number {
  return (count * 7) % SLOTS;
}
