import type { Observable } from 'rxjs';
import { type Report, SafeObservable } from './safe-observable.js';

/** What a view needs of an emitter. */
export interface EventSource {
  // biome-ignore lint/suspicious/noExplicitAny: listeners of every event.
  on(event: string, listener: (...args: any[]) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: listeners of every event.
  prependListener(event: string, listener: (...args: any[]) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: listeners of every event.
  removeListener(event: string, listener: (...args: any[]) => void): unknown;
}

export interface FromEventsOptions<T> {
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
export function fromEvents<T>(source: EventSource, { events, end, ended, report, replay }: FromEventsOptions<T>): Observable<T> {
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
