import type { Parser } from '../core/parser.js';
import type { Transformer } from '../core/transformer.js';

/**
 * The parts that the package ships and the core does not know. A server gets them from its entry and chooses by name.
 *
 * @typeParam ExtendSpark the function that extends a server's class of sparks: the server names its type
 */
export interface Builtins<ExtendSpark = unknown> {
  readonly version: string;
  readonly transformers: ReadonlyMap<string, Transformer>;
  readonly parsers: ReadonlyMap<string, Parser>;
  /**
   * Returns the source of a transformer's browser bundle, or its minified one.
   *
   * @throws ERR_PRIMUS_TRANSFORMER when it has none
   */
  bundle(transformer: Pick<Transformer, 'name' | 'bundle'>, minified: boolean): string;
  /** Adds the members that old plugins expect to a server's class of sparks. */
  readonly spark?: ExtendSpark;
}
