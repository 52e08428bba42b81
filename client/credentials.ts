import { catchError, defer, map, type Observable } from 'rxjs';
import { LinkError } from '../src/core/errors.js';
import { isPromise } from '../src/core/eventual.js';
import type { Fields } from '../src/core/transformer.js';

/** Names and their values; one that is `undefined` or `null` is left out. */
export interface Credentials {
  readonly [name: string]: string | number | boolean | null | undefined;
}

/** Credentials that are sent with every attempt to connect: a value, or a function that is called for each attempt. */
export type PerAttempt = Credentials | Promise<Credentials> | (() => Credentials | Promise<Credentials>);

/** Resolves the credentials and headers of one attempt, at once unless one of them is a promise. */
export function fresh(...given: [PerAttempt | undefined, PerAttempt | undefined]): Observable<[Fields, Fields]> {
  return defer(() => {
    const all = given.map(ask);
    return all.some(isPromise) ? Promise.all(all) : [all];
  }).pipe(
    map((all) => all.map(fields) as [Fields, Fields]),
    catchError((cause) => {
      throw new LinkError('ERR_PRIMUS_CREDENTIALS', 'The credentials of this attempt could not be resolved: see the cause', { cause });
    }),
  );
}

/** Calls a provider. One that throws rejects, since another one may reject too and must be handled. */
function ask(one: PerAttempt | undefined) {
  if (typeof one !== 'function') return one;
  try {
    return one();
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

/** Converts credentials to strings. The error does not show an invalid value: errors are logged, and it may be a secret. */
function fields(given: unknown = {}): Fields {
  if (typeof given !== 'object') throw new TypeError('Credentials must be an object, such as { token }');
  const entries = Object.entries((given ?? {}) as Credentials).filter(([, value]) => value != null);
  return Object.fromEntries(entries.map(([name, value]) => [name, `${value}`]));
}
