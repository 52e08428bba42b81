import type { EventEmitter } from 'node:events';
import { of } from 'rxjs';
import { filterAsync } from '../../operators/index.js';
import { callable } from '../core/callable.js';
import { type EmitsParser, emits } from '../core/events.js';
import { asyncemit, ListenerError } from '../server/asyncemit.js';
import type { Server } from '../server/primus.js';
import { transforms } from './transforms.js';

/** The old members of a server. */
export interface LegacyServer {
  /** Emits an event whose listeners may be asynchronous; calls back when all have agreed. */
  asyncemit(event: string, ...argumentsAndDone: unknown[]): boolean;
  /** Runs the message transformers of one direction on a packet, for a connection of any make. */
  transforms: OmitThisParameter<typeof transforms>;
  /** A function that emits `event` whenever it is called, as sparks and clients have it. */
  emits(event: string, parser?: EmitsParser): (...args: unknown[]) => void;
}

/** Gives the class of servers what old plugins expect: to be callable without `new` above all. */
export function legacyServer<C extends abstract new (...args: never[]) => Server>(Class: C) {
  const { prototype } = Class;
  const { write } = prototype;
  Object.defineProperties(prototype, {
    asyncemit: { value: asyncEmit, configurable: true, writable: true },
    transforms: { value: transforms, configurable: true, writable: true },
    emits: { value: emitsOf, configurable: true, writable: true },
    // Documented as read-only: an assignment has no effect, `Object.defineProperty` has.
    write: { get: () => write, set: () => {}, configurable: true },
  });
  return callable(Class);
}

function emitsOf(this: EventEmitter, event: string, parser?: EmitsParser) {
  return emits(this, event, parser);
}

function asyncEmit(this: EventEmitter, event: string, ...args: unknown[]): boolean {
  const done = args.pop() as (error?: unknown) => void;
  const asked = of(event).pipe(filterAsync(() => asyncemit(this, event, ...args)));
  asked.subscribe({
    error: (error) => done(error instanceof ListenerError ? error.reason : error),
    complete: () => done(),
  });
  return this.listenerCount(event) > 0;
}
