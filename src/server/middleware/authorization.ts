import { type IncomingMessage, type ServerResponse, STATUS_CODES, validateHeaderValue } from 'node:http';
import type { Duplex } from 'node:stream';
import { fromEvent, identity, type MonoTypeOperatorFunction, Observable, of, type SchedulerLike, take, takeUntil, timeout } from 'rxjs';
import { describe, PrimusError } from '../../core/errors.js';
import { isPromise } from '../../core/eventual.js';
import { reject } from '../http/reject.js';
import type { Middleware } from './layers.js';

/** What may be passed to `done`, beside a text and an Error. */
export interface Refusal {
  /** Status of the answer. Default 401. */
  statusCode?: number;
  /** Value of the `WWW-Authenticate` header; only with a 401. */
  authenticate?: string;
  /** The `error` of the answer's JSON body. */
  message?: unknown;
}

/**
 * Says who may come in, of every request that reaches the transformer: `done()` lets it pass, `done(error)`, an exception and a rejected
 * promise refuse it. A session that polls is many requests: one that is refused ends it.
 */
// biome-ignore lint/suspicious/noExplicitAny: `this` is the server, which this file does not know.
export type Authorize = (this: any, request: IncomingMessage, done: (error?: string | Refusal | Error | null | unknown) => void) => unknown;

interface Owner {
  readonly auth: Authorize | null;
  readonly registry: { readonly scheduler: SchedulerLike; log(level: string, ...values: unknown[]): void };
}

/** An authorization function, or a clear error. */
export function checkAuthorize(fn: unknown): Authorize {
  if (typeof fn !== 'function') throw new PrimusError('ERR_PRIMUS_OPTION', `authorize needs a function, not ${describe(fn)}`);
  if (fn.length >= 2) return fn as Authorize;
  throw new PrimusError(
    'ERR_PRIMUS_OPTION',
    'authorize needs a function of (request, done): without calling done it cannot let anybody in',
  );
}

/** Asks `auth`, when there is one; whom it keeps waiting for longer than `limit` ms, if that is given, is turned away. */
export function authorization(limit?: number) {
  return function (this: Owner): Middleware {
    const layer = (request: IncomingMessage, response: ServerResponse | Duplex, next: () => void): void => {
      const { auth, registry } = this;
      if (auth === null) return next();
      verdict(this, auth, request)
        .pipe(take(1), limit === undefined ? identity : within(limit, registry.scheduler), takeUntil(fromEvent(response, 'close')))
        .subscribe((answer) => {
          if (answer === PASSED) return next();
          if (answer.thrown) registry.log('error', answer.refused);
          turnAway(response, answer.refused);
        });
    };
    const asked = { get: () => this.auth !== null, enumerable: true };
    return Object.defineProperties(layer, { http: asked, upgrade: asked, raw: { value: true } }) as Middleware;
  };
}

interface Verdict {
  readonly refused: unknown;
  readonly thrown?: boolean;
}

const PASSED: Verdict = { refused: null };

/** What `auth` says; only the first answer counts. An error that is given refuses, though it be `false` or an empty text. */
function verdict(owner: object, auth: Authorize, request: IncomingMessage): Observable<Verdict> {
  return new Observable((subscriber) => {
    const threw = (refused: unknown) => subscriber.next({ refused, thrown: true });
    try {
      const result = auth.call(owner, request, (error) =>
        subscriber.next(error === undefined || error === null ? PASSED : { refused: error }),
      );
      if (isPromise(result)) result.then(undefined, threw);
    } catch (thrown) {
      threw(thrown);
    }
  });
}

function within(limit: number, scheduler: SchedulerLike): MonoTypeOperatorFunction<Verdict> {
  const refused = { statusCode: 503, message: `There was no answer within ${limit} ms` };
  return timeout({ first: limit, scheduler, with: () => of({ refused }) });
}

/** One clean answer, whatever the error is made of. */
function turnAway(response: ServerResponse | Duplex, error: unknown): void {
  const { statusCode, authenticate, message } = read(error);
  const status = Number.isInteger(Number(statusCode)) && Number(statusCode) >= 300 && Number(statusCode) <= 599 ? Number(statusCode) : 401;
  const challenge = status === 401 && isHeader(authenticate) ? { 'WWW-Authenticate': authenticate } : {};
  reject(response, status, plain(message) ?? STATUS_CODES[status], challenge);
}

/** A text is its own message; of anything else the documented properties are read, which need not go well. */
function read(error: unknown): { statusCode?: unknown; authenticate?: unknown; message?: unknown } {
  if (typeof error !== 'object' || error === null) return { message: error };
  try {
    const { statusCode, authenticate, message } = error as { statusCode?: unknown; authenticate?: unknown; message?: unknown };
    return { statusCode: typeof statusCode === 'string' || typeof statusCode === 'number' ? statusCode : undefined, authenticate, message };
  } catch {
    return {};
  }
}

function isHeader(value: unknown): value is string {
  if (typeof value !== 'string' || value === '') return false;
  try {
    validateHeaderValue('WWW-Authenticate', value);
    return true;
  } catch {
    return false;
  }
}

/** A message as the client will get it; `undefined` when there is nothing to tell, or JSON cannot. */
function plain(message: unknown): unknown {
  if (!message || message === true) return undefined;
  try {
    return JSON.parse(JSON.stringify(message));
  } catch {
    return undefined;
  }
}
