import { Observable, type Observer, type OperatorFunction, Subscriber, type Subscription, type TeardownLogic } from 'rxjs';
import { guard } from '../guard.js';

/** Reports an error that a subscriber threw, with the value that it received. */
export type Report = (error: unknown, ...value: unknown[]) => void;

/**
 * An Observable whose subscribers cannot bring the process down: what one throws, what the promise of an async one is rejected with, and
 * what an operator in its `pipe` throws when the subscriber has no error handler, is reported to the owner of the stream instead of to the
 * host. (RxJS rethrows the first and the last in a timer.) A chain joined by a creation function such as `merge` is RxJS's own again.
 */
export class SafeObservable<T> extends Observable<T> {
  private readonly report: Report;

  constructor(subscribe: (subscriber: Subscriber<T>) => TeardownLogic, report: Report) {
    super(subscribe);
    this.report = report;
  }

  // biome-ignore lint/suspicious/noExplicitAny: one implementation for RxJS's overloads.
  override pipe(...operators: OperatorFunction<any, any>[]): Observable<any> {
    const piped: Observable<unknown> = super.pipe.apply(this, operators as never);
    return new SafeObservable((subscriber) => piped.subscribe(subscriber), this.report);
  }

  override subscribe(
    target?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    if (target instanceof Subscriber) return super.subscribe(target);
    const { report } = this;
    const observer = (typeof target === 'function' || !target ? { next: target, error, complete } : target) as Partial<Observer<T>>;
    return super.subscribe({
      next: (value) =>
        guard(
          () => observer.next?.(value),
          (thrown) => report(thrown, value),
        ),
      error: (thrown) => guard(() => (observer.error ?? report).call(observer, thrown), report),
      complete: () => guard(() => observer.complete?.(), report),
    });
  }
}
