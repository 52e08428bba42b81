import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { catchError, from, fromEvent, map, type Observable, of, takeUntil, tap } from 'rxjs';
import { describe, PrimusError } from '../../core/errors.js';
import { isPromise, Pending, toEventual } from '../../core/eventual.js';
import { sequence } from '../../core/sequence.js';
import type { Exchange } from '../http/host.js';
import { type Rejection, reject } from '../http/reject.js';
import { rejectionOf, rejectionOfThrown } from '../http/rejection-of.js';
import { UpgradeAnswer } from './upgrade-answer.js';

/**
 * A function for every request on the pathname. With two parameters it is synchronous, and returns `true` when it answers the request, unless it has answered already.
 * With three it calls `next`. `this` is the server. For an upgrade request that it does not answer, headers that it sets are discarded.
 *
 * @example
 * import { randomUUID } from 'node:crypto';
 *
 * primus.use('request id', (request, response) => {
 *   response.setHeader('X-Request-Id', randomUUID());
 * });
 */
export interface Middleware extends MiddlewareFunction {
  /**
   * Whether the function is called for upgrade requests.
   *
   * @defaultValue `true`
   */
  upgrade?: boolean;
  /**
   * Whether the function is called for plain requests.
   *
   * @defaultValue `true`
   */
  http?: boolean;
  /**
   * Whether `response` is the socket itself for upgrade requests.
   *
   * @defaultValue `false`
   */
  raw?: boolean;
}

/**
 * The call of a middleware. Its parameters may be of narrower types, as those of middleware for Express are: `express-session` and `cookie-parser`
 * expect members that their frameworks, or they themselves, add to a request.
 */
type MiddlewareFunction = {
  // biome-ignore lint/suspicious/noExplicitAny: `this` is the server, which this file does not know.
  middleware(this: any, request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): unknown;
}['middleware'];

/** A function of fewer than two parameters that creates the middleware. */
// biome-ignore lint/suspicious/noExplicitAny: `this` is the server, which this file does not know.
export type MiddlewareFactory = (this: any, options?: any) => Middleware;

/** A middleware with its name. */
export interface Layer {
  readonly name: string;
  readonly fn: Middleware;
  readonly length: number;
  enabled: boolean;
}

/** The part of a server that its middleware uses. */
interface LayersHost {
  readonly host: { log(level: string, ...values: unknown[]): void };
}

/** Carries what a middleware threw, or its promise was rejected with, as opposed to what it passed to `next`. */
class Accident extends Error {
  readonly #brand = true;

  /** Whether a value is one. Never throws, unlike `instanceof`: a middleware may pass a proxy to `next`. */
  static is(value: unknown): value is Accident {
    return typeof value === 'object' && value !== null && #brand in value;
  }
}

/** The named middleware of a server, in the order in which it runs. */
export class Layers {
  readonly list: Layer[] = [];
  /** The server: `this` of the middleware. */
  private readonly host: LayersHost;

  constructor(host: LayersHost) {
    this.host = host;
  }

  /** Returns the index of a layer; -1 when there is none. */
  indexOf(name: string): number {
    return this.list.findIndex((layer) => layer.name === name);
  }

  /**
   * Adds a layer, at `index` or at the end. A layer of the same name is replaced in its place. Without a name, the layer has that of its
   * function.
   *
   * @throws ERR_PRIMUS_MIDDLEWARE when the name or the function is invalid
   */
  use(name: unknown, fn?: unknown, options?: unknown, index?: unknown): void {
    if (typeof name === 'function') return this.use(name.name || `layer ${this.list.length}`, name, fn, options);
    if (typeof name !== 'string' || name === '') {
      throw new PrimusError('ERR_PRIMUS_MIDDLEWARE', `The name of a middleware must be a non-empty string, got ${describe(name)}`);
    }
    if (typeof fn !== 'function') {
      throw new PrimusError('ERR_PRIMUS_MIDDLEWARE', `The middleware '${name}' must be a function, got ${describe(fn)}`);
    }
    const at = typeof options === 'number' && index === undefined ? options : index;
    const made: unknown = fn.length < 2 ? fn.call(this.host, typeof options === 'number' ? {} : (options ?? {})) : fn;
    if (typeof made !== 'function' || made.length < 2) {
      throw new PrimusError(
        'ERR_PRIMUS_MIDDLEWARE',
        `The middleware '${name}' must be, or return, a function with the parameters (request, response) or (request, response, next)`,
      );
    }
    if (made.length > 3) {
      throw new PrimusError(
        'ERR_PRIMUS_MIDDLEWARE',
        `The middleware '${name}' has ${made.length} parameters: error-handling middleware (4 parameters) is never called`,
      );
    }
    const layer: Layer = { name, fn: made as Middleware, length: made.length, enabled: true };
    const existing = this.indexOf(name);
    if (existing !== -1) this.list[existing] = layer;
    // As in Primus 8: `null` is the first place, and a negative index the last.
    else if ((at as number) >= 0) this.list.splice(Number(at), 0, layer);
    else this.list.push(layer);
  }

  /** Removes a layer, if there is one of this name. */
  remove(name: string): void {
    const index = this.indexOf(name);
    if (index !== -1) this.list.splice(index, 1);
  }

  /** Enables or disables a layer, if there is one of this name. */
  toggle(name: string, enabled: boolean): void {
    const layer = this.list[this.indexOf(name)];
    if (layer) layer.enabled = enabled;
  }

  /** Runs the layers on a request. The answer is false when one of them has answered the request, or failed. */
  admit(exchange: Exchange): boolean | Observable<boolean> {
    const layers = this.list.filter(({ enabled, fn }) => enabled && (exchange.kind === 'request' ? fn.http : fn.upgrade) !== false);
    const channel = exchange.kind === 'request' ? exchange.response : exchange.socket;
    let answer: UpgradeAnswer | undefined;
    const responseFor = ({ raw }: Middleware): ServerResponse | Duplex => {
      if (exchange.kind === 'request' || raw === true) return channel;
      answer ??= new UpgradeAnswer(exchange.request, exchange.socket);
      return answer.response;
    };
    const conclude = (passes: boolean): boolean => {
      if (!passes || answer?.begun) return false;
      answer?.release();
      return true;
    };
    const failed = (error: unknown): false => {
      if (!Accident.is(error)) return rejectWith(rejectionOf(error, 500));
      this.host.host.log('error', error.cause);
      return rejectWith(rejectionOfThrown(error.cause));
    };
    const rejectWith = (rejection: Rejection | number): false => {
      if (answer?.begun) answer.abort();
      else {
        answer?.release();
        reject(channel, rejection);
      }
      return false;
    };
    try {
      const passes = toEventual(sequence(layers, (layer) => this.run(layer, exchange.request, responseFor(layer.fn)), true));
      if (!isPromise(passes)) return conclude(passes);
      let waiting = true;
      return from(passes).pipe(
        map(conclude),
        catchError((error) => of(failed(error))),
        // Unsubscribed while a layer has not answered, the server is being destroyed.
        tap({ next: () => (waiting = false), unsubscribe: () => waiting && rejectWith(503) }),
        // A layer that answers the request itself never calls back: stop waiting when it has answered, or when the client disconnects.
        takeUntil(fromEvent(channel, 'close')),
      );
    } catch (error) {
      return failed(error);
    }
  }

  private run({ fn, length }: Layer, request: IncomingMessage, response: ServerResponse | Duplex): unknown {
    if (length <= 2) {
      // Many layers `return response.end()`, or forget to return anything.
      const answers = (value: unknown): boolean => value === true || (response as ServerResponse).headersSent === true;
      const value = attempt(() => fn.call(this.host, request, response as ServerResponse, () => {}));
      return isPromise(value) ? value.then(answers) : answers(value);
    }
    return Pending.of<unknown>((done) =>
      attempt(() => fn.call(this.host, request, response as ServerResponse, (error) => done(error as Error))),
    );
  }
}

/** Calls a middleware. What it throws, or its promise is rejected with, is an `Accident`. */
function attempt(run: () => unknown): unknown {
  try {
    const result = run();
    return isPromise(result) ? result.then(undefined, raise) : result;
  } catch (thrown) {
    return raise(thrown);
  }
}

function raise(thrown: unknown): never {
  throw new Accident('A middleware threw', { cause: thrown });
}
