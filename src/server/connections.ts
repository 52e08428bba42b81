import { Subject } from 'rxjs';
import { isPromise } from '../core/eventual.js';
import type { Frame, Link } from '../core/link.js';
import { encoded } from '../core/parser.js';
import type { Stack } from '../core/pipeline.js';
import { isControl, printControl, reservedError } from '../core/protocol.js';
import type { ServerTransformer } from '../core/transformer.js';
import type { Connection } from './connection.js';
import { slotOf } from './heartbeat.js';
import { Spark } from './spark.js';

/** The open connections of a server, and what is sent to many of them. */
export class ConnectionRegistry {
  private readonly byId = new Map<string, Connection>();
  private view: { [id: string]: Spark } | undefined;
  /** How many are left, whenever one has gone. */
  readonly left$: Subject<number> = new Subject();
  private readonly stack: Stack;
  private readonly transformer: ServerTransformer;

  constructor(stack: Stack, transformer: ServerTransformer) {
    this.stack = stack;
    this.transformer = transformer;
  }

  get size(): number {
    return this.byId.size;
  }

  /** The open connections; one that joins during a loop is in it. */
  get connections(): Iterable<Connection> {
    return this.byId.values();
  }

  /** The sparks by their id, without a prototype: kept from the first time somebody asks for it. */
  get sparks(): { [id: string]: Spark } {
    if (this.view === undefined) {
      this.view = Object.create(null) as { [id: string]: Spark };
      for (const [id, { spark }] of this.byId) this.view[id] = spark;
    }
    return this.view;
  }

  spark(id: string): Spark | undefined {
    return this.byId.get(String(id))?.spark;
  }

  /** False when the id is taken. */
  add({ id, connection }: Spark): boolean {
    const key = String(id);
    if (this.byId.has(key)) return false;
    connection.slot = slotOf(this.byId.size);
    this.byId.set(key, connection);
    if (this.view !== undefined) this.view[key] = connection.spark;
    return true;
  }

  /** False when it was not here. */
  remove(connection: Connection): boolean {
    const key = String(connection.spark.id);
    if (this.byId.get(key) !== connection) return false;
    this.byId.delete(key);
    if (this.view !== undefined) delete this.view[key];
    return true;
  }

  /**
   * One message to all, encoded and framed once, unless something of a connection's own stands between it and the line.
   * Throws what the encoder throws.
   */
  broadcast(data: unknown): void {
    if (isControl(data)) throw reservedError(data);
    if (this.stack.transformers.outgoing.length > 0) {
      for (const { spark } of this.connections) spark.write(data);
      return;
    }
    const frame = encoded(this.stack.parser, data);
    if (isPromise(frame)) this.relay(data, frame);
    else this.send(this.sharing(data, frame), frame);
  }

  /** Asks these connections whether they are alive. */
  ping(connections: readonly Connection[], now: number): void {
    // A stamp is whole milliseconds on the line; not every clock has those.
    const stamp = Math.floor(now);
    const ping = { type: 'ping', value: String(stamp) } as const;
    for (const connection of connections) connection.asked(stamp);
    const { parser } = this.stack;
    if (parser.encode === undefined) {
      // Each behind what the parser is still at for that connection.
      for (const connection of connections) connection.control(ping);
      return;
    }
    const frame = parser.encode(printControl(ping));
    this.send(linksOf(connections, frame), frame);
  }

  /** A message that is still being encoded takes its place in the order of each connection. */
  private relay(data: unknown, frame: Promise<Frame>): void {
    // Each of the connections tells that it failed, but there may be none.
    frame.catch(() => {});
    for (const connection of this.connections) {
      if (connection.writable && untouched(connection.spark)) connection.relay(data, frame);
      else connection.spark.write(data);
    }
  }

  private send(links: Iterable<Link>, frame: Frame): void {
    if (this.transformer.broadcast !== undefined) this.transformer.broadcast(links, frame);
    else for (const link of links) link.send(frame);
  }

  /** The links that take the frame as it is; who writes in a way of its own is written to in passing. */
  private *sharing(data: unknown, frame: Frame): Generator<Link> {
    for (const connection of this.connections) {
      if (connection.canShareFrame && untouched(connection.spark)) {
        yield connection.link as Link;
        connection.sent(frame);
      } else connection.spark.write(data);
    }
  }
}

function* linksOf(connections: readonly Connection[], frame: Frame): Generator<Link> {
  for (const connection of connections) {
    const link = connection.link as Link;
    if (link.excludeFromBroadcast) link.send(frame);
    else yield link;
    connection.sent(frame);
  }
}

function untouched(spark: Spark): boolean {
  return spark.write === Spark.prototype.write && spark._write === Spark.prototype._write;
}
