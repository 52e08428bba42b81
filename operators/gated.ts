import { defer, filter, type MonoTypeOperatorFunction, mergeAll, mergeMap, type Observable, takeWhile } from 'rxjs';

/** Keeps the values that come while a gate is closed. */
export interface Waiting<T> {
  /** Whether no value waits. */
  isEmpty(): boolean;
  /** Takes a value that comes while the gate is closed, or while others are being released. */
  keep(value: T): void;
  /** Releases the values that wait, each when the one before has been received, as long as `isOpen` is true. */
  release(isOpen: () => boolean): Iterable<T>;
}

/** Follows the last value, so that the completion waits as long as the values before it. */
const END = Symbol('end');

/** Lets values pass while a gate is open; what waits is created anew for each subscription. The completion waits behind the values. */
export function gated<T>(gate: Observable<boolean>, create: () => Waiting<T>): MonoTypeOperatorFunction<T> {
  return (source) =>
    defer(() => {
      const waiting = create();
      let open = false;
      let releasing = false;
      let ended = false;

      /** A loop that goes on while the gate is open: a gate that opens meanwhile must not begin another. */
      function* release(): Generator<T | typeof END> {
        releasing = true;
        yield* waiting.release(() => open);
        releasing = false;
        if (open && ended) yield END;
      }

      function opens(state: boolean): boolean {
        open = state;
        return open && !releasing && (ended || !waiting.isEmpty());
      }

      function passes(value: T | typeof END): boolean {
        if (open && !releasing) return true;
        if (value === END) ended = true;
        else waiting.keep(value);
        return false;
      }

      const source$ = defer((): [Observable<T>, [typeof END]] => [source, [END]]).pipe(mergeAll(1), filter(passes));
      // The gate first: one that is open from the start is open to a source that emits at once.
      return defer(() => [gate.pipe(filter(opens), mergeMap(release)), source$]).pipe(
        mergeAll(),
        takeWhile((value): value is T => value !== END),
      );
    });
}
