/**
 * What MessagePack and its relative BinaryPack have in common: the first byte of a value is a code that says what follows.
 * `null`, booleans, integers, floats, lists and maps have the same codes in both; texts and bytes have not.
 */
export interface Format {
  /** As the messages of errors have it. */
  readonly title: string;
  readonly text: Lengths;
  readonly bytes: Lengths;
  /** The largest whole number that is written as an integer; what is beyond is written as a float. */
  readonly maxInteger: number;
  /** Types of an application's own, where the format has room for them. */
  readonly extensions: readonly Extension[];
  /** What is written in the place of a value of that tag. */
  readonly instead: { readonly [tag: string]: (value: never) => unknown };
}

/**
 * How a length is written: as part of the code, from `fixed` on, up to `short`; else behind the code, in one byte (where
 * there is such a code), two or four.
 */
export interface Lengths {
  readonly fixed: number;
  readonly short: number;
  readonly one?: number;
  /** The longest that is written in one byte. Default 255. */
  readonly most?: number;
  readonly two: number;
  readonly four: number;
}

export const LIST: Lengths = { fixed: 0x90, short: 15, two: 0xdc, four: 0xdd };
export const MAP: Lengths = { fixed: 0x80, short: 15, two: 0xde, four: 0xdf };
export const EXTENSION: Lengths = { fixed: 0, short: -1, one: 0xc7, most: 254, two: 0xc8, four: 0xc9 };

/** The lengths of extensions that have a code of their own, from this one on. */
export const FIXED_EXTENSION = 0xd4;
export const FIXED_EXTENSIONS = [1, 2, 4, 8, 16];

export interface Extension {
  readonly type: number;
  /** The values it is for: see `tagOf`. Without it there are none, and it is only read. */
  readonly tag?: string;
  /** Which of them, when not all. */
  fits?(value: never): boolean;
  /** Whether the content is a packed value, rather than bytes. */
  readonly packed: boolean;
  /** The content of such a value. */
  to(value: never): unknown;
  /** What it costs beside others to make the value of a content, of what a message may: see `MANY`. Default nothing. */
  cost?(content: never): number;
  /** The value of a content. A packed one may be anything: throws when it is not what `to` makes. */
  from(content: never): unknown;
}

/** How deep lists and maps may lie in one another. A circle ends here as well. */
export const MAX_DEPTH = 1_000;

/**
 * How many lists, maps and extensions a message may hold, or one for so many of its bytes when it is long: empty ones are
 * a byte on the line and a hundred in memory.
 */
export const MANY = 1_000_000;
export const SPACE = 8;

/** What a value calls itself: `Date` of `[object Date]`. */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
