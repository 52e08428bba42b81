import { EMPTY, exhaustMap, interval, type Observable, type SchedulerLike, type Subscription, takeWhile, tap, timer } from 'rxjs';
import { LinkError } from '../core/errors.js';
import type { Connection } from './connection.js';
import type { HeartbeatTargets } from './heartbeat.js';

/** How often the memory is looked at, and how long clients have to answer, in ms. */
const PERIOD = 1_000;
const ANSWER = 5_000;

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
 * Once it has grown by more than the limit, all clients are pinged, and the ones that answer nothing for five seconds are terminated: no
 * message can be sent in the middle of another one, the answer to a ping neither.
 */
export function limitNativeMemory({ targets, arrival$, limit, scheduler, log, measure = nativeMemory }: NativeMemoryParts): Subscription {
  let base = measure();
  const askWhenOver = (): Observable<unknown> => {
    const memory = measure();
    base = Math.min(base, memory);
    if (memory - base <= limit) return EMPTY;
    const found = `The engine has taken ${memory - base} bytes (\`maxMemory\` is ${limit})`;
    const asked = ask(targets, Math.floor(scheduler.now()));
    return timer(ANSWER, scheduler).pipe(
      tap(() => {
        const ended = endSilent(asked, `${found}, and this client answers nothing`);
        if (ended > 0) log('warning', `${found}: ${ended} clients that answered nothing were terminated`);
        // The application has taken it, as all clients answered. What comes on top of it counts again.
        else base = memory - limit / 2;
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
