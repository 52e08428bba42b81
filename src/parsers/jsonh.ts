import { defineParser, type Parser } from '../core/parser.js';
import { beginSparse, endSparse, isFar } from './sparse.js';
import { made, textOf } from './text.js';

type Row = { [key: string]: unknown };

/**
 * The parser of JSONH: a list of objects with the same keys is `[count, ...keys, ...values of the first, ...values of the second, …]`,
 * and any other value is JSON. A plain list that begins with a number has a space before it, to tell the two apart.
 *
 * @example
 * import { jsonh } from 'primus-rx/parsers/jsonh';
 *
 * const primus = new Primus(server, { parser: jsonh });
 */
export const jsonh: Parser = { ...defineParser('jsonh', encode, decode), bundle: 'jsonh' };

function encode(data: unknown): string {
  const packed = pack(data);
  if (packed !== undefined) return JSON.stringify(packed);
  const text = made(JSON.stringify(data), data);
  return /^\[-?\d/.test(text) ? ` ${text}` : text;
}

function decode(frame: string | Uint8Array): unknown {
  const text = textOf(frame);
  const data: unknown = JSON.parse(text);
  return text.startsWith('[') && isPacked(data) ? unpack(data) : data;
}

/** Packs a list. `undefined` when it is not a list of objects with the same keys in the same order, or JSON cannot represent a value. */
function pack(data: unknown): unknown[] | undefined {
  if (!Array.isArray(data) || !isRow(data[0])) return undefined;
  const keys = Object.keys(data[0]);
  if (keys.length === 0 || keys.includes('__proto__')) return undefined;
  const packed: unknown[] = [keys.length, ...keys];
  for (const row of data) {
    if (!isRow(row)) return undefined;
    const own = Object.keys(row);
    if (own.length !== keys.length) return undefined;
    for (let index = 0; index < own.length; index++) {
      const key = own[index] as string;
      const value = row[key];
      if (key !== keys[index] || !hasForm(value)) return undefined;
      packed.push(value);
    }
  }
  return packed;
}

function isRow(value: unknown): value is Row {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether JSON represents a value in a list as it does in an object. */
function hasForm(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return value instanceof Date || typeof (value as Row).toJSON !== 'function';
  return value !== undefined && typeof value !== 'function' && typeof value !== 'symbol';
}

function isPacked(data: unknown): data is [number, ...unknown[]] {
  if (!Array.isArray(data)) return false;
  const [count] = data as [number];
  if (!Number.isInteger(count) || count < 1 || data.length <= count + 1 || (data.length - 1) % count !== 0) return false;
  const keys = data.slice(1, count + 1);
  return keys.every((key) => typeof key === 'string' && key !== '__proto__') && new Set(keys).size === count;
}

function unpack([count, ...rest]: [number, ...unknown[]]): Row[] {
  const rows: Row[] = [];
  const sparse = rest.slice(0, count).some((key) => isFar(key as string, count));
  for (let at = count; at < rest.length; at += count) {
    const row: Row = {};
    if (sparse) beginSparse(row);
    for (let index = 0; index < count; index++) row[rest[index] as string] = rest[at + index];
    if (sparse) endSparse(row);
    rows.push(row);
  }
  return rows;
}
