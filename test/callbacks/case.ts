import { map, merge, NEVER, type Observable, type Subscription } from 'rxjs';
import type { Primus, ServerOptions } from '../../src/index.js';
import type { Bed } from './bed.js';
import { type Failure, failing } from './failures.js';

/** How a function of the application comes to fail at one place of the API. */
export interface Case {
  /** The place, as `callbacks()` names it. Several cases may be of one place. */
  readonly place: string;
  readonly name?: string;
  /** The options of a server of its own, for each failure. */
  readonly options?: (failure: Failure) => ServerOptions;
  /** Prepares a server of its own, before it serves. */
  readonly before?: (primus: Primus, failure: Failure) => void;
  readonly run: (bed: Bed, failure: Failure) => unknown;
  /** Failures that a library cannot handle, with the reason. docs/streams.md and docs/server.md say so. */
  readonly beyond?: readonly [failures: RegExp, why: string];
  /** Why what is thrown here is not reported. */
  readonly silent?: string;
}

const REJECTED = /rejects|after an await/;

/** Subscribers of a stream: functions, observers, chains, and what RxJS' own creation functions return. */
export function subscribers(place: string, subscribe: (bed: Bed, to: (stream$: Observable<unknown>) => Subscription) => unknown): Case[] {
  type To = (stream$: Observable<unknown>, fail: () => unknown) => Subscription;
  const one = (name: string, to: To, beyond?: Case['beyond']): Case => ({
    place,
    name,
    run: (bed, failure) => subscribe(bed, (stream$) => to(stream$, failing(failure))),
    ...(beyond && { beyond }),
  });
  return [
    one('a function', (stream$, fail) => stream$.subscribe(fail)),
    one('an observer', (stream$, fail) => stream$.subscribe({ next: fail, complete: fail })),
    one('the end of a chain', (stream$, fail) => stream$.pipe(map(String)).subscribe(fail)),
    one('an operator', (stream$, fail) => stream$.pipe(map(fail)).subscribe(), [REJECTED, 'a promise in a chain is a value']),
    one('a merged stream', (stream$, fail) => merge(stream$, NEVER).subscribe(fail), [
      /throws|rejects/,
      'it is a plain Observable of RxJS',
    ]),
  ];
}
