// V8 keeps the values of keys such as `1000` in an array, and allocates it up to a key of about a thousand beyond the others: 12 kB for an
// object with one key, 600 MB for a frame of a quarter of a megabyte. A key that is much larger makes it use a table instead.

/** The largest index of an array. */
const LAST = 4_294_967_294;

/** Its value, which no message has. */
const MARK = {};

/** The number of unused places in an array that are not worth a table. */
const GAP = 64;

/** Whether a key of an object with `count` keys is a number beyond so many unused ones. */
export function isFar(key: string | number, count: number): boolean {
  return (typeof key === 'number' || isDigit(key.charCodeAt(0))) && Number(key) > count + GAP;
}

/** Makes an object use a table. */
export function beginSparse(object: object): void {
  (object as Record<number, unknown>)[LAST] = MARK;
}

/** Completes an object that uses a table. */
export function endSparse(object: object): void {
  if ((object as Record<number, unknown>)[LAST] === MARK) delete (object as Record<number, unknown>)[LAST];
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
