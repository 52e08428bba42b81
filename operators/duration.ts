/** Milliseconds, or a string such as `'2 s'`, `'500 ms'`, `'1.5 minutes'`. */
export type Duration = number | string;

/** The longest wait, in ms, that the timers of JavaScript platforms take (24.8 days); a longer one would fire at once. */
export const LONGEST_WAIT = 2 ** 31 - 1;

const DURATION =
  /^\s*(\d+(?:\.\d+)?)\s*(?:(|ms|msecs?|milliseconds?)|(s|secs?|seconds?)|(m|mins?|minutes?)|(h|hrs?|hours?)|(d|days?))\s*$/i;

/** The ms of each unit of `DURATION`, in its order. */
const UNITS = [1, 1e3, 6e4, 36e5, 864e5];

/**
 * Converts a duration to milliseconds.
 *
 * @throws TypeError when the value is neither a number of ms, 0 or more, nor such a string
 */
export function milliseconds(duration: unknown): number {
  const result = parseDuration(duration);
  if (result !== undefined) return result;
  throw new TypeError(`A duration must be a time in ms or a string such as '2 s', got ${String(duration)}`);
}

/** The same for callers with an error of their own: returns `undefined` when the value is no duration. */
export function parseDuration(duration: unknown): number | undefined {
  const [, amount, ...units] = (typeof duration === 'string' && DURATION.exec(duration)) || [];
  const result = amount ? Number(amount) * (UNITS[units.findIndex((unit) => unit !== undefined)] as number) : duration;
  return typeof result === 'number' && result >= 0 ? result : undefined;
}
