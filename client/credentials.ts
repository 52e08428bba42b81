import { LinkError } from '../src/core/errors.js';
import { type Eventual, isPromise } from '../src/core/eventual.js';
import type { Fields } from '../src/core/transformer.js';

/** Names and their values; one that is `undefined` or `null` is left out. */
export interface Credentials {
  readonly [name: string]: string | number | boolean | null | undefined;
}

/** Credentials that are sent with every attempt to connect: a value, or a function that is called for each attempt. */
export type PerAttempt = Credentials | Promise<Credentials> | (() => Credentials | Promise<Credentials>);

/**
 * Resolves the credentials and headers of one attempt: at once, unless one of them is a promise.
 *
 * @throws ERR_PRIMUS_CREDENTIALS, as a rejection, when one of them throws, rejects or gives no object
 */
export function fresh(...given: [PerAttempt | undefined, PerAttempt | undefined]): Eventual<Fields[]> {
  const all = given.map(resolve);
  if (!all.some(isPromise)) return all as Fields[];
  return Promise.all(all).catch((cause: unknown) => {
    throw new LinkError('ERR_PRIMUS_CREDENTIALS', 'The credentials could not be resolved', { cause });
  });
}

/** Resolves one of them. One that throws rejects, since another one may reject too and must be handled. */
function resolve(one: PerAttempt | undefined): Eventual<Fields> {
  try {
    const value = typeof one === 'function' ? one() : one;
    return isPromise(value) ? Promise.resolve(value).then(fields) : fields(value);
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

/** Converts credentials to strings. The error does not show an invalid value: errors are logged, and it may be a secret. */
function fields(given: unknown = {}): Fields {
  if (typeof given !== 'object') throw new TypeError('Credentials must be an object');
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...given })) if (value != null) result[name] = `${value}`;
  return result;
}
