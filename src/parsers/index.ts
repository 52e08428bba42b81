import { loadFramework } from '../core/load-framework.js';
import type { Parser } from '../core/parser.js';
import { binary } from './binary.js';
import { type EJSON, ejsonOf } from './ejson-of.js';
import { json } from './json.js';
import { jsonh } from './jsonh.js';
import { msgpack } from './msgpack.js';

/** Returns the built-in parsers by name. The package of a parser is loaded when the parser is first used. */
export function parsers(require: Parameters<typeof loadFramework>[0]): ReadonlyMap<string, Parser> {
  let library: EJSON | undefined;
  const ejson = ejsonOf(() => {
    library ??= loadFramework<EJSON>(require, 'ejson', '^2.2.0');
    return library;
  });
  return new Map([json, ejson, msgpack, binary, jsonh].map((parser) => [parser.name as string, parser]));
}
