import { Duplex } from 'node:stream';
import { type Subscription, timer } from 'rxjs';
import { PrimusError } from '../../core/errors.js';
import { CLOSED } from '../../core/ready-state.js';
import type { Spark } from '../spark.js';

/** How long a writer may take to end what is over, in ms. */
const PATIENCE = 1_000;

/**
 * A spark as a modern stream of objects: reading pauses the connection when the buffer is full, writing waits for a
 * peer that is slow, ending it ends the spark. What came before the end of the connection can still be read after it.
 * `null` ends a Node stream, so a message that is null is left out.
 */
export function duplex<In, Out>(spark: Spark<In, Out>): Duplex {
  let patience: Subscription | undefined;
  let waiting: ((error?: Error | null) => void) | undefined;
  const stream = new Duplex({
    objectMode: true,
    read: () => void spark.resume(),
    write(data: Out, _encoding, done) {
      spark.write(data);
      if (spark.readyState === CLOSED) done(closed());
      else if (spark.connection.crowded) waiting = done;
      else done();
    },
    final(done) {
      spark.end();
      done();
    },
    destroy(error, done) {
      patience?.unsubscribe();
      spark.removeListener('data', push);
      spark.removeListener('drain', drained);
      spark.removeListener('end', over);
      spark.end();
      done(error);
    },
  });
  function push(data: In): void {
    if (data !== null && !stream.push(data)) spark.pause();
  }
  function drained(): void {
    const done = waiting;
    waiting = undefined;
    done?.();
  }
  function over(): void {
    spark.removeListener('data', push);
    waiting?.(closed());
    stream.push(null);
    // Who writes only reads no end; who reads gets all there is before it.
    stream.read(0);
  }
  stream.once('end', () => {
    // What is read may come back here, changed, in one `pipeline`: its end reaches the writable side a little later.
    const read = stream.readableFlowing !== null || stream.listenerCount('readable') > 0;
    const written = stream.listenerCount('unpipe') > 0;
    if (read && written) patience = timer(PATIENCE, spark.primus.host.scheduler).subscribe(() => stream.destroy());
    else stream.destroy();
  });
  if (spark.readyState === CLOSED) {
    over();
  } else {
    spark.on('data', push);
    spark.on('drain', drained);
    spark.once('end', over);
  }
  return stream;
}

function closed(): PrimusError {
  return new PrimusError('ERR_PRIMUS_CLOSED', 'The connection is over');
}
