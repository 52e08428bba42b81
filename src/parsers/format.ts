/**
 * A binary format: MessagePack, or its relative BinaryPack. The first byte of a value is a code for its type and length. `null`,
 * booleans, integers, floats, lists and maps have the same codes in both formats; strings and bytes have different ones.
 */
export interface Format {
  /** The name of the format in error messages. */
  readonly title: string;
  readonly text: Lengths;
  readonly bytes: Lengths;
  /** The largest whole number that is encoded as an integer; larger ones are encoded as floats. */
  readonly maxInteger: number;
  /** The extension types, where the format has them. */
  readonly extensions: readonly Extension[];
  /** The functions that replace values of a tag before they are encoded. */
  readonly instead: { readonly [tag: string]: (value: never) => unknown };
}

/**
 * The codes of a type that has a length. A length up to `short` is added to the code `fixed`. A longer one follows the code, in one byte
 * (where there is a code for that), two or four.
 */
export interface Lengths {
  readonly fixed: number;
  readonly short: number;
  readonly one?: number;
  /** The largest length in one byte. @defaultValue `255` */
  readonly most?: number;
  readonly two: number;
  readonly four: number;
}

export const LIST: Lengths = { fixed: 0x90, short: 15, two: 0xdc, four: 0xdd };
export const MAP: Lengths = { fixed: 0x80, short: 15, two: 0xde, four: 0xdf };
export const EXTENSION: Lengths = { fixed: 0, short: -1, one: 0xc7, most: 254, two: 0xc8, four: 0xc9 };

/** The first of the codes for extensions of a fixed length; the lengths follow. */
export const FIXED_EXTENSION = 0xd4;
export const FIXED_EXTENSIONS = [1, 2, 4, 8, 16];

/** An extension type: values that the format itself cannot represent. */
export interface Extension {
  readonly type: number;
  /** The tag of its values: see `tagOf`. An extension without one is decoded, and never encoded. */
  readonly tag?: string;
  /** Whether a value with the tag belongs to this extension. @defaultValue every value with the tag */
  fits?(value: never): boolean;
  /** Whether the content is an encoded value; otherwise it is bytes. */
  readonly packed: boolean;
  /** Returns the content for a value. */
  to(value: never): unknown;
  /** Returns the extra cost of creating the value of a content, as a part of `MANY`. @defaultValue `0` */
  cost?(content: never): number;
  /** Returns the value of a content. Throws when an encoded content is not one that `to` returns. */
  from(content: never): unknown;
}

/** The limit of nested lists and maps. A circular structure exceeds it as well. */
export const MAX_DEPTH = 1_000;

/**
 * The limit of lists, maps and extensions in a message; a long message may have one for every `SPACE` bytes. An empty one is one byte of
 * the frame, and a hundred bytes of memory.
 */
export const MANY = 1_000_000;
export const SPACE = 8;

/** Returns the tag of a value: `Date` of `[object Date]`. */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
