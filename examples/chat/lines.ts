import type { IncomingMessage } from 'node:http';
import type Primus from 'primus-rx';
import type { WebSocket } from 'ws';

/** The longest time for which a line is cut, in ms. */
const LONGEST = 300_000;

/**
 * The lines to the pages, which can be cut: the connection is lost without a closing handshake, and new ones are terminated for a while. To both
 * ends it looks like a train in a tunnel.
 */
export class Lines {
  /** The keys of the pages without a line. */
  private readonly cuts = new Set<string>();
  private readonly primus: Primus;

  constructor(primus: Primus) {
    this.primus = primus;
    primus.use('lines', (request, _response) => this.block(request), 0);
  }

  /** Cuts the line of the page that sends this request, for that many ms. Returns false when the request does not say so. */
  cut(request: IncomingMessage): boolean {
    const key = fieldOf(request, 'key');
    const ms = Number(fieldOf(request, 'ms'));
    if (key === '' || !(ms > 0 && ms <= LONGEST)) return false;
    this.cuts.add(key);
    setTimeout(() => this.cuts.delete(key), ms).unref();
    this.primus.forEach((spark) => {
      if (fieldOf(spark.request, 'key') === key && !spark.away) (spark.socket as WebSocket).terminate();
    });
    return true;
  }

  /** Terminates a request of a page without a line. */
  private block(request: IncomingMessage): boolean {
    const isCut = this.cuts.has(fieldOf(request, 'key'));
    if (isCut) request.socket.destroy();
    return isCut;
  }
}

function fieldOf({ url = '' }: IncomingMessage, name: string): string {
  return new URLSearchParams(url.replace(/^[^?]*/, '')).get(name) ?? '';
}
