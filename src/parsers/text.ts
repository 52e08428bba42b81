import type { Frame } from '../core/link.js';

/** The text of a frame; bytes are taken for UTF-8. */
export function textOf(frame: Frame): string {
  return typeof frame === 'string' ? frame : new TextDecoder('utf-8', { fatal: true }).decode(frame);
}

/** What a stringifier made of a value; those of JavaScript make nothing of what they have no form for. */
export function made(text: string | undefined, data: unknown): string {
  if (text === undefined) throw new TypeError(`JSON has no form for ${typeof data === 'function' ? 'a function' : String(data)}`);
  return text;
}
