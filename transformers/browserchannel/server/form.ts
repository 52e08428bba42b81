import type { BodyDecoder } from '../../shared/server/read-body.js';

const AND = 0x26;
const PLUS = 0x2b;
const EQUALS = 0x3d;
const PERCENT = 0x25;
const SPACE = 0x20;

/** Bytes that UTF-8 never has: they mark the end of a field and of its key in a form that was decoded. */
const END = 0xff;
const KEY_END = 0xfe;
/** Another one, which stands for these two where a client has sent them. */
const INVALID = 0xc0;

/**
 * Decodes a form chunk by chunk, in place: the body takes no more memory than its messages. `parseForm` reads the result. The parser of
 * Node.js takes seconds, and gigabytes, for ten million plus signs.
 */
export class FormDecoder implements BodyDecoder {
  #inKey = true;
  /** The bytes of an escape that the last chunk has begun. */
  #begun = Buffer.alloc(0);

  decode(chunk: Buffer): Buffer {
    const bytes = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    const end = beginOfEscape(bytes);
    this.#begun = Buffer.from(bytes.subarray(end));
    let to = 0;
    for (let from = 0; from < end; from++) {
      let byte = bytes[from] as number;
      if (byte === AND) {
        byte = END;
        this.#inKey = true;
      } else if (byte === EQUALS && this.#inKey) {
        byte = KEY_END;
        this.#inKey = false;
      } else {
        if (byte === PLUS) byte = SPACE;
        else if (byte === PERCENT) {
          const [high, low] = [digitOf(bytes[from + 1]), digitOf(bytes[from + 2])];
          if (high >= 0 && low >= 0) {
            byte = high * 16 + low;
            from += 2;
          }
        }
        if (byte >= KEY_END) byte = INVALID;
      }
      bytes[to++] = byte;
    }
    return bytes.subarray(0, to);
  }

  end(): Buffer {
    return this.#begun;
  }
}

/** Returns the position of an escape that bytes may end with, and that is not complete; their length when there is none. */
function beginOfEscape(bytes: Buffer): number {
  const { length } = bytes;
  const percent = bytes.lastIndexOf(PERCENT);
  return percent >= 0 && percent > length - 3 ? percent : length;
}

/** Parses at most `limit` fields of a form that was decoded; one that occurs twice has no value. */
export function parseForm(body: Buffer, limit: number): ReadonlyMap<string, string | undefined> {
  const form = new Map<string, string | undefined>();
  for (let at = 0, count = 0; at < body.length && count < limit; count++) {
    const next = body.indexOf(END, at);
    const field = body.subarray(at, next === -1 ? body.length : next);
    at += field.length + 1;
    const keyEnd = field.indexOf(KEY_END);
    const key = field.toString('utf8', 0, keyEnd === -1 ? field.length : keyEnd);
    form.set(key, form.has(key) || keyEnd === -1 ? undefined : field.toString('utf8', keyEnd + 1));
  }
  return form;
}

/** Returns the value of a hexadecimal digit, or -1. */
function digitOf(code = 0): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
