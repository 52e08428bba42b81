import { costOf } from './expressions.js';
import type { Extension } from './format.js';

/** Creates the extension of a typed array; its content is the bytes, in the byte order of the machine. */
function typed(type: number, Class: { new (buffer: ArrayBuffer): ArrayBufferView; readonly name: string }): Extension {
  return {
    type,
    tag: Class.name,
    packed: false,
    to: ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength),
    from: (bytes: Uint8Array) => new Class(bufferOf(bytes)),
  };
}

/** Creates the extension of an object that wraps a primitive value. */
function wrapped(type: number, tag: string): Extension {
  return { type, tag, packed: true, to: (value: object) => value.valueOf(), from: Object };
}

/** Creates the extension of a class of errors. Errors are sent without their stack, which would show the peer the paths of files. */
function failed(type: number, Class: new (message?: string) => Error): Extension {
  return {
    type,
    tag: 'Error',
    fits: (error: Error) => error instanceof Class,
    packed: true,
    to: ({ name, message }: Error) => ({ name, message, stack: null, columnNumber: null, fileName: null, lineNumber: null }),
    from: (content: unknown) => {
      const { name, message } = recordOf(content);
      const error = new Class(typeof message === 'string' ? message : '');
      if (typeof name === 'string' && name !== error.name) error.name = name;
      return error;
    },
  };
}

const date: Extension = {
  type: 0x0d,
  tag: 'Date',
  packed: true,
  to: Number,
  from: (time: unknown) => {
    if (typeof time !== 'number') throw new TypeError('A date must be a number');
    return new Date(time);
  },
};

const regularExpression: Extension = {
  type: 0x0a,
  tag: 'RegExp',
  packed: true,
  to: ({ source, flags }: RegExp) => [source, flags],
  cost: (content: unknown) => costOf(...expressionOf(content)),
  from: (content: unknown) => new RegExp(...expressionOf(content)),
};

function expressionOf(content: unknown): [source: string, flags: string] {
  const [source, flags] = Array.isArray(content) ? content : [];
  if (typeof source !== 'string' || typeof flags !== 'string') throw new TypeError('A regular expression must be two strings');
  return [source, flags];
}

/** The extension types of msgpack-lite, which the original Primus uses. */
export const extensions: readonly Extension[] = [
  failed(0x01, EvalError),
  failed(0x02, RangeError),
  failed(0x03, ReferenceError),
  failed(0x04, SyntaxError),
  failed(0x05, TypeError),
  failed(0x06, URIError),
  regularExpression,
  wrapped(0x0b, 'Boolean'),
  wrapped(0x0c, 'String'),
  date,
  failed(0x0e, Error),
  wrapped(0x0f, 'Number'),
  typed(0x11, Int8Array),
  typed(0x12, Uint8Array),
  typed(0x13, Int16Array),
  typed(0x14, Uint16Array),
  typed(0x15, Int32Array),
  typed(0x16, Uint32Array),
  typed(0x17, Float32Array),
  typed(0x18, Float64Array),
  typed(0x19, Uint8ClampedArray),
  { type: 0x1a, tag: 'ArrayBuffer', packed: false, to: (value: ArrayBuffer) => new Uint8Array(value), from: bufferOf },
  // msgpack-lite's own type for bytes: decoded, and never encoded.
  { type: 0x1b, packed: false, to: Object, from: (bytes: Uint8Array) => bytes },
  typed(0x1d, DataView),
];

/** Copies bytes into a buffer of their length. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function recordOf(content: unknown): Record<string, unknown> {
  return typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : {};
}
