import type { Observable } from 'rxjs';
import { type Report, SafeObservable } from './safe-observable.js';

// biome-ignore lint/suspicious/noExplicitAny: listeners of every event.
type Listener = (...args: any[]) => void;

/** The methods of an emitter that `fromEvents` uses. */
export interface EventSource {
  on(event: string, listener: Listener): unknown;
  prependListener(event: string, listener: Listener): unknown;
  removeListener(event: string, listener: Listener): unknown;
}

/** The options of `fromEvents`. */
export interface FromEventsOptions<T> {
  /** The events to listen to; each function makes a value of the arguments. */
  // biome-ignore lint/suspicious/noExplicitAny: arguments of every event.
  events: { readonly [event: string]: (...args: any[]) => T };
  /** The event after which nothing comes. */
  end: string;
  /** Whether that was emitted. */
  ended: () => boolean;
  report: Report;
  /** The values that a subscriber gets at once. @defaultValue none */
  replay?: () => readonly T[];
}

/** Events as a hot stream: a listener exists while there is a subscriber, and nothing otherwise. */
export function fromEvents<T>(source: EventSource, { events, end, ended, report, replay }: FromEventsOptions<T>): Observable<T> {
  return new SafeObservable<T>((subscriber) => {
    for (const value of replay?.() ?? []) subscriber.next(value);
    if (ended()) {
      subscriber.complete();
      return;
    }
    const complete = () => subscriber.complete();
    const listeners = Object.entries(events).map(([event, map]) => [event, (...args: unknown[]) => subscriber.next(map(...args))] as const);
    // Before the others where a state or an end is at stake: a listener that throws keeps those behind it from being called.
    source.prependListener(end, complete);
    for (const [event, listener] of listeners) {
      if (replay !== undefined || event === end) source.prependListener(event, listener);
      else source.on(event, listener);
    }
    subscriber.add(() => {
      for (const [event, listener] of listeners) source.removeListener(event, listener);
      source.removeListener(end, complete);
    });
  }, report);
}
