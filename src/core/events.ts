/** An emitter that knows its events: names that are not in the map do not compile. Extend the maps by declaration merging. */
export interface TypedEmitter<Events> {
  on<E extends keyof Events & string>(event: E, listener: Listener<Events, E>): this;
  once<E extends keyof Events & string>(event: E, listener: Listener<Events, E>): this;
  off<E extends keyof Events & string>(event: E, listener: Listener<Events, E>): this;
  addListener<E extends keyof Events & string>(event: E, listener: Listener<Events, E>): this;
  prependListener<E extends keyof Events & string>(event: E, listener: Listener<Events, E>): this;
  removeListener<E extends keyof Events & string>(event: E, listener: Listener<Events, E>): this;
  removeAllListeners<E extends keyof Events & string>(event?: E): this;
  emit<E extends keyof Events & string>(event: E, ...args: Partial<Arguments<Events, E>>): boolean;
  listenerCount<E extends keyof Events & string>(event: E): number;
  listeners<E extends keyof Events & string>(event: E): Listener<Events, E>[];
  eventNames(): (string | symbol)[];
}

// biome-ignore lint/suspicious/noExplicitAny: a map's values are argument lists of any make.
export type Arguments<Events, E extends keyof Events> = Events[E] extends any[] ? Events[E] : never;

export type Listener<Events, E extends keyof Events> = (...args: Arguments<Events, E>) => unknown;

/** Answers an asynchronous listener: an error refuses. */
export type ListenerNext = (error?: unknown) => void;

/** Returns whether an event is the library's own: it has a private prefix, or is one of `events`, which you may extend. */
export interface Reserved {
  (event: unknown): boolean;
  events: Record<string, unknown>;
}

export function reserve(...events: readonly string[]): Reserved {
  const reserved = ((event: unknown) =>
    /^(incoming|outgoing)::/.test(String(event)) || Object.hasOwn(reserved.events, String(event))) as Reserved;
  reserved.events = Object.fromEntries(events.map((event) => [event, 1]));
  return reserved;
}

type Emit = (event: string, ...args: unknown[]) => unknown;

/**
 * Changes the arguments of an event: to a value, to those of an array, or with `null` to none. With `undefined` they stay. Not calling
 * `next` prevents the event.
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented signature takes whatever the event carries.
export type EmitsParser = (next: (error?: unknown, value?: unknown) => void, ...args: any[]) => void;

/** The arguments of `emits` after the event: those that come first in every event, and a parser of the others. */
export type EmitsArguments = [...bound: unknown[], parser: EmitsParser] | unknown[];

/** The documented `emits`: a function that emits `event` each time it is called, with the arguments that are bound here and its own. */
export function emits(emitter: { emit: Emit }, event: string, ...bound: EmitsArguments): (...args: unknown[]) => boolean {
  const parser = bound.at(-1) as EmitsParser;
  if (typeof parser !== 'function') return (...args) => emitter.emit(event, ...bound, ...args) as boolean;
  bound.pop();
  return (...args) => {
    const next = (error?: unknown, value?: unknown) => {
      if (error) emitter.emit('error', error);
      else emitter.emit(event, ...bound, ...(value === undefined ? args : [value ?? []].flat()));
    };
    parser.call(emitter, next, ...args);
    return true;
  };
}
