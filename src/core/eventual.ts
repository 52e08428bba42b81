import { asError } from './errors.js';

/** An error-first callback. */
export type Done<T> = (error?: Error | null, value?: T) => void;

/** A value, or the promise of one. */
export type Eventual<T> = T | Promise<T>;

/** Whether a value is a promise, or any other thenable. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/**
 * The outcome of a callback that has not been called yet. Only the first call counts. Unlike a promise it has one reader, which it calls
 * in the same turn: before the call of the callback returns.
 */
export class Pending<T> {
  private called = false;
  private error: Error | null | undefined;
  private value: T | undefined;
  private reader: Done<T> | undefined;

  /** The callback. */
  readonly done: Done<T> = (error, value) => {
    if (this.called) return;
    this.called = true;
    this.error = error;
    this.value = value;
    this.reader?.(error, value);
  };

  /**
   * Runs a function that takes an error-first callback. An async function may also answer by rejecting.
   *
   * @returns the value when the callback was called before `run` returned
   * @throws the error that the callback was called with before `run` returned
   */
  static of<T>(run: (done: Done<T>) => unknown): T | Pending<T> {
    const pending = new Pending<T>();
    const result = run(pending.done);
    if (isPromise(result)) result.then(undefined, (thrown: unknown) => pending.done(asError(thrown)));
    if (!pending.called) return pending;
    if (pending.error) throw pending.error;
    return pending.value as T;
  }

  /** Calls `reader` with the outcome, at once when it is known. */
  read(reader: Done<T>): void {
    if (this.called) reader(this.error, this.value);
    else this.reader = reader;
  }
}

/** Turns a pending value into a promise; any other value stays as it is. */
export function toEventual<T>(value: T | Pending<T>): Eventual<T> {
  if (!(value instanceof Pending)) return value;
  return new Promise<T>((resolve, reject) => {
    value.read((error, late) => (error ? reject(error) : resolve(late as T)));
  });
}
