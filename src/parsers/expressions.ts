/** What the expressions of a message may cost in all; see `costOf`. */
export const AFFORDABLE = 1_000_000;

/**
 * What it costs to make an expression, which engines do at once: about a tenth of a microsecond each. Properties of Unicode
 * (`\p{…}`) are looked up with the flag `u`, and with `v`, where they may stand for texts, take up to 15 ms.
 */
export function costOf(source: string, flags: string): number {
  const properties = source.match(/\\p/gi)?.length ?? 0;
  const each = flags.includes('v') ? 100_000 : flags.includes('u') ? 1_000 : 0;
  return source.length * 4 + properties * each;
}
