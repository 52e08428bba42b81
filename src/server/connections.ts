import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { catchError, type Observable, of, type SchedulerLike, Subject, timeout } from 'rxjs';
import type { Stack } from '../core/channel.js';
import { asError, LinkError } from '../core/errors.js';
import { type Eventual, isPromise } from '../core/eventual.js';
import { ownFrame } from '../core/ledger.js';
import type { Frame, Link } from '../core/link.js';
import { encoded } from '../core/parser.js';
import { isControl, printControl, reservedError } from '../core/protocol.js';
import { OPEN } from '../core/ready-state.js';
import type { Arrival, LinkGroup, ServerTransformer } from '../core/transformer.js';
import { asyncemit, ListenerError } from './asyncemit.js';
import type { Connection, ConnectionHost } from './connection.js';
import { slotOf } from './heartbeat.js';
import { clientAddress } from './middleware/forwarded.js';
import { Spark } from './spark.js';
import type { SparkClass } from './spark-class.js';

/** The registry of a server's open connections. It sends broadcasts and pings. */
export class ConnectionRegistry {
  /** The sparks by id. A loop over it includes the sparks that are added meanwhile. */
  readonly byId: ReadonlyMap<string, Spark>;
  /** Emits the number of `present` connections, whenever the `disconnection` of one was emitted. */
  readonly left$: Subject<number> = new Subject();
  /** Called with each spark that is removed: what a cluster knows about it goes with it. */
  removed: ((spark: Spark) => void) | undefined;
  /** Whether a message is one that only this package may send, beside control messages. */
  owns: ((data: unknown) => boolean) | undefined;
  private readonly sparks = new Map<string, Spark>();
  private object: { [id: string]: Spark } | undefined;
  /** The number of connections that were removed, and whose `disconnection` is still to be emitted. */
  private leaving = 0;
  private readonly stack: Stack;
  private readonly transformer: ServerTransformer;

  constructor(stack: Stack, transformer: ServerTransformer) {
    this.byId = this.sparks;
    this.stack = stack;
    this.transformer = transformer;
  }

  get size(): number {
    return this.sparks.size;
  }

  /** The sparks that there are now. A message that ends a session may begin another connection of its client, which is not to get it. */
  get sparksNow(): Spark[] {
    return [...this.sparks.values()];
  }

  /** The number of connections that have not had their `disconnection` yet: also those that nothing finds any more. */
  get present(): number {
    return this.sparks.size + this.leaving;
  }

  /** The sparks by id in an object without a prototype, which is maintained from its first use on. */
  get asObject(): { [id: string]: Spark } {
    if (this.object === undefined) {
      this.object = Object.create(null) as { [id: string]: Spark };
      for (const [id, spark] of this.sparks) this.object[id] = spark;
    }
    return this.object;
  }

  /** Adds a spark. Returns false when its id is taken. */
  add(spark: Spark): boolean {
    const key = String(spark.id);
    if (this.sparks.has(key)) return false;
    spark.connection.slot = slotOf(this.sparks.size);
    spark.connection.register();
    this.sparks.set(key, spark);
    if (this.object !== undefined) this.object[key] = spark;
    return true;
  }

  /** Removes the spark of a connection, which `left` has to follow. Returns false when it is not registered. */
  remove(connection: Connection): boolean {
    const key = String(connection.subject.id);
    if (this.sparks.get(key)?.connection !== connection) return false;
    this.sparks.delete(key);
    if (this.object !== undefined) delete this.object[key];
    this.leaving += 1;
    this.removed?.(connection.subject as Spark);
    return true;
  }

  /** Marks that the `disconnection` of a removed connection was emitted. */
  left(): void {
    this.leaving -= 1;
    this.left$.next(this.present);
  }

  /**
   * Sends one message to all connections, or to those of some sparks. It is encoded and framed once; a connection that has to transform or
   * queue it gets its own frame.
   *
   * @returns the frame; `undefined` when each connection has to transform the message
   * @throws the error of the encoder; ERR_PRIMUS_RESERVED for a control message
   */
  broadcast(data: unknown, sparks: Iterable<Spark> = this.sparksNow, group?: LinkGroup): Eventual<Frame> | undefined {
    if (isControl(data) || this.owns?.(data)) throw reservedError(data);
    if (this.stack.transformers.outgoing.length > 0) {
      for (const spark of sparks) spark.write(data);
      return undefined;
    }
    const frame = encoded(this.stack.parser, this.stack, data);
    const write = (spark: Spark) => spark.write(data);
    if (isPromise(frame)) this.relay(data, frame, sparks, write);
    else this.share(frame, sparks, write, group);
    return frame;
  }

  /**
   * Sends a frame, which was encoded already, to the connections of some sparks; those that cannot share it are passed to `write`. `group`: that
   * of `createGroup` for all these sparks.
   */
  share(frame: Frame, sparks: Iterable<Spark>, write: (spark: Spark) => void, group?: LinkGroup): void {
    this.send(this.sharing(frame, sparks, write), frame, group);
  }

  /**
   * Sends a message that is still being encoded to the connections of some sparks, in its place in the order of each; those that cannot share
   * its frame are passed to `write`.
   */
  relay(data: unknown, frame: Promise<Frame>, sparks: Iterable<Spark>, write: (spark: Spark) => void): void {
    // Each connection reports the failure, but there may be none.
    frame.catch(() => {});
    for (const spark of sparks) {
      if (spark.connection.writable && untouched(spark)) spark.connection.relay(data, frame);
      else write(spark);
    }
  }

  /** Creates a group for sparks that share frames again and again, where the framework has groups. */
  createGroup(): LinkGroup | undefined {
    return this.transformer.createGroup?.();
  }

  /** Whether a spark has the heartbeat of this package, so that its ping may be encoded once for all. */
  sharesPing(spark: { heartbeat(): void }): boolean {
    return spark.heartbeat === heartbeat;
  }

  /** Sends a ping to these connections. */
  ping(connections: readonly Connection[], now: number): void {
    // A stamp is whole milliseconds on the wire; not every clock has those.
    const stamp = Math.floor(now);
    const ping = { type: 'ping', value: String(stamp) } as const;
    for (const connection of connections) connection.pinged(stamp);
    const { parser } = this.stack;
    if (parser.encode === undefined) {
      // Each behind the messages that the parser is still encoding for that connection.
      for (const connection of connections) connection.control(ping);
      return;
    }
    const frame = parser.encode(printControl(ping));
    this.send(linksOf(connections, frame), frame);
  }

  private send(links: Iterable<Link>, frame: Frame, group?: LinkGroup): void {
    if (this.transformer.broadcast !== undefined) this.transformer.broadcast(links, frame, group);
    else for (const link of links) link.send(frame);
  }

  /** Yields the links that can share the frame. Passes every other spark to `write` on the way. */
  private *sharing(frame: Frame, sparks: Iterable<Spark>, write: (spark: Spark) => void): Generator<Link> {
    const isShared = this.transformer.broadcast !== undefined;
    let kept: Frame | undefined;
    for (const spark of sparks) {
      const { connection } = spark;
      if (!connection.canShareFrame || !untouched(spark)) {
        write(spark);
        continue;
      }
      // One copy for all sessions, if there are any.
      if (connection.session !== undefined) kept ??= ownFrame(frame);
      if (connection.session?.sent(kept ?? frame) !== false) {
        yield connection.link as Link;
        connection.sent(frame, isShared);
      }
    }
  }
}

function* linksOf(connections: readonly Connection[], frame: Frame): Generator<Link> {
  for (const connection of connections) {
    const { link } = connection;
    // A listener of `outgoing::ping` or `outgoing::data` may have ended it.
    if (connection.state !== OPEN || link === undefined) continue;
    if (link.excludeFromBroadcast) link.send(frame);
    else yield link;
    connection.sent(frame);
  }
}

/** The methods as they are before any plugin replaces them on the class of all sparks. */
const { write, _write, heartbeat } = Spark.prototype;

function untouched(spark: Spark): boolean {
  return spark.write === write && spark._write === _write;
}

// The steps from a link that has arrived to a connection that is announced.

/** The part of a server that creates its sparks. */
export interface SparkFactory {
  readonly Spark: SparkClass;
  readonly options: { readonly idGenerator?: (() => string) | undefined };
  readonly host: ConnectionHost;
}

/** Creates the spark of an arrival. Returns `undefined` when the application's code, such as `idGenerator`, throws. */
export function createSpark({ Spark, options, host }: SparkFactory, { link, request, id }: Arrival<IncomingMessage>): Spark | undefined {
  try {
    return new Spark(request.headers, clientAddress(request), undefined, options.idGenerator ? undefined : id, request, link.socket, link);
  } catch (error) {
    host.log('error', error);
    link.destroy();
    return undefined;
  }
}

/** Registers a spark, so that `spark(id)` finds it. Returns false, and terminates the connection, when its id is taken. */
export function register(registry: ConnectionRegistry, spark: Spark): boolean {
  if (registry.add(spark)) return true;
  spark.primus.host.log('error', `A connection was refused: its id ${spark.id} is taken`);
  spark.connection.terminate(new LinkError('ERR_PRIMUS_REFUSED', 'The id of this connection is taken'));
  spark.connection.session?.release();
  return false;
}

/**
 * Runs the `connection` listeners. Returns whether they accept the connection. It ends when one of them refuses it, throws, or has not
 * answered within `limit` ms: then the client may try again.
 */
export function runConnectionListeners(
  primus: EventEmitter,
  spark: Spark,
  limit: number,
  scheduler: SchedulerLike,
): boolean | Observable<boolean> {
  const refused = (error: unknown, reconnect = false): false => {
    if (ListenerError.is(error)) spark.connection.fail(asError(error.reason));
    else spark.connection.reportListenerError(error);
    spark.end(undefined, { reconnect });
    spark.connection.announce();
    return false;
  };
  try {
    const answer = asyncemit(primus, {
      event: 'connection',
      args: [spark],
      started: (running) => spark.connection.expectListeners(running),
      asking: (isAsking) => spark.connection.ask(isAsking),
    });
    if (answer === true) return true;
    const late = () => {
      const message = `A connection listener has not answered within ${limit} ms (\`connectionTimeout\`)`;
      return of(refused(new ListenerError(new LinkError('ERR_PRIMUS_REFUSED', message)), true));
    };
    const answered$ = answer.pipe(catchError((error) => of(refused(error))));
    return limit === Infinity ? answered$ : answered$.pipe(timeout({ first: limit, scheduler, with: late }));
  } catch (thrown) {
    return refused(thrown);
  }
}
