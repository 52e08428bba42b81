import { Subject } from 'rxjs';
import type { Frame, Link } from '../core/link.js';
import type { Parser } from '../core/parser.js';
import { isControl, printControl, reservedError } from '../core/protocol.js';
import type { ServerTransformer } from '../core/transformer.js';
import type { Connection } from './connection.js';
import { slotOf } from './heartbeat.js';
import { Spark } from './spark.js';

/** The open connections of a server, and what is sent to many of them. */
export class Fleet {
  /** The sparks by their id. */
  readonly sparks: { [id: string]: Spark } = Object.create(null);
  readonly connections = new Set<Connection>();
  /** How many are left, whenever one has gone. */
  readonly left$: Subject<number> = new Subject();
  private readonly parser: Parser;
  private readonly transformer: ServerTransformer;

  constructor(parser: Parser, transformer: ServerTransformer) {
    this.parser = parser;
    this.transformer = transformer;
  }

  /** False when the id is taken. */
  add({ id, connection }: Spark): boolean {
    if (this.sparks[id] !== undefined) return false;
    connection.slot = slotOf(this.connections.size);
    this.sparks[id] = connection.spark;
    this.connections.add(connection);
    return true;
  }

  /** False when it was not here. */
  remove(connection: Connection): boolean {
    if (!this.connections.delete(connection)) return false;
    delete this.sparks[connection.spark.id];
    return true;
  }

  /**
   * One message to all. Those between whom and the line nothing stands (no message transformer, no asynchronous encoder,
   * no `write` of a plugin's) share one frame, encoded once; the others get `write(data)`. Throws what the encoder throws.
   */
  broadcast(data: unknown): void {
    if (isControl(data)) throw reservedError(data);
    const sharing: Connection[] = [];
    for (const connection of this.connections) {
      if (this.parser.encode !== undefined && connection.plain && untouched(connection.spark)) sharing.push(connection);
      else connection.spark.write(data);
    }
    if (this.parser.encode !== undefined && sharing.length > 0) this.send(sharing, this.parser.encode(data));
  }

  /** Asks these connections whether they are alive. */
  ping(connections: readonly Connection[], now: number): void {
    // A stamp is whole milliseconds on the line; not every clock has those.
    const stamp = Math.floor(now);
    const ping = { type: 'ping', value: String(stamp) } as const;
    for (const connection of connections) connection.asked(stamp);
    if (this.parser.encode !== undefined) this.send(connections, this.parser.encode(printControl(ping)));
    else for (const connection of connections) connection.control(ping);
  }

  private send(connections: readonly Connection[], frame: Frame): void {
    const links = connections.map(({ link }) => link as Link);
    if (this.transformer.broadcast !== undefined) this.transformer.broadcast(links, frame);
    else for (const link of links) link.send(frame);
    for (const connection of connections) connection.sent(frame);
  }
}

function untouched(spark: Spark): boolean {
  return spark.write === Spark.prototype.write && spark._write === Spark.prototype._write;
}
