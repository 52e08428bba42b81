import { guard } from '../../core/guard.js';

// biome-ignore lint/suspicious/noExplicitAny: listeners of every event.
type Listener = (...args: any[]) => void;

/** A source of messages: a spark or a client. */
export interface PipeSource {
  on(event: 'data' | 'drain' | 'end', listener: Listener): unknown;
  removeListener(event: 'data' | 'drain' | 'end', listener: Listener): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** A target of messages: a writable stream, a spark or a client. */
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
 * Writes the messages of a spark or client to a target, pauses the connection while the target is full, and ends the target with the spark or
 * client. Unlike Node's legacy `pipe` it continues after an `error`, which is one of a message here, not of the stream. `report` gets what the
 * target throws.
 */
export function pipe<T extends PipeTarget>(
  source: PipeSource,
  target: T,
  options: { end?: boolean } | null | undefined,
  report: (error: unknown) => void,
): T {
  function sourceOnData(data: unknown): void {
    const accepted = target.write(data);
    if (accepted === false) source.pause();
    else if (accepted !== true) guard(() => accepted, report);
  }
  function sourceOnEnd(): void {
    stop();
    if (options?.end !== false) guard(() => target.end(), report);
  }
  function targetOnDrain(): void {
    source.resume();
  }
  function stop(): void {
    source.removeListener('data', sourceOnData);
    source.removeListener('end', sourceOnEnd);
    target.removeListener('drain', targetOnDrain);
    target.removeListener('close', stop);
    source.resume();
  }
  source.on('data', sourceOnData);
  source.on('end', sourceOnEnd);
  target.on('drain', targetOnDrain);
  target.once('close', stop);
  target.emit('pipe', source);
  return target;
}
