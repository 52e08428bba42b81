import type { Observable } from 'rxjs';
import { clientFlow } from '../client/client-end.js';
import { type Flow, type FlowEnd, type FlowOptions, flowOf } from '../client/flow.js';
import type { Primus } from '../client/primus.js';
import { isClient } from './core/ends.js';
import { describe, PrimusError } from './core/errors.js';
import { check, invalid, object, size } from './core/options.js';
import { CLOSED } from './core/ready-state.js';
import type { Spark } from './server/spark.js';

/** A spark, as far as an application may see that it is one: the types of sparks are those of Node.js too, which a page does not have. */
export interface FlowSpark<In, Out> {
  /** The id of the spark. */
  readonly id: string;
  /** The messages that it receives. */
  readonly data$: Observable<In>;
  /** Sends a message. */
  write(data: Out): boolean;
}

export type { Dropped, DropReason, Flow, FlowOptions } from '../client/flow.js';

/**
 * Returns the flow of messages through a client or a spark, for the same one the same object, with the options of the first call: how much waits,
 * when to go on, streams and loops that wait by themselves, and messages that may be dropped. It works in pages and in Node.js, with a client
 * of `primus-rx/client`, of `primus.Socket` and of a served library. The client or spark gets no new members.
 *
 * @throws ERR_PRIMUS_OPTION when it is no client and no spark, or an option is invalid
 * @example
 * ```ts
 * import { Primus } from 'primus-rx/client';
 * import { flow } from 'primus-rx/flow';
 *
 * const primus = new Primus('https://example.com');
 * for await (const message of flow(primus)) console.log(message); // a slow loop slows the server down
 * ```
 */
export function flow<In, Out>(end: Primus<In, Out> | FlowSpark<In, Out>, options?: FlowOptions): Flow<In, Out> {
  if (!(end as Primus)?.connection)
    throw new PrimusError(
      'ERR_PRIMUS_OPTION',
      `flow: the first argument must be a client or a spark of this package, got ${describe(end)}`,
    );
  if (options !== undefined) {
    if (!object[1](options)) throw invalid('options', object[0], options);
    check(options, { highWaterMark: size });
  }
  if (isClient(end)) return clientFlow(end as Primus<In, Out>, options);
  return flowOf(end, () => sparkEnd(end as unknown as Spark) as FlowEnd<In, Out>, options);
}

function sparkEnd(spark: Spark): FlowEnd<unknown, unknown> {
  const { connection } = spark;
  const { scheduler, highWater, maxBuffer } = spark.primus.host;
  return {
    scheduler,
    highWaterMark: highWater,
    // A client that is behind by `maxBuffer` is terminated.
    longestMark: maxBuffer / 4,
    get bufferedAmount() {
      return spark.bufferedAmount;
    },
    get isAway() {
      return connection.isAway;
    },
    get isCatchingUp() {
      return connection.session?.isCatchingUp === true;
    },
    get isOver() {
      return spark.readyState === CLOSED;
    },
    change$: spark.state$,
    watch(sent) {
      spark.on('outgoing::data', sent);
      return () => void spark.removeListener('outgoing::data', sent);
    },
    listen(next, over) {
      spark.on('data', next);
      spark.on('end', over);
      return () => {
        spark.removeListener('data', next);
        spark.removeListener('end', over);
      };
    },
    write: (data) => spark.write(data),
    flush: (done) => connection.whenWritten(done),
    end: () => void spark.end(),
    pause: (isPaused) => connection.pause(isPaused),
  };
}
