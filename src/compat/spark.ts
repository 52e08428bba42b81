import { Stream } from 'node:stream';
import { callable } from '../core/callable.js';
import { asError } from '../core/errors.js';
import type { Frame } from '../core/link.js';
import { CLOSED } from '../core/ready-state.js';
import type { Spark } from '../server/spark.js';
import type { AdoptingServer, SparkArguments, SparkClass } from '../server/spark-class.js';
import { EventLink, isPrivate } from './event-link.js';
import { transforms } from './transforms.js';

type Hook = (this: Spark) => void;

/** Defines a member that is not enumerable. Returns itself, so that calls can be chained. */
type Define = (name: string, value: unknown, accessors?: boolean) => Define;

const { emit } = Stream.prototype;

/** Adds hooks, `new primus.Spark(…)` and injected events to a server's class of sparks. */
export function legacySpark(Class: SparkClass, server: AdoptingServer): SparkClass {
  // The first stands for the set-up of Primus 8 itself, which some plugins call a second time.
  const hooks: Hook[] = [function initialise() {}];

  class LegacySpark extends Class {
    constructor(...[headers, address, query, id, request, socket, link]: SparkArguments) {
      // A spark emits its own end. Here a link is reported that is closed before the spark has ended.
      const raw = link ?? new EventLink(() => this.readyState !== CLOSED && emit.call(this, 'outgoing::end'));
      super(headers, address, query, id, request, socket, raw);
      for (const hook of hooks) hook.call(this);
      if (link === undefined) server.adopt(this);
    }
  }

  const prototype = LegacySpark.prototype;
  const readable = defining(prototype, false);
  defining(prototype, true)('emit', function (this: Spark, event: string, ...args: unknown[]): boolean {
    return inject(this, event, args) || emit.call(this, event, ...args);
  });
  readable('__initialise', hooks)('transforms', transforms)(
    'initialise',
    {
      get: () => hooks[hooks.length - 1],
      set: (hook: unknown) => {
        if (typeof hook === 'function') hooks.push(hook as Hook);
      },
    },
    true,
  );
  return Object.assign(callable(LegacySpark), { readable, writable: defining(prototype, true) });
}

function defining(prototype: object, writable: boolean): Define {
  const define: Define = (name, value, accessors = false) => {
    const descriptor = accessors ? (value as PropertyDescriptor) : { value, writable };
    Object.defineProperty(prototype, name, { ...descriptor, configurable: true, enumerable: false });
    return define;
  };
  return define;
}

/** Handles a private event that was injected into a spark. Returns true when the event must not be emitted any more. */
function inject(spark: Spark, event: string, [value]: unknown[]): boolean {
  if (!isPrivate(event)) return false;
  const { connection } = spark;
  switch (event) {
    case 'incoming::data':
      connection.next(value as Frame);
      return true;
    case 'incoming::end':
      if (connection.state === CLOSED) return false;
      connection.complete();
      if (connection.link instanceof EventLink) connection.link.ended();
      else connection.link?.destroy();
      return true;
    case 'incoming::error':
      connection.fail(asError(value));
      return false;
    case 'outgoing::data':
      connection.link?.send(value as Frame);
      return false;
    case 'outgoing::end':
      if (!(connection.link instanceof EventLink)) connection.link?.close();
      return false;
    default:
      return false;
  }
}
