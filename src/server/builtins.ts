import type { Parser } from '../core/parser.js';
import type { Transformer } from '../core/transformer.js';

/**
 * The parts that the package ships and the core does not know. A server gets them from its entry and chooses by name.
 *
 * @typeParam CreateSparkClass the function that creates a server's class of sparks: the server names its type
 */
export interface Builtins<CreateSparkClass = unknown> {
  readonly version: string;
  readonly transformers: ReadonlyMap<string, Transformer>;
  readonly parsers: ReadonlyMap<string, Parser>;
  /**
   * Returns the source of a transformer's browser bundle, or its minified one.
   *
   * @throws ERR_PRIMUS_TRANSFORMER when it has none
   */
  bundle(transformer: Pick<Transformer, 'name' | 'bundle'>, minified: boolean): string;
  /** Creates a server's class of sparks with the members that old plugins expect. */
  readonly spark?: CreateSparkClass;
}
