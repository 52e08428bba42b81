import { parse } from 'node:querystring';
import type { Frame } from '../../../src/core/link.js';
import { frameOf } from '../../shared/server/string-codec.js';

/** Most messages of one request, as clients have it, and most fields of its body. */
const MANY = 1_000;

/** What a request carries: its messages, and the number of the first. */
export interface Load {
  first: number;
  frames: (Frame | undefined)[];
}

/** The messages of a body, none of which lies ahead of the one expected; `undefined` for what is none. */
export function decode(body: Buffer, type: string | undefined, expected: number): Load | undefined {
  try {
    const load = type === 'application/json' ? fromJson(body.toString()) : fromForm(body.toString());
    if (load.frames.length > MANY || !(load.first <= expected)) return undefined;
    return load.frames.length === 0 ? { ...load, first: expected } : load;
  } catch {
    return undefined;
  }
}

/** `count=2&ofs=0&req0__S=text&req1_JSON=%7B%7D` */
function fromForm(text: string): Load {
  const form = parse(text, '&', '=', { maxKeys: MANY * 2 });
  const count = number(form.count as string) ?? Number.NaN;
  if (!(count <= MANY)) throw new RangeError('That many messages are not taken');
  const frames = Array.from({ length: count }, (_, index) => {
    const message = form[`req${index}__S`] ?? form[`req${index}_JSON`];
    return typeof message === 'string' ? frameOf(message) : undefined;
  });
  return { first: count === 0 ? 0 : (number(form.ofs as string) ?? Number.NaN), frames };
}

/** `{ "ofs": 0, "data": ["text", {}] }` */
function fromJson(text: string): Load {
  const { ofs, data } = JSON.parse(text) as { ofs: unknown; data: unknown[] };
  return {
    first: number(String(ofs)) ?? Number.NaN,
    frames: data.map((message) => (typeof message === 'string' ? frameOf(message) : JSON.stringify(message))),
  };
}

/** A number of a request or a message, as it stands in an address or a form. */
export function number(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
