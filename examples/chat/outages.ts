import type { IncomingMessage } from 'node:http';
import type Primus from 'primus-rx';
import type { WebSocket } from 'ws';

/** The longest outage, in ms. */
const LONGEST = 300_000;

/**
 * Outages of the network that pages ask for: the connection of the page is terminated without a closing handshake, and so is each new one for a
 * while. To client and server it looks like a train in a tunnel.
 */
export class Outages {
  /** The keys of the pages without a network. */
  private readonly keys = new Set<string>();
  private readonly primus: Primus;

  constructor(primus: Primus) {
    this.primus = primus;
    primus.use('outages', (request, _response) => this.block(request), 0);
  }

  /** Begins the outage that a request asks for. Returns false when it does not say for which page and for how long. */
  begin(request: IncomingMessage): boolean {
    const key = fieldOf(request, 'key');
    const ms = Number(fieldOf(request, 'ms'));
    if (key === '' || !(ms > 0 && ms <= LONGEST)) return false;
    this.keys.add(key);
    setTimeout(() => this.keys.delete(key), ms).unref();
    this.primus.forEach((spark) => {
      if (fieldOf(spark.request, 'key') === key && !spark.away) (spark.socket as WebSocket).terminate();
    });
    return true;
  }

  /** Terminates a request of a page without a network. */
  private block(request: IncomingMessage): boolean {
    const isBlocked = this.keys.has(fieldOf(request, 'key'));
    if (isBlocked) request.socket.destroy();
    return isBlocked;
  }
}

function fieldOf({ url = '' }: IncomingMessage, name: string): string {
  return new URLSearchParams(url.replace(/^[^?]*/, '')).get(name) ?? '';
}
