import { describe, PrimusError } from './errors.js';
import type { Transformer } from './transformer.js';

/**
 * Finds a transformer by its name in any case, or returns the transformer that was given.
 *
 * @throws ERR_PRIMUS_TRANSFORMER when there is none of that name, or the object is not a transformer
 */
export function findTransformer(wanted: unknown, known: ReadonlyMap<string, Transformer>): Transformer {
  if (typeof wanted === 'string') {
    const transformer = known.get(wanted.toLowerCase());
    if (transformer) return transformer;
  } else {
    const transformer = wanted as Partial<Transformer> | null;
    if (typeof transformer?.server?.listen === 'function' && typeof transformer.client?.connect === 'function')
      return transformer as Transformer;
  }
  throw new PrimusError(
    'ERR_PRIMUS_TRANSFORMER',
    `There is no transformer ${describe(wanted)}. Use one of ${[...known.keys()].join(', ')}, or a transformer object`,
  );
}
