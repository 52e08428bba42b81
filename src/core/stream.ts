import { Observable, type Observer, type OperatorFunction, Subscriber, type Subscription, type TeardownLogic } from 'rxjs';

/** Told of what a subscriber threw, and of the value it threw on. */
export type Report = (error: unknown, ...value: unknown[]) => void;

/**
 * An Observable whose subscribers cannot bring the process down: what one throws, or what an operator in its `pipe`
 * throws when the subscriber has no error handler, is reported to the owner of the stream instead of to the host.
 * (RxJS rethrows both in a timer.) A chain joined by a creation function such as `merge` is RxJS's own again.
 */
export class SafeObservable<T> extends Observable<T> {
  private readonly report: Report;

  constructor(subscribe: (subscriber: Subscriber<T>) => TeardownLogic, report: Report) {
    super(subscribe);
    this.report = report;
  }

  // biome-ignore lint/suspicious/noExplicitAny: one implementation for RxJS's overloads.
  override pipe(...operators: OperatorFunction<any, any>[]): Observable<any> {
    const piped = operators.reduce<Observable<unknown>>((source, operator) => operator(source), this);
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
    const guarded = (notify: () => void, ...about: T[]): void => {
      try {
        notify();
      } catch (thrown) {
        report(thrown, ...about);
      }
    };
    return super.subscribe({
      next: (value) => guarded(() => observer.next?.(value), value),
      error: (thrown) => guarded(() => (observer.error ? observer.error(thrown) : report(thrown))),
      complete: () => guarded(() => observer.complete?.()),
    });
  }
}

/** What a view needs of an emitter. */
export interface EventSource {
  // biome-ignore lint/suspicious/noExplicitAny: listeners of every event.
  on(event: string, listener: (...args: any[]) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: listeners of every event.
  prependListener(event: string, listener: (...args: any[]) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: listeners of every event.
  removeListener(event: string, listener: (...args: any[]) => void): unknown;
}

export interface EventView<T> {
  /** The events to listen to; `map` makes a value of the arguments of each. */
  // biome-ignore lint/suspicious/noExplicitAny: arguments of every event.
  events: { readonly [event: string]: (...args: any[]) => T };
  /** The event after which nothing comes. */
  end: string;
  /** Whether that has been. */
  ended: () => boolean;
  report: Report;
  /** A value to begin with. */
  replay?: () => T;
}

/** Events as a hot stream: a listener exists while somebody subscribes, and nothing otherwise. */
export function view<T>(source: EventSource, { events, end, ended, report, replay }: EventView<T>): Observable<T> {
  return new SafeObservable<T>((subscriber) => {
    if (replay) subscriber.next(replay());
    if (ended()) {
      subscriber.complete();
      return;
    }
    const complete = () => subscriber.complete();
    const listeners = Object.entries(events).map(([event, map]) => [event, (...args: unknown[]) => subscriber.next(map(...args))] as const);
    for (const [event, listener] of listeners) source.on(event, listener);
    // Before the others: a listener that throws keeps those behind it from being told.
    if (end in events) source.on(end, complete);
    else source.prependListener(end, complete);
    subscriber.add(() => {
      for (const [event, listener] of listeners) source.removeListener(event, listener);
      source.removeListener(end, complete);
    });
  }, report);
}
