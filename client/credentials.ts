import { catchError, defer, map, type Observable } from 'rxjs';
import { LinkError } from '../src/core/errors.js';
import { isPromise } from '../src/core/eventual.js';
import type { Fields } from '../src/core/transformer.js';

/** Names and their values; one that is `undefined` or `null` is left out. */
export interface Credentials {
  readonly [name: string]: string | number | boolean | null | undefined;
}

/** What goes along with every attempt to connect: as it is, or asked for anew each time. */
export type PerAttempt = Credentials | Promise<Credentials> | (() => Credentials | Promise<Credentials>);

/** What goes along with one attempt; at once unless somebody has to be waited for. */
export function fresh(...given: [PerAttempt | undefined, PerAttempt | undefined]): Observable<[Fields, Fields]> {
  return defer(() => {
    const all = given.map(ask);
    return all.some(isPromise) ? Promise.all(all) : [all];
  }).pipe(
    map((all) => all.map(fields) as [Fields, Fields]),
    catchError((cause) => {
      throw new LinkError('ERR_PRIMUS_CREDENTIALS', 'There are no credentials for this attempt: see the cause', { cause });
    }),
  );
}

/** What throws rejects: what else was asked for may reject, too, and has to be waited for. */
function ask(one: PerAttempt | undefined) {
  if (typeof one !== 'function') return one;
  try {
    return one();
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

/** Not a word of what else was given: errors are logged, and it may be a secret. */
function fields(given: unknown = {}): Fields {
  if (typeof given !== 'object') throw new TypeError('Credentials must be an object, such as { token }');
  const entries = Object.entries((given ?? {}) as Credentials).filter(([, value]) => value != null);
  return Object.fromEntries(entries.map(([name, value]) => [name, `${value}`]));
}
