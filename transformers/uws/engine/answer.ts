/** The status line and headers of an answer. */
export interface Head {
  readonly status: number;
  readonly phrase: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** `Content-Length`, where it is a valid length. */
  readonly length: number | undefined;
}

const NOTHING = Buffer.alloc(0);
const END_OF_HEAD = '\r\n\r\n';
const END_OF_LINE = '\r\n';

/**
 * Parses an answer from the bytes that Node's `ServerResponse`, or the rejection of an upgrade, writes to a socket: the
 * engine wants it in parts. Informational answers are skipped, and chunks are joined: the engine writes its own.
 */
export class AnswerReader {
  head: Head | undefined;
  private rest: Buffer = NOTHING;
  private chunks: Chunks | undefined;

  /** Returns the part of the body that is in these bytes. */
  read(bytes: Buffer): Buffer {
    if (this.head !== undefined) return this.body(bytes);
    this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    const end = this.rest.indexOf(END_OF_HEAD);
    if (end === -1) return NOTHING;
    const head = parse(this.rest.toString('latin1', 0, end));
    const body = this.rest.subarray(end + END_OF_HEAD.length);
    this.rest = NOTHING;
    if (head.status < 200 && head.status !== 101) return this.read(body);
    this.head = head;
    if (/\bchunked\b/i.test(valueIn(head.fields, 'transfer-encoding') ?? '')) this.chunks = new Chunks();
    return this.body(body);
  }

  private body(bytes: Buffer): Buffer {
    return this.chunks === undefined ? bytes : this.chunks.read(bytes);
  }
}

function parse(text: string): Head {
  const [line = '', ...lines] = text.split(END_OF_LINE);
  const [, status = '500', phrase = ''] = /^HTTP\/\d\.\d (\d{3}) ?(.*)$/.exec(line) ?? [];
  const fields = lines.map((field): [string, string] => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon).trim(), field.slice(colon + 1).trim()];
  });
  const length = valueIn(fields, 'content-length') ?? '';
  return { status: Number(status), phrase, fields, length: /^\d{1,15}$/.test(length) ? Number(length) : undefined };
}

export function valueIn(fields: Head['fields'], name: string): string | undefined {
  return fields.find(([field]) => field.toLowerCase() === name)?.[1];
}

/** A body in chunks: RFC 9112, section 7.1. Trailers are dropped. */
class Chunks {
  /** The bytes left of the present chunk, its end of line included. */
  private left = 0;
  private line = '';
  private over = false;

  read(bytes: Buffer): Buffer {
    const parts: Buffer[] = [];
    let at = 0;
    while (at < bytes.length && !this.over) {
      if (this.left > 0) {
        const taken = bytes.subarray(at, at + this.left);
        at += taken.length;
        const payload = Math.min(taken.length, Math.max(0, this.left - END_OF_LINE.length));
        this.left -= taken.length;
        if (payload > 0) parts.push(taken.subarray(0, payload));
        continue;
      }
      this.line += String.fromCharCode(bytes[at++] as number);
      if (!this.line.endsWith(END_OF_LINE)) continue;
      const size = Number.parseInt(this.line, 16);
      this.line = '';
      this.over = size === 0;
      this.left = size + END_OF_LINE.length;
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }
}
