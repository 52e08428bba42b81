import type { Frame, Link } from '../core/link.js';
import type { Parser } from '../core/parser.js';
import { isControl, reservedError } from '../core/protocol.js';
import type { Connection } from './connection.js';
import { Spark } from './spark.js';

/**
 * One message to many connections. Those between which and the line nothing stands (no message transformer, no
 * asynchronous encoder, no `write` of a plugin's) share one frame, encoded once; the others get `write(data)`.
 */
export function broadcast(connections: Iterable<Connection>, data: unknown, parser: Parser, send: (links: readonly Link[], frame: Frame) => void): void {
  if (isControl(data)) throw reservedError(data);
  const sharing: Connection[] = [];
  const links: Link[] = [];
  for (const connection of connections) {
    if (parser.encode !== undefined && connection.plain && untouched(connection.spark)) {
      sharing.push(connection);
      links.push(connection.link as Link);
    } else connection.spark.write(data);
  }
  if (parser.encode === undefined || links.length === 0) return;
  const frame = parser.encode(data);
  send(links, frame);
  for (const connection of sharing) connection.sent(frame);
}

function untouched(spark: Spark): boolean {
  return spark.write === Spark.prototype.write && spark._write === Spark.prototype._write;
}
