import EJSON from 'ejson';
import type { Parser } from '../core/parser.js';
import { ejsonOf } from './ejson-of.js';

/**
 * The parser of EJSON, for pages with a bundler of their own. It imports the package `ejson`.
 *
 * @example
 * import { ejson } from 'primus-rx/parsers/ejson';
 *
 * const primus = new Primus(server, { parser: ejson });
 */
export const ejson: Parser = ejsonOf(() => EJSON);
