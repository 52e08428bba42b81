import { describe, PrimusError } from './errors.js';
import { type Done, type Eventual, isPromise } from './eventual.js';
import { fromNodeCallback } from './from-node-callback.js';
import type { Frame } from './link.js';

/**
 * An encoder and a decoder of messages, with error-first callbacks. A parser that can answer at once has `encode` and `decode` too:
 * its messages are not queued.
 *
 * @example
 * import type { Parser } from 'primus-rx';
 *
 * const parser: Parser = {
 *   encoder: (data, done) => done(null, JSON.stringify(data)),
 *   decoder: (frame, done) => {
 *     try {
 *       done(null, JSON.parse(String(frame)));
 *     } catch (error) {
 *       done(error as Error);
 *     }
 *   },
 * };
 * const primus = new Primus(server, { parser });
 */
export interface Parser {
  /** Encodes a value as a frame. `this` is the spark or the client, and the server where one frame is made for many. */
  // biome-ignore lint/suspicious/noExplicitAny: a spark, a client or a server of any type.
  encoder(this: any, data: unknown, done: Done<Frame>): void;
  /** Decodes a frame. `this` is the spark or the client. */
  // biome-ignore lint/suspicious/noExplicitAny: a spark or a client of any type.
  decoder(this: any, frame: Frame, done: Done<unknown>): void;
  /** Encodes at once, and throws what `encoder` would pass to its callback. */
  encode?(data: unknown): Frame;
  /** Decodes at once, and throws what `decoder` would pass to its callback. The binary parsers of this package report to `meter`. */
  decode?(frame: Frame, meter?: Meter): unknown;
  /** The JavaScript source that the encoder and decoder need in a served client. */
  library?: string;
  /** The name, in lower case. */
  readonly name?: string;
  /**
   * Loads an optional package before the first message.
   *
   * @throws ERR_PRIMUS_MISSING when it cannot be loaded
   */
  load?(): void;
  /** The file name of its browser bundle, for a parser that is not a part of every served client. */
  readonly bundle?: string;
}

/**
 * Called by a binary parser before it decodes a list, a map, bytes or an extension, with its length in values, keys or bytes, and its
 * depth. It throws when that is too much.
 */
export type Meter = (kind: string, length: number, depth: number) => void;

/** Encodes a message of a spark, a client or a server, which is the `this` of the encoder. Throws, or rejects, when that fails. */
export function encoded(parser: Parser, owner: unknown, data: unknown): Eventual<Frame> {
  if (parser.encode !== undefined) return toFrame(parser.encode(data));
  const made = fromNodeCallback<unknown>((done) => parser.encoder.call(owner, data, done));
  return isPromise(made) ? made.then(toFrame) : toFrame(made);
}

/** Decodes a frame for a spark, a client or a server, which is the `this` of the decoder. Throws, or rejects, when that fails. */
export function decoded(parser: Parser, owner: unknown, frame: Frame): Eventual<unknown> {
  return parser.decode ? parser.decode(frame) : fromNodeCallback((done) => parser.decoder.call(owner, frame, done));
}

/**
 * Turns the result of any encoder into a frame that every framework takes.
 *
 * @throws TypeError when it is neither a string nor bytes
 */
export function toFrame(made: unknown): Frame {
  if (typeof made === 'string' || made instanceof Uint8Array) return made;
  if (ArrayBuffer.isView(made)) return new Uint8Array(made.buffer, made.byteOffset, made.byteLength);
  if (made instanceof ArrayBuffer) return new Uint8Array(made);
  throw new TypeError(`The encoder must produce a string or bytes, got ${describe(made)}`);
}

/** Creates a parser of two synchronous functions. */
export function defineParser(name: string, encode: (data: unknown) => Frame, decode: (frame: Frame) => unknown): Parser {
  return {
    name,
    encode,
    decode,
    encoder: (data, done) => answer(() => encode(data), done),
    decoder: (frame, done) => answer(() => decode(frame), done),
  };
}

/** Calls back with the value that `run` returns or the error that it throws. An error that `done` throws is not caught. */
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

/**
 * Finds a parser by its name in any case, or returns the parser that was given.
 *
 * @throws ERR_PRIMUS_PARSER when there is none of that name, or the object is not a parser
 */
export function findParser(wanted: unknown, known: ReadonlyMap<string, Parser>): Parser {
  if (typeof wanted === 'string') {
    const parser = known.get(wanted.toLowerCase());
    if (parser) {
      parser.load?.();
      return parser;
    }
    throw new PrimusError(
      'ERR_PRIMUS_PARSER',
      `There is no parser ${describe(wanted)}. Use one of ${[...known.keys()].join(', ')}, or an object with the functions encoder and decoder`,
    );
  }
  const parser = wanted as Partial<Parser> | null | undefined;
  if (typeof parser?.encoder === 'function' && typeof parser.decoder === 'function') return parser as Parser;
  throw new PrimusError(
    'ERR_PRIMUS_PARSER',
    `\`parser\` must be a name, or an object with the functions encoder and decoder, got ${describe(wanted)}`,
  );
}
