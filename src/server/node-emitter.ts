import type { EventEmitter } from 'node:events';

/** The members of Node's emitters that `TypedEmitter` leaves out: with them `events.once(primus, 'connection')` compiles. */
export type NodeEmitter = Pick<EventEmitter, 'setMaxListeners' | 'getMaxListeners' | 'rawListeners' | 'prependOnceListener'>;
