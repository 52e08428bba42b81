import type { EventEmitter } from 'node:events';
import { of } from 'rxjs';
import { filterAsync } from '../../operators/index.js';
import { callable } from '../core/callable.js';
import type { EmitsArguments, EmitsParser } from '../core/events.js';
import { guard } from '../core/guard.js';
import { guardedEmits } from '../core/guarded-emits.js';
import { invalid } from '../core/options.js';
import { asyncemit, ListenerError } from '../server/asyncemit.js';
import type { Builtins } from '../server/builtins.js';
import type { LibraryOptions } from '../server/library.js';
import type { Server } from '../server/primus.js';
import { type Define, definitions, predefine } from './defining.js';
import { serverEmitter } from './server-emitter.js';
import { transforms } from './transforms.js';

/** The members of a server that old plugins use. */
export interface LegacyServer {
  /**
   * Emits an event whose listeners may be asynchronous: a listener with one parameter more than there are arguments gets a callback. Calls
   * the last argument with the first error, or when all listeners have answered.
   *
   * @throws ERR_PRIMUS_OPTION when the last argument is not a function
   *
   * @example
   * primus.asyncemit('backup', 'users', (error?: Error) => console.log(error ?? 'All listeners have answered'));
   */
  asyncemit(event: string, ...argumentsAndDone: unknown[]): this;
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
  emits(event: string, parser: EmitsParser): (...args: unknown[]) => boolean;
  emits(event: string, ...bound: EmitsArguments): (...args: unknown[]) => boolean;
}

/** Adds the members that old code expects to the class of servers, and makes it callable without `new`. */
export function legacyServer<C extends abstract new (...args: never[]) => Server>(Class: C, { transformers, parsers }: Builtins<unknown>) {
  const { prototype } = Class;
  const { write, library } = prototype;
  const { on, once, removeListener } = serverEmitter;
  const methods = {
    asyncemit: asyncEmit,
    transforms,
    emits: emitsOf,
    on,
    once,
    removeListener,
    addListener: on,
    off: removeListener,
    // Primus 8 takes a flag.
    library(this: Server, options?: LibraryOptions | boolean) {
      return library.call(this, typeof options === 'boolean' ? undefined : options);
    },
  };
  for (const [name, value] of Object.entries(methods))
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  Object.defineProperties(prototype, {
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

function emitsOf(this: EventEmitter & Pick<Server, 'host'>, event: string, ...bound: EmitsArguments) {
  return guardedEmits(this, (error) => this.host.warn(error), event, bound);
}

function asyncEmit<T extends EventEmitter & Pick<Server, 'host'>>(this: T, event: string, ...args: unknown[]): T {
  const done = args.pop() as (error?: unknown) => void;
  if (typeof done !== 'function') throw invalid('asyncemit: the last argument', 'a function', done);
  const answer = of(event).pipe(filterAsync(() => asyncemit(this, { event, args })));
  const answered = (...error: unknown[]) =>
    guard(
      () => done(...error),
      (thrown) => this.host.warn(thrown),
    );
  answer.subscribe({ error: (error) => answered(ListenerError.is(error) ? error.reason : error), complete: answered });
  return this;
}
