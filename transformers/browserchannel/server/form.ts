const AND = 0x26;
const PLUS = 0x2b;
const EQUALS = 0x3d;
const PERCENT = 0x25;
const SPACE = 0x20;

/**
 * Parses at most `limit` fields of a form; one that occurs twice has no value. The body is decoded in place: the parser of Node.js takes
 * seconds, and gigabytes, for ten million plus signs.
 */
export function parseForm(body: Buffer, limit: number): ReadonlyMap<string, string | undefined> {
  const form = new Map<string, string | undefined>();
  for (let at = 0, count = 0; at < body.length && count < limit; count++) {
    const next = body.indexOf(AND, at);
    const field = body.subarray(at, next === -1 ? body.length : next);
    at += field.length + 1;
    const equals = field.indexOf(EQUALS);
    const key = decode(field.subarray(0, equals === -1 ? field.length : equals));
    form.set(key, form.has(key) || equals === -1 ? undefined : decode(field.subarray(equals + 1)));
  }
  return form;
}

function decode(bytes: Buffer): string {
  let to = 0;
  for (let from = 0; from < bytes.length; from++) {
    let byte = bytes[from] as number;
    if (byte === PLUS) byte = SPACE;
    else if (byte === PERCENT) {
      const [high, low] = [digitOf(bytes[from + 1]), digitOf(bytes[from + 2])];
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        from += 2;
      }
    }
    bytes[to++] = byte;
  }
  return bytes.toString('utf8', 0, to);
}

/** Returns the value of a hexadecimal digit, or -1. */
function digitOf(code = 0): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
