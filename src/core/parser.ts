import { describe, PrimusError } from './errors.js';
import { type Done, type Eventual, isPromise } from './eventual.js';
import { fromNodeCallback } from './from-node-callback.js';
import type { Frame } from './link.js';

/**
 * Encoder and decoder, as documented: both asynchronous, both error first.
 * A parser that can answer at once says so with `encode` and `decode`, and its messages take no detour.
 */
export interface Parser {
  /** Makes a frame of a value. */
  encoder(data: unknown, done: Done<Frame>): void;
  /** Makes a value of a frame. */
  decoder(frame: Frame, done: Done<unknown>): void;
  /** Synchronous encoder; throws. */
  encode?(data: unknown): Frame;
  /** Synchronous decoder; throws. */
  decode?(frame: Frame): unknown;
  /** JavaScript source that the encoder and decoder need in a served client. */
  library?: string;
  /** Lower-case; `custom` for a parser the user brought. */
  readonly name?: string;
  /** Loads a package that is optional, ahead of the first message; throws `ERR_PRIMUS_MISSING` when it cannot. */
  load?(): void;
  /** File name of its browser bundle, of those that a served client does not have by itself. */
  readonly bundle?: string;
}

/** The frame of a message, now or later; throws, or rejects, when there is none. */
export function encoded(parser: Parser, data: unknown): Eventual<Frame> {
  if (parser.encode !== undefined) return toFrame(parser.encode(data));
  const made = fromNodeCallback<unknown>((done) => parser.encoder(data, done));
  return isPromise(made) ? made.then(toFrame) : toFrame(made);
}

/** What an encoder made, which may be anybody's, as frameworks take it. */
export function toFrame(made: unknown): Frame {
  if (typeof made === 'string' || made instanceof Uint8Array) return made;
  if (ArrayBuffer.isView(made)) return new Uint8Array(made.buffer, made.byteOffset, made.byteLength);
  if (made instanceof ArrayBuffer) return new Uint8Array(made);
  throw new TypeError(`The encoder made ${describe(made)}, which is neither a text nor bytes`);
}

/** A parser made of two synchronous functions. */
export function defineParser(name: string, encode: (data: unknown) => Frame, decode: (frame: Frame) => unknown): Parser {
  return {
    name,
    encode,
    decode,
    encoder: (data, done) => answer(() => encode(data), done),
    decoder: (frame, done) => answer(() => decode(frame), done),
  };
}

/** Calls back with what `run` returns or throws. What `done` itself throws is not ours to catch. */
function answer<T>(run: () => T, done: Done<T>): void {
  let value: T;
  try {
    value = run();
  } catch (error) {
    done(error as Error);
    return;
  }
  done(null, value);
}

/** Finds a parser by its name in any case, or takes the one given. */
export function findParser(wanted: unknown, known: ReadonlyMap<string, Parser>): Parser {
  if (typeof wanted === 'string') {
    const parser = known.get(wanted.toLowerCase());
    if (parser) {
      parser.load?.();
      return parser;
    }
    throw new PrimusError(
      'ERR_PRIMUS_PARSER',
      `There is no parser ${describe(wanted)}; use one of ${[...known.keys()].join(', ')} or an object with encoder and decoder`,
    );
  }
  const parser = wanted as Partial<Parser> | null | undefined;
  if (typeof parser?.encoder === 'function' && typeof parser.decoder === 'function') return parser as Parser;
  throw new PrimusError(
    'ERR_PRIMUS_PARSER',
    `The parser must be a name or an object with the functions encoder and decoder, not ${describe(wanted)}`,
  );
}
