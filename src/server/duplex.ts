import { Duplex } from 'node:stream';
import { PrimusError } from '../core/errors.js';
import { CLOSED } from '../core/ready-state.js';
import type { Spark } from './spark.js';

/**
 * A spark as a modern stream of objects: reading pauses the connection when the buffer is full, writing waits for a
 * peer that is slow, ending it ends the spark. What came before the end of the connection can still be read after it.
 * `null` ends a Node stream, so a message that is null is left out.
 */
export function duplex<In, Out>(spark: Spark<In, Out>): Duplex {
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
  stream.once('end', () => stream.destroy());
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
