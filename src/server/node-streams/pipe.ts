import type { Spark } from '../spark.js';

/** What messages can be piped into. */
export interface PipeTarget {
  write(data: unknown): unknown;
  end(): unknown;
  once(event: string, listener: (...args: unknown[]) => void): unknown;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  removeListener(event: string, listener: (...args: unknown[]) => void): unknown;
}

/**
 * Writes the messages of a spark to a target, pausing the connection while that is full, and ends it with the
 * connection. Unlike Node's legacy `pipe` it goes on after an `error`: of a spark that is one message, not the stream.
 */
export function pipe<T extends PipeTarget>(spark: Spark, target: T, { end = true }: { end?: boolean } = {}): T {
  const forward = (data: unknown): void => {
    if (target.write(data) === false) spark.pause();
  };
  const goOn = (): void => void spark.resume();
  const finish = (): void => {
    stop();
    if (end) target.end();
  };
  function stop(): void {
    spark.removeListener('data', forward);
    spark.removeListener('end', finish);
    target.removeListener('drain', goOn);
    target.removeListener('close', stop);
    spark.resume();
  }
  spark.on('data', forward);
  spark.on('end', finish);
  target.on('drain', goOn);
  target.once('close', stop);
  target.emit('pipe', spark);
  return target;
}
