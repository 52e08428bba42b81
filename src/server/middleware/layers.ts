import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { catchError, from, fromEvent, map, type Observable, of, takeUntil, tap } from 'rxjs';
import { asError, describe, PrimusError } from '../../core/errors.js';
import { isPromise, Pending, toEventual } from '../../core/eventual.js';
import { sequence } from '../../core/sequence.js';
import type { Exchange } from '../http/host.js';
import { reject } from '../http/reject.js';
import { UpgradeAnswer } from './upgrade-answer.js';

/**
 * Synchronous with two parameters (`true`: answered, go no further), asynchronous with three.
 * `this` is the server. An upgrade request that is not answered goes on, and the headers that were set for its answer are lost.
 */
export interface Middleware {
  // biome-ignore lint/suspicious/noExplicitAny: `this` is the server, which this file does not know.
  (this: any, request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): unknown;
  /** `false`: not for upgrade requests. */
  upgrade?: boolean;
  /** `false`: not for plain requests. */
  http?: boolean;
  /** `true`: for an upgrade request `response` is the socket itself. */
  raw?: boolean;
}

/** A function of fewer than two parameters that makes the middleware. */
// biome-ignore lint/suspicious/noExplicitAny: `this` is the server, which this file does not know.
export type MiddlewareFactory = (this: any, options?: any) => Middleware;

export interface Layer {
  readonly name: string;
  readonly fn: Middleware;
  readonly length: number;
  enabled: boolean;
}

/** The named middleware of a server, in the order it runs. */
export class Layers {
  readonly list: Layer[] = [];
  private readonly owner: object;

  constructor(owner: object) {
    this.owner = owner;
  }

  indexOf(name: string): number {
    return this.list.findIndex((layer) => layer.name === name);
  }

  /** Adds a layer, at `index` when there is one; a layer of that name is replaced where it stands. */
  use(name: unknown, fn: unknown, options?: unknown, index?: unknown): void {
    if (typeof name !== 'string' || name === '') {
      throw new PrimusError('ERR_PRIMUS_MIDDLEWARE', `Middleware must have a name, not ${describe(name)}`);
    }
    if (typeof fn !== 'function') {
      throw new PrimusError('ERR_PRIMUS_MIDDLEWARE', `The middleware '${name}' must be a function, not ${describe(fn)}`);
    }
    const at = typeof options === 'number' && index === undefined ? options : index;
    const made: unknown = fn.length < 2 ? fn.call(this.owner, typeof options === 'number' ? {} : (options ?? {})) : fn;
    if (typeof made !== 'function' || made.length < 2) {
      throw new PrimusError(
        'ERR_PRIMUS_MIDDLEWARE',
        `The middleware '${name}' must be, or return, a function of at least (request, response)`,
      );
    }
    if (made.length > 3) {
      throw new PrimusError(
        'ERR_PRIMUS_MIDDLEWARE',
        `The middleware '${name}' has more than (request, response, next): one for errors only would never be asked`,
      );
    }
    const layer: Layer = { name, fn: made as Middleware, length: made.length, enabled: true };
    const existing = this.indexOf(name);
    if (existing !== -1) this.list[existing] = layer;
    else if (typeof at === 'number') this.list.splice(at, 0, layer);
    else this.list.push(layer);
  }

  remove(name: string): void {
    const index = this.indexOf(name);
    if (index !== -1) this.list.splice(index, 1);
  }

  toggle(name: string, enabled: boolean): void {
    const layer = this.list[this.indexOf(name)];
    if (layer) layer.enabled = enabled;
  }

  /** Whether every layer let it pass; if not, one of them has answered it. */
  admit(exchange: Exchange): boolean | Observable<boolean> {
    const layers = this.list.filter(({ enabled, fn }) => enabled && (exchange.kind === 'request' ? fn.http : fn.upgrade) !== false);
    const channel = exchange.kind === 'request' ? exchange.response : exchange.socket;
    let answer: UpgradeAnswer | undefined;
    const responseFor = ({ raw }: Middleware): ServerResponse | Duplex => {
      if (exchange.kind === 'request' || raw === true) return channel;
      answer ??= new UpgradeAnswer(exchange.request, exchange.socket);
      return answer.response;
    };
    const settle = (): boolean => {
      if (answer?.begun) return false;
      answer?.release();
      return true;
    };
    const turnAway = (status: number, message?: string): void => {
      if (answer?.begun) return answer.cut();
      answer?.release();
      reject(channel, status, message);
    };
    const fail = (error: unknown): false => {
      turnAway(500, asError(error).message);
      return false;
    };
    try {
      const passes = toEventual(sequence(layers, (layer) => this.run(layer, exchange.request, responseFor(layer.fn)), true));
      if (!isPromise(passes)) return passes && settle();
      let waiting = true;
      return from(passes).pipe(
        map((passed) => passed && settle()),
        catchError((error) => of(fail(error))),
        // The server is destroyed before the layer has answered.
        tap({ next: () => (waiting = false), unsubscribe: () => waiting && turnAway(503) }),
        // A layer that answers by itself never calls back; nobody waits for it beyond its answer, or for a client that left.
        takeUntil(fromEvent(channel, 'close')),
      );
    } catch (error) {
      return fail(error);
    }
  }

  private run({ fn, length }: Layer, request: IncomingMessage, response: ServerResponse | Duplex): unknown {
    if (length <= 2) return fn.call(this.owner, request, response as ServerResponse, () => {});
    return Pending.of<unknown>((done) => fn.call(this.owner, request, response as ServerResponse, (error) => done(error as Error)));
  }
}
