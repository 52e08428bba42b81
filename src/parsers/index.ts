import type { Parser } from '../core/parser.js';
import { json } from './json.js';

/** The parsers that can be asked for by name. */
export const parsers: ReadonlyMap<string, Parser> = new Map([json].map((parser) => [parser.name as string, parser]));
