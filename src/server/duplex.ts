import { Duplex } from 'node:stream';
import type { Spark } from './spark.js';

/**
 * A spark as a modern stream of objects: reading pauses the connection when the buffer is full, writing waits for a
 * peer that is slow, ending it ends the spark. `null` ends a Node stream, so a message that is null is left out.
 */
export function duplex<In, Out>(spark: Spark<In, Out>): Duplex {
  const stream = new Duplex({
    objectMode: true,
    read: () => void spark.resume(),
    write(data: Out, _encoding, done) {
      if (!spark.write(data)) done(spark.readyState === 3 ? null : new Error('The connection is over'));
      else if (spark.connection.crowded) spark.once('drain', () => done());
      else done();
    },
    final(done) {
      spark.end();
      done();
    },
    destroy(error, done) {
      spark.removeListener('data', push);
      spark.end();
      done(error);
    },
  });
  function push(data: In): void {
    if (data !== null && !stream.push(data)) spark.pause();
  }
  spark.on('data', push);
  spark.once('end', () => {
    stream.push(null);
    if (!stream.writableFinished) stream.destroy();
  });
  return stream;
}
