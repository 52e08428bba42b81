import EJSON from 'ejson';
import type { Parser } from '../core/parser.js';
import { ejsonOf } from './ejson-of.js';

/** EJSON, for those who bundle their own page; it brings the package `ejson` along. */
export const ejson: Parser = ejsonOf(() => EJSON);
