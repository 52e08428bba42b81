// biome-ignore lint/suspicious/noExplicitAny: listeners of every event.
type Listener = (...args: any[]) => void;

/** What messages can be piped from: a spark. */
export interface PipeSource {
  on(event: 'data' | 'drain' | 'end', listener: Listener): unknown;
  removeListener(event: 'data' | 'drain' | 'end', listener: Listener): unknown;
  pause(): unknown;
  resume(): unknown;
}

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
export function pipe<T extends PipeTarget>(spark: PipeSource, target: T, { end = true }: { end?: boolean } = {}): T {
  function sparkOnData(data: unknown): void {
    if (target.write(data) === false) spark.pause();
  }
  function sparkOnEnd(): void {
    stop();
    if (end) target.end();
  }
  function targetOnDrain(): void {
    spark.resume();
  }
  function stop(): void {
    spark.removeListener('data', sparkOnData);
    spark.removeListener('end', sparkOnEnd);
    target.removeListener('drain', targetOnDrain);
    target.removeListener('close', stop);
    spark.resume();
  }
  spark.on('data', sparkOnData);
  spark.on('end', sparkOnEnd);
  target.on('drain', targetOnDrain);
  target.once('close', stop);
  target.emit('pipe', spark);
  return target;
}
