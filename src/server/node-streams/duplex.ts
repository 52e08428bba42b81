import { Duplex } from 'node:stream';
import { type SchedulerLike, type Subscription, timer } from 'rxjs';
import { PrimusError } from '../../core/errors.js';
import { CLOSED, type ReadyState } from '../../core/ready-state.js';
import type { PipeSource } from './pipe.js';

/** The time in which a writer must end its side after the connection has ended, in ms. */
const END_TIMEOUT = 1_000;

/** The part of a spark, or of what a client puts in its place, that its duplex stream uses. */
export interface DuplexSource<Out> extends PipeSource {
  readonly readyState: ReadyState;
  readonly connection: { readonly crowded: boolean };
  readonly primus: { readonly host: { readonly scheduler: SchedulerLike; warn(error: unknown): void } };
  write(data: Out): unknown;
  end(): unknown;
}

/**
 * Returns a spark as a `Duplex` stream of objects. A full read buffer pauses the connection, writing waits for a slow consumer, and
 * ending the stream ends the spark. Messages that arrived before the end of the connection can be read after it. A message that is `null`
 * is left out, as `null` ends a Node stream.
 */
export function duplex<In, Out>(spark: DuplexSource<Out>): Duplex {
  let endTimer: Subscription | undefined;
  let waiting: ((error?: Error | null) => void) | undefined;
  const stream = new Duplex({
    objectMode: true,
    read: () => void spark.resume(),
    write(data: Out, _encoding, done) {
      spark.write(data);
      if (spark.readyState === CLOSED) done(closedError());
      else if (spark.connection.crowded) waiting = done;
      else done();
    },
    final(done) {
      spark.end();
      done();
    },
    destroy(error, done) {
      endTimer?.unsubscribe();
      spark.removeListener('data', sparkOnData);
      spark.removeListener('drain', sparkOnDrain);
      spark.removeListener('end', sparkOnEnd);
      spark.end();
      done(error);
    },
  });
  function sparkOnData(data: In): void {
    if (data !== null && !stream.push(data)) spark.pause();
  }
  function sparkOnDrain(): void {
    const done = waiting;
    waiting = undefined;
    done?.();
  }
  function sparkOnEnd(): void {
    spark.removeListener('data', sparkOnData);
    waiting?.(closedError());
    stream.push(null);
    // A stream that is only written to reads no end; one that is read gets all messages before it.
    stream.read(0);
  }
  // Node.js throws an error without listeners.
  stream.on('error', (error) => {
    if (stream.listenerCount('error') === 1) spark.primus.host.warn(error);
  });
  stream.once('end', () => {
    // One `pipeline` may write to this stream what it reads from it: the end then reaches the writable side a little later.
    const read = stream.readableFlowing !== null || stream.listenerCount('readable') > 0;
    const written = stream.listenerCount('unpipe') > 0;
    if (read && written) endTimer = timer(END_TIMEOUT, spark.primus.host.scheduler).subscribe(() => stream.destroy());
    else stream.destroy();
  });
  if (spark.readyState === CLOSED) {
    sparkOnEnd();
  } else {
    spark.on('data', sparkOnData);
    spark.on('drain', sparkOnDrain);
    spark.on('end', sparkOnEnd);
  }
  return stream;
}

function closedError(): PrimusError {
  return new PrimusError('ERR_PRIMUS_CLOSED', 'The connection has ended');
}
