import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from 'node:zlib';

/** A message in the drivers of faye-websocket and sockjs. */
interface Message {
  rsv1: boolean;
  data: Buffer;
}

type Done = (error: (Error & { type?: string }) | null, message?: Message) => void;

type Params = Record<string, unknown>;

/** The end of a Z_SYNC_FLUSH, which is left out on the wire: RFC 7692, section 7.2.1. */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** Shorter messages are not compressed: they would only grow. In bytes. */
const THRESHOLD = 1_024;

/** The type of error that the drivers close with 1009. */
const TOO_LARGE = 'too_large';

/**
 * Creates a permessage-deflate extension (RFC 7692) for the server side of drivers that take plug-ins of
 * websocket-extensions. Contexts are not taken over from one message to the next, so that an idle connection has no
 * compressor. A message is never inflated beyond `maxLength`.
 */
export function deflate(maxLength: number) {
  return {
    name: 'permessage-deflate',
    type: 'permessage',
    rsv1: true,
    rsv2: false,
    rsv3: false,
    createClientSession: () => null,
    createServerSession(offers: Params[]) {
      const offer = offers.find(acceptable);
      return offer === undefined ? null : new DeflateSession(maxLength, offer);
    },
  };
}

const KNOWN = ['server_no_context_takeover', 'client_no_context_takeover', 'server_max_window_bits', 'client_max_window_bits'];

/** Whether an offer can be accepted: not with an unknown parameter, one given twice, or a window of 8 bits, which zlib lacks. */
function acceptable(offer: Params): boolean {
  return Object.entries(offer).every(([name, value]) => {
    if (!KNOWN.includes(name)) return false;
    if (name.endsWith('takeover')) return value === true;
    const bits = Number(value);
    return (value === true && name === 'client_max_window_bits') || (Number.isInteger(bits) && bits >= 9 && bits <= 15);
  });
}

class DeflateSession {
  readonly #maxLength: number;
  readonly #windowBits: number | undefined;

  constructor(maxLength: number, { server_max_window_bits: bits }: Params) {
    this.#maxLength = maxLength;
    this.#windowBits = bits === undefined ? undefined : Number(bits);
  }

  generateResponse(): Params {
    const bits = this.#windowBits;
    return {
      server_no_context_takeover: true,
      client_no_context_takeover: true,
      ...(bits !== undefined && { server_max_window_bits: bits }),
    };
  }

  processIncomingMessage(message: Message, done: Done): void {
    if (!message.rsv1) {
      done(null, message);
      return;
    }
    run(createInflateRaw(), [message.data, TAIL], this.#maxLength, (error, data) => {
      if (error === null) done(null, Object.assign(message, { data }));
      else done(error);
    });
  }

  processOutgoingMessage(message: Message, done: Done): void {
    if (message.data.length < THRESHOLD) {
      done(null, message);
      return;
    }
    const deflater = createDeflateRaw({ windowBits: this.#windowBits ?? 15 });
    run(deflater, [message.data], Number.POSITIVE_INFINITY, (error, data) => {
      if (error !== null) done(error);
      else done(null, Object.assign(message, { rsv1: true, data: data.subarray(0, -TAIL.length) }));
    });
  }

  close(): void {}
}

/** Runs a message through zlib, up to `limit` bytes. */
function run(
  through: InflateRaw | DeflateRaw,
  input: Buffer[],
  limit: number,
  done: (error: (Error & { type?: string }) | null, data: Buffer) => void,
): void {
  const output: Buffer[] = [];
  let length = 0;
  const end = (error: (Error & { type?: string }) | null) => {
    through.removeAllListeners();
    // Work that is still in the thread pool may yet fail.
    through.on('error', ignore);
    through.destroy();
    done(error, Buffer.concat(output));
  };
  through.on('error', (error) => end(Object.assign(error, { type: 'encoding_error' })));
  through.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= limit) output.push(chunk);
    else end(Object.assign(new Error(`A message exceeds ${limit} bytes once it is inflated`), { type: TOO_LARGE }));
  });
  for (const chunk of input) through.write(chunk);
  through.flush(constants.Z_SYNC_FLUSH, () => {
    if (length <= limit) end(null);
  });
}

function ignore(): void {}
