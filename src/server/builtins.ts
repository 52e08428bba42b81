import type { Parser } from '../core/parser.js';
import type { Transformer } from '../core/transformer.js';
import type { Server } from './primus.js';
import type { SparkClass } from './spark-class.js';

/** What the package ships and the core does not know: the server is handed it and chooses by name. */
export interface Builtins {
  readonly version: string;
  readonly transformers: ReadonlyMap<string, Transformer>;
  readonly parsers: ReadonlyMap<string, Parser>;
  /** The source of a transformer's browser bundle, or its minified one. */
  bundle(transformer: Pick<Transformer, 'name' | 'bundle'>, minified: boolean): string;
  /** Gives a server's class of sparks what old plugins expect of one. */
  spark?(Class: SparkClass, server: Server): SparkClass;
}
