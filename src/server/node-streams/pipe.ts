import { guard } from '../../core/guard.js';

// biome-ignore lint/suspicious/noExplicitAny: listeners of every event.
type Listener = (...args: any[]) => void;

/** A source of messages: a spark. */
export interface PipeSource {
  readonly connection: { reportListenerError(error: unknown): void };
  on(event: 'data' | 'drain' | 'end', listener: Listener): unknown;
  removeListener(event: 'data' | 'drain' | 'end', listener: Listener): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** A target of messages: a writable stream, or a spark. */
export interface PipeTarget {
  /** Writes a message; `false` asks the source to wait for `drain`. */
  write(data: unknown): unknown;
  /** Ends the target. */
  end(): unknown;
  once(event: string, listener: (...args: unknown[]) => void): unknown;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  removeListener(event: string, listener: (...args: unknown[]) => void): unknown;
}

/**
 * Writes the messages of a spark to a target, pauses the connection while the target is full, and ends the target with the connection.
 * Unlike Node's legacy `pipe` it continues after an `error`: for a spark that is an error of one message, not of the stream.
 */
export function pipe<T extends PipeTarget>(spark: PipeSource, target: T, options?: { end?: boolean } | null): T {
  const report = (error: unknown) => spark.connection.reportListenerError(error);
  function sparkOnData(data: unknown): void {
    const accepted = target.write(data);
    if (accepted === false) spark.pause();
    else if (accepted !== true) guard(() => accepted, report);
  }
  function sparkOnEnd(): void {
    stop();
    if (options?.end !== false) guard(() => target.end(), report);
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
