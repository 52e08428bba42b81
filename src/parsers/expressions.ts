/** The limit of the cost of all regular expressions in a message; see `costOf`. */
export const AFFORDABLE = 1_000_000;

/** The cost of the shortest one. */
const EACH = 50;

/**
 * Estimates the cost of creating a regular expression, which engines compile at once: a unit is about a tenth of a microsecond. With the
 * flag `u` properties of Unicode (`\p{…}`) are looked up; with `v`, where they may match strings, one takes up to 15 ms.
 */
export function costOf(source: string, flags: string): number {
  const properties = source.match(/\\p/gi)?.length ?? 0;
  const each = flags.includes('v') ? 100_000 : flags.includes('u') ? 1_000 : 0;
  return EACH + source.length * 4 + properties * each;
}
