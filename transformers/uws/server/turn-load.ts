import { setImmediate } from 'node:timers';

/** The bytes of messages that may be inflated in one turn of the event loop: the engine inflates while nothing else can run. */
const INFLATABLE = 33_554_432;

/** The time after which a turn of the event loop has none left for further links that send very many messages, in ms. */
const LONG = 50;

/** That many messages of a link in one turn are very many. */
export const MANY = 128;

// What all servers have received in this turn: they share the event loop.

/** The bytes of connections with compression. */
let inflated = 0;
/** The part of each link in them. */
const owners = new Map<object, number>();
let turn = -1;
let startedAt = 0;
/** The first link that has sent very many messages. */
let first: object | undefined;

/**
 * Counts a message that may have been compressed. Returns whether it is one too many for this turn: each takes a few bytes of a segment, in
 * which there are many, and is no longer than `maxLength`.
 */
export function overinflates(link: object, length: number): boolean {
  if (inflated === 0) setImmediate(forgetInflated);
  inflated += length;
  const own = (owners.get(link) ?? 0) + length;
  owners.set(link, own);
  // A link with one message in this turn is not the cause.
  return inflated > INFLATABLE && own > length;
}

function forgetInflated(): void {
  inflated = 0;
  owners.clear();
}

/**
 * Returns whether a link that has sent very many messages in a turn has sent too many: the engine reads up to 512 kB of each connection in one
 * turn, and cannot stop reading. One link may send what it likes, others only as long as the turn is short.
 */
export function overloads(link: object, now: number): boolean {
  if (turn !== now) {
    turn = now;
    startedAt = performance.now();
    first = link;
  }
  return first !== link && performance.now() - startedAt > LONG;
}
