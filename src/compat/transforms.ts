import { asError } from '../core/errors.js';
import { isPromise, Pending } from '../core/eventual.js';
import { guard } from '../core/guard.js';
import { type Direction, type MessageTransformers, type Packet, runTransformers } from '../core/message-transformers.js';
import { invalid } from '../core/options.js';
import { sequence } from '../core/sequence.js';

/** The part of a connection that `transforms` uses: a substream of a plugin has no more. */
export interface ForeignConnection {
  _write(data: unknown): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  listeners?(event: string): readonly unknown[];
}

/** Delivers one message; returns a promise when that is asynchronous. */
type Pass = () => void | Promise<void>;

/** The messages of each connection and direction that wait behind the one that is being transformed. */
const queues = new WeakMap<object, { [D in Direction]?: Pass[] }>();

/**
 * Passes one message of a connection that the library did not make through the message transformers. An `incoming` message ends in the
 * connection's `data` event, an `outgoing` one in its `_write`. Messages of one direction keep their order.
 */
export function transforms<T>(
  this: T,
  primus: { transformers: Pick<MessageTransformers, 'incoming' | 'outgoing'>; host?: Pick<Console, 'warn'> },
  connection: ForeignConnection,
  type: Direction,
  data: unknown,
  raw?: unknown,
): T {
  const transformers = primus.transformers[type];
  if (transformers === undefined) throw invalid('transforms: the type', "'incoming' or 'outgoing'", type);
  const packet = (type === 'incoming' ? { data, raw } : { data }) as Packet;

  const deliver = (passes: boolean): void => {
    if (!passes) return;
    if (type === 'incoming') connection.emit('data', packet.data, raw);
    else connection._write(packet.data);
  };

  const failed = (error: unknown): void =>
    guard(
      () => emitError(connection, error),
      (thrown) => (primus.host ?? console).warn(thrown),
    );

  enqueue(connection, type, () => {
    try {
      const passes = runTransformers(transformers, connection, packet);
      if (isPromise(passes)) return passes.then(deliver).catch(failed);
      deliver(passes);
    } catch (error) {
      failed(error);
    }
    return undefined;
  });
  return this;
}

/** Runs `pass` at once, or after the messages before it. */
function enqueue(connection: object, type: Direction, pass: Pass): void {
  const waiting = queues.get(connection) ?? {};
  queues.set(connection, waiting);
  if (waiting[type] !== undefined) {
    waiting[type].push(pass);
    return;
  }
  const queue = [pass];
  waiting[type] = queue;
  const close = (): void => {
    delete waiting[type];
  };
  let outcome: boolean | Pending<boolean> = true;
  try {
    outcome = sequence(taken(queue), (next) => next());
  } finally {
    if (!(outcome instanceof Pending)) close();
  }
  if (outcome instanceof Pending) outcome.read(close);
}

/** The entries of a queue, each removed when its turn comes. */
function* taken<T>(queue: T[]): Generator<T, void, undefined> {
  for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) yield entry;
}

/** Emits an error when there is a listener: without one the event would throw. */
function emitError(connection: ForeignConnection, error: unknown): void {
  if (connection.listeners?.('error').length) connection.emit('error', asError(error));
}
