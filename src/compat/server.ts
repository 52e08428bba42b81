import type { EventEmitter } from 'node:events';
import { of } from 'rxjs';
import { filterAsync } from '../../operators/index.js';
import { callable } from '../core/callable.js';
import { type EmitsParser, emits } from '../core/events.js';
import { asyncemit, ListenerError } from '../server/asyncemit.js';
import type { Builtins } from '../server/builtins.js';
import type { Server } from '../server/primus.js';
import { type Define, definitions, predefine } from './defining.js';
import { transforms } from './transforms.js';

/** The members of a server that old plugins use. */
export interface LegacyServer {
  /**
   * Emits an event whose listeners may be asynchronous: a listener with one parameter more than there are arguments gets a callback. Calls
   * the last argument with the first error, or when all listeners have answered.
   *
   * @example
   * primus.asyncemit('backup', 'users', (error?: Error) => console.log(error ?? 'All listeners have answered'));
   */
  asyncemit(event: string, ...argumentsAndDone: unknown[]): boolean;
  /**
   * Runs the message transformers of one direction on a message of any connection, and delivers it.
   *
   * @example
   * primus.transforms(primus, spark, 'incoming', { hello: 'world' });
   */
  transforms: OmitThisParameter<typeof transforms>;
  /**
   * Returns a function that emits `event` when it is called, as `emits` of a spark does.
   *
   * @example
   * process.on('SIGHUP', primus.emits('reload'));
   */
  emits(event: string, parser?: EmitsParser): (...args: unknown[]) => void;
}

/** Adds the members that old code expects to the class of servers, and makes it callable without `new`. */
export function legacyServer<C extends abstract new (...args: never[]) => Server>(Class: C, { transformers, parsers }: Builtins<unknown>) {
  const { prototype } = Class;
  const { write } = prototype;
  Object.defineProperties(prototype, {
    asyncemit: { value: asyncEmit, configurable: true, writable: true },
    transforms: { value: transforms, configurable: true, writable: true },
    emits: { value: emitsOf, configurable: true, writable: true },
    merge: { value: Object.assign, configurable: true, writable: true },
    // Documented as read-only: an assignment has no effect, `Object.defineProperty` has.
    write: { get: () => write, set: () => {}, configurable: true },
    readable: { get: readable, configurable: true },
    writable: { get: writable, configurable: true },
  });
  const lists = { transformers: Object.fromEntries(transformers), parsers: Object.fromEntries(parsers) };
  return Object.assign(callable(Class), definitions(prototype), lists);
}

/** Defines members of one server. */
function readable(this: object): Define {
  return predefine(this, { writable: false });
}

function writable(this: object): Define {
  return predefine(this, { writable: true });
}

function emitsOf(this: EventEmitter, event: string, parser?: EmitsParser) {
  return emits(this, event, parser);
}

function asyncEmit(this: EventEmitter, event: string, ...args: unknown[]): boolean {
  const done = args.pop() as (error?: unknown) => void;
  const answer = of(event).pipe(filterAsync(() => asyncemit(this, event, ...args)));
  answer.subscribe({
    error: (error) => done(error instanceof ListenerError ? error.reason : error),
    complete: () => done(),
  });
  return this.listenerCount(event) > 0;
}
