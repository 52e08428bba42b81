import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { fromEvent, identity, type MonoTypeOperatorFunction, Observable, of, type SchedulerLike, take, takeUntil, timeout } from 'rxjs';
import { describe, PrimusError } from '../../core/errors.js';
import { isPromise } from '../../core/eventual.js';
import { noteAuthorized } from '../authorized.js';
import type { Handshakes } from '../http/handshakes.js';
import { reject } from '../http/reject.js';
import { rejectionOf, rejectionOfThrown } from '../http/rejection-of.js';
import type { Middleware } from './layers.js';

/** An error that an authorization function passes to `done`, beside a string and an Error. */
export interface AuthorizationError {
  /**
   * The status of the answer, from 300 to 599.
   *
   * @defaultValue `401`
   */
  statusCode?: number;
  /**
   * The `WWW-Authenticate` header of an answer with the status 401.
   *
   * @defaultValue none
   */
  authenticate?: string;
  /**
   * The `error` of the JSON body.
   *
   * @defaultValue the phrase of the status
   */
  message?: unknown;
}

/**
 * A function that authorizes every request that reaches the transformer. `done()` accepts the request, `done(error)` rejects it.
 * `done(null, data)` accepts it as well, and the spark that it begins has the `data`: who the user is, for example. An
 * exception and a rejected promise reject it with a 500. The answer does not say why, unless the error has a `statusCode`. A polling
 * connection is made of many requests, and ends when one of them is rejected.
 *
 * An async function of `request` alone answers with what it returns: the `data`, or `true` for none; `null`, `false` and other empty values reject
 * the request with a 401, and an `Error` as `done` does with it.
 *
 * @example
 * primus.authorize(async ({ headers }) => {
 *   const answer = await fetch('https://example.com/user', { headers: { authorization: headers.authorization ?? '' } });
 *   if (answer.ok) return answer.json();
 *   throw Object.assign(new Error('Please log in'), { statusCode: 401, authenticate: 'Bearer' });
 * });
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: it may be anything.
export type Authorize<Data = any> = (
  // biome-ignore lint/suspicious/noExplicitAny: `this` is the server, which this file does not know.
  this: any,
  request: IncomingMessage,
  done: (error?: string | AuthorizationError | Error | null | unknown, data?: Data) => void,
) => unknown;

/** The part of a server that this middleware uses. */
interface AuthorizationHost {
  readonly auth: Authorize | null;
  readonly host: {
    readonly scheduler: SchedulerLike;
    readonly handshakes: Pick<Handshakes, 'suspend' | 'resume'>;
    log(level: string, ...values: unknown[]): void;
  };
}

/**
 * Returns the authorization function that was given.
 *
 * @throws ERR_PRIMUS_OPTION when it is neither a function of two parameters nor an async function of one
 */
export function checkAuthorize(fn: unknown): Authorize {
  if (typeof fn !== 'function')
    throw new PrimusError('ERR_PRIMUS_OPTION', `authorize: \`fn\` must be a function of (request, done), got ${describe(fn)}`);
  if (fn.length >= 2 || isAnswer(fn as Authorize)) return fn as Authorize;
  throw new PrimusError(
    'ERR_PRIMUS_OPTION',
    `authorize: \`fn\` must have the parameters (request, done), or be an async function of (request), got a function of ${fn.length}. Call done() to accept a request`,
  );
}

/**
 * Whether what a function resolves to is its answer. Others may return anything by chance, such as the promise of a check that is not finished, and
 * one without parameters may have a wrapper that passes `done` on.
 */
function isAnswer(fn: Authorize): boolean {
  return fn.length === 1 && Object.prototype.toString.call(fn) === '[object AsyncFunction]';
}

/** Creates the middleware that calls `auth`, when there is one, and rejects the request after `limit` ms without an answer. */
export function authorization(limit?: number) {
  return function (this: AuthorizationHost): Middleware {
    const layer = (request: IncomingMessage, response: ServerResponse | Duplex, next: () => void): void => {
      const { auth, host } = this;
      if (auth === null) return next();
      // It has a limit of its own.
      host.handshakes.suspend(request);
      verdict(this, auth, request)
        .pipe(take(1), limit === undefined ? identity : within(limit, host.scheduler), takeUntil(fromEvent(response, 'close')))
        .subscribe((answer) => {
          host.handshakes.resume(request);
          if ('data' in answer) {
            noteAuthorized(request, answer.data);
            return next();
          }
          if (answer.thrown) host.log('error', answer.error);
          reject(response, answer.thrown ? rejectionOfThrown(answer.error) : rejectionOf(answer.error));
        });
    };
    const wanted = { get: () => this.auth !== null, enumerable: true };
    return Object.defineProperties(layer, { http: wanted, upgrade: wanted, raw: { value: true } }) as Middleware;
  };
}

/** The answer of an authorization function: what it has found; or an error, `thrown` when it was not passed to `done`. */
type Verdict = { readonly data: unknown } | { readonly error: unknown; readonly thrown?: boolean };

/** Calls `auth`, and emits its answers; only the first counts. Any error but `undefined` and `null` rejects, also `false` and `''`. */
function verdict(host: object, auth: Authorize, request: IncomingMessage): Observable<Verdict> {
  return new Observable((subscriber) => {
    const threw = (error: unknown) => subscriber.next({ error, thrown: true });
    try {
      if (isAnswer(auth)) {
        const answer = auth as (this: object, request: IncomingMessage) => Promise<unknown>;
        answer.call(host, request).then((found) => subscriber.next(verdictOf(found)), threw);
        return;
      }
      const result = auth.call(host, request, (error, data) =>
        subscriber.next(error === undefined || error === null ? { data } : { error }),
      );
      if (isPromise(result)) result.then(undefined, threw);
    } catch (thrown) {
      threw(thrown);
    }
  });
}

/** Returns the answer of a function that has found something, or nothing. One that returns `undefined` may have forgotten to return. */
function verdictOf(found: unknown): Verdict {
  if (found === undefined) {
    const message = 'authorize: the function returned nothing. Return what it has found, or `true`; `null` or `false` reject the request';
    return { error: new PrimusError('ERR_PRIMUS_OPTION', message), thrown: true };
  }
  if (!found || found instanceof Error) return { error: found || {} };
  return { data: found === true ? undefined : found };
}

function within(limit: number, scheduler: SchedulerLike): MonoTypeOperatorFunction<Verdict> {
  const error: AuthorizationError = { statusCode: 503, message: `Authorization timed out after ${limit} ms` };
  return timeout({ first: limit, scheduler, with: () => of({ error }) });
}
