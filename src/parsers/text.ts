import { describe } from '../core/errors.js';
import type { Frame } from '../core/link.js';

/** Returns a frame as a string; bytes are decoded as UTF-8. */
export function textOf(frame: Frame): string {
  return typeof frame === 'string' ? frame : new TextDecoder('utf-8', { fatal: true }).decode(frame);
}

/** Returns the result of a stringifier. Throws when it is `undefined`: JSON cannot represent the value. */
export function made(text: string | undefined, data: unknown): string {
  if (text === undefined) throw new TypeError(`JSON cannot represent ${describe(data)}`);
  return text;
}
