import { EMPTY, exhaustMap, interval, type Observable, type SchedulerLike, type Subscription, takeWhile, tap, timer } from 'rxjs';
import { TRY_AGAIN_LATER } from '../core/close-reasons.js';
import { LinkError } from '../core/errors.js';
import type { Connection } from './connection.js';
import type { HeartbeatTargets } from './heartbeat.js';

/** How often the memory is looked at, and how long clients have to answer, in ms. */
const PERIOD = 1_000;
const ANSWER = 5_000;

/** A longer message does not fit into one read of the engine, in bytes: it has surely joined the parts in a buffer. */
const SURELY_RETAINED = 524_288;

/** The parts of a server that limit the memory of an engine. */
export interface NativeMemoryParts {
  readonly targets: HeartbeatTargets;
  /** Emits when a connection is among the targets. */
  readonly arrival$: Observable<unknown>;
  /** The bytes that it may take: `maxMemory`. */
  readonly limit: number;
  readonly scheduler: SchedulerLike;
  log(level: 'warning', message: string): void;
  /** Returns the bytes of the process that are not V8's. */
  measure?(): number;
}

/** The memory of the process beside V8's heap and buffers, in bytes. */
export function nativeMemory(): number {
  const { rss, heapTotal, external } = process.memoryUsage();
  return rss - heapTotal - external;
}

/**
 * Limits the memory of an engine that collects messages itself, and shows nothing of them before they are complete.
 *
 * ```
 * over the limit ─> close connections that retain much ── not enough ─> ping all ─┬─ some are silent ───> terminate them
 *                                                                                 └─ all have answered ─> close connections that retain little
 * ```
 *
 * Once it has grown by more than the limit, the connections for which it retains the largest buffers are closed: the clients may
 * come again. Where that is not enough, all clients are pinged, and the ones that answer nothing for five seconds are
 * terminated: no message can be sent in the middle of another one, the answer to a ping neither.
 */
export function limitNativeMemory({ targets, arrival$, limit, scheduler, log, measure = nativeMemory }: NativeMemoryParts): Subscription {
  let base = measure();
  const askWhenOver = (): Observable<unknown> => {
    const memory = measure();
    base = Math.min(base, memory);
    if (memory - base <= limit) return EMPTY;
    const found = `The engine has taken ${memory - base} bytes (\`maxMemory\` is ${limit})`;
    const report = (count: number, what: string) => log('warning', `${found}: ${count} clients that ${what}`);
    // More than the limit asks for, so that the next long message does not close another connection.
    const excess = memory - base - limit + limit / 4;
    const closeRetaining = (least: number): number => {
      const { closed, released } = release(targets, excess, least);
      if (closed > 0) report(closed, 'had needed the largest buffers were closed, as it keeps those');
      return released;
    };
    // Until they have answered the close, the memory is not free.
    if (closeRetaining(SURELY_RETAINED) >= excess) return timer(ANSWER, scheduler);
    const asked = ask(targets, Math.floor(scheduler.now()));
    return timer(ANSWER, scheduler).pipe(
      tap(() => {
        const ended = endSilent(asked, `${found}, and this client answers nothing`);
        if (ended > 0) report(ended, 'answered nothing were terminated');
        // The application has taken it, as all clients answered. What comes on top of it counts again.
        else if (closeRetaining(1) === 0) base = memory - limit / 2;
      }),
    );
  };
  const watch = () =>
    interval(PERIOD, scheduler).pipe(
      takeWhile(() => targets.byId.size > 0),
      exhaustMap(askWhenOver),
    );
  return arrival$.pipe(exhaustMap(watch)).subscribe();
}

/** Closes the connections that retain the most, until they retain less by so many bytes. Leaves those that retain less than `least`. */
function release(targets: HeartbeatTargets, excess: number, least: number): { closed: number; released: number } {
  const retainedBy = ({ connection: { link } }: { connection: Connection }) => link?.retained ?? 0;
  const holders = [...targets.byId.values()].filter((target) => retainedBy(target) >= least);
  let closed = 0;
  let released = 0;
  for (const holder of holders.sort((a, b) => retainedBy(b) - retainedBy(a))) {
    if (released >= excess) break;
    released += retainedBy(holder);
    closed += 1;
    holder.connection.link?.close(TRY_AGAIN_LATER, 'The server needs the memory of this connection');
  }
  return { closed, released };
}

/** Pings the connections that have to answer, and returns them. The heartbeat leaves them alone meanwhile. */
function ask(targets: HeartbeatTargets, now: number): Connection[] {
  const asked: Connection[] = [];
  for (const { connection } of targets.byId.values()) {
    if (!connection.listening) continue;
    connection.alive = false;
    connection.isAsked = true;
    asked.push(connection);
  }
  targets.ping(asked, now);
  return asked;
}

/** Terminates the connections that have not answered. Returns how many those are. */
function endSilent(asked: readonly Connection[], message: string): number {
  let ended = 0;
  for (const connection of asked) {
    connection.isAsked = false;
    // One that has lost its link meanwhile, or before, cannot answer.
    if (connection.alive || connection.isAway || !connection.writable) continue;
    connection.terminate(new LinkError('ERR_PRIMUS_MEMORY', message, { reason: 'memory' }));
    ended += 1;
  }
  return ended;
}
