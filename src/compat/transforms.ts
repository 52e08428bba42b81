import { asError } from '../core/errors.js';
import { isPromise } from '../core/from-node-callback.js';
import { type MessageTransformers, type Packet, runTransformers } from '../core/message-transformers.js';

/** What a plugin hands over as a connection: a substream has no more than this. */
export interface ForeignConnection {
  _write(data: unknown): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  listeners?(event: string): readonly unknown[];
}

/** For each connection and direction, when what is under way will be done: messages must not overtake each other. */
const lanes = new WeakMap<object, { incoming?: Promise<void>; outgoing?: Promise<void> }>();

/**
 * Passes one message of a connection that is not ours through the message transformers: `incoming` ends in its `data`
 * event, `outgoing` in its `_write`.
 */
export function transforms<T>(
  this: T,
  primus: { transformers: Pick<MessageTransformers, 'incoming' | 'outgoing'> },
  connection: ForeignConnection,
  type: 'incoming' | 'outgoing',
  data: unknown,
  raw?: unknown,
): T {
  const packet = (type === 'incoming' ? { data, raw } : { data }) as Packet;

  const deliver = (passes: boolean): void => {
    if (!passes) return;
    if (type === 'incoming') connection.emit('data', packet.data, raw);
    else connection._write(packet.data);
  };

  const run = (): void | Promise<void> => {
    try {
      const verdict = runTransformers(primus.transformers[type], connection, packet);
      if (isPromise(verdict)) return verdict.then(deliver).catch((error) => fail(connection, error));
      deliver(verdict);
    } catch (error) {
      fail(connection, error);
    }
    return undefined;
  };

  const lane = lanes.get(connection) ?? {};
  lanes.set(connection, lane);
  const waiting = lane[type];
  const done = waiting === undefined ? run() : waiting.then(run);
  if (done !== undefined) {
    const mine = done.then(() => {
      if (lane[type] === mine) delete lane[type];
    });
    lane[type] = mine;
  }
  return this;
}

/** An error is an event where somebody listens, and never an exception. */
function fail(connection: ForeignConnection, error: unknown): void {
  if (connection.listeners?.('error').length) connection.emit('error', asError(error));
}
