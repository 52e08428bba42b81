import { checkJson } from '../../../src/core/json-limits.js';
import type { Frame } from '../../../src/core/link.js';
import { SERVER_DEFAULTS } from '../../../src/core/options.js';
import { nodeBytes } from '../../shared/server/node-bytes.js';
import { decodeString } from '../../shared/string-frames.js';
import { parseForm } from './form.js';

/** The most messages in one request: clients send no more. */
const MANY = 1_000;

/** The messages of one request, and the number of the first. */
export interface Batch {
  first: number;
  frames: (Frame | undefined)[];
}

/** Parses the messages of a body: JSON, or a form that was decoded. `undefined` when it is malformed, or when messages before it are missing. */
export function parseBatch(body: Buffer, isForm: boolean, expected: number): Batch | undefined {
  try {
    const batch = isForm ? fromForm(body) : fromJson(body.toString());
    if (batch.frames.length > MANY || !(batch.first <= expected)) return undefined;
    return batch.frames.length === 0 ? { ...batch, first: expected } : batch;
  } catch {
    return undefined;
  }
}

/** `count=2&ofs=0&req0__S=text&req1_JSON=%7B%7D` */
function fromForm(body: Buffer): Batch {
  const form = parseForm(body, MANY * 2);
  const count = parseNumber(form.get('count')) ?? Number.NaN;
  if (!(count <= MANY)) throw new RangeError(`A request carries at most ${MANY} messages`);
  const frames = Array.from({ length: count }, (_, index) => {
    const message = form.get(`req${index}__S`) ?? form.get(`req${index}_JSON`);
    return message === undefined ? undefined : decodeString(message, nodeBytes);
  });
  return { first: count === 0 ? 0 : (parseNumber(form.get('ofs')) ?? Number.NaN), frames };
}

/** `{ "ofs": 0, "data": ["text", {}] }` */
function fromJson(body: string): Batch {
  // A message is a string in it; one of a foreign client may be any value.
  checkJson(body, SERVER_DEFAULTS);
  const { ofs, data } = JSON.parse(body) as { ofs: unknown; data: unknown[] };
  return {
    first: parseNumber(String(ofs)) ?? Number.NaN,
    frames: data.map((message) => (typeof message === 'string' ? decodeString(message, nodeBytes) : JSON.stringify(message))),
  };
}

/** Parses the number of a request or a message, from an address or a form. */
export function parseNumber(digits: string | null | undefined): number | undefined {
  return digits != null && /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}
