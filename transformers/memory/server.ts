import { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { filter, ignoreElements, map, merge, Observable, tap } from 'rxjs';
import type { Arrival } from '../../src/core/transformer.js';
import type { Host, NodeTransformer } from '../../src/server/host.js';
import { refuse } from '../../src/server/refuse.js';
import { everywhere, type Handshake, type Listener, type MemoryNetwork, type MemoryTransport } from './options.js';

/**
 * Connections within the process. They come in by the door all others come in by: an `upgrade` of the HTTP server, so
 * that routing, middleware and authorization are the same.
 */
export const server: NodeTransformer = {
  listen(host) {
    const { network = everywhere } = host.transport as MemoryTransport;
    const arrivals$ = host.upgrade$.pipe(
      filter(({ socket }) => socket instanceof MemorySocket || !refuse(socket, 426)),
      map(({ request, socket }): Arrival => ({ request, link: (socket as MemorySocket).accept(network, host.maxLength) })),
    );
    const refusals$ = host.request$.pipe(
      tap(({ response }) => refuse(response, 426)),
      ignoreElements(),
    );
    const listening$ = new Observable<never>(() => network.serve(listener(host)));
    return merge(arrivals$, refusals$, listening$);
  },
};

/** Answers to the port of the HTTP server and, while that does not listen, to every address. */
function listener({ server: http, maxLength }: Host): Listener {
  return {
    maxLength,
    answersTo(url) {
      const address = http.address() as AddressInfo | null;
      return address === null || String(address.port) === (url.port || '80');
    },
    knock(handshake) {
      const socket = new MemorySocket(handshake);
      http.emit('upgrade', requestOf(handshake, socket), socket, Buffer.alloc(0));
    },
  };
}

function requestOf({ url, headers = {} }: Handshake, socket: MemorySocket): IncomingMessage {
  const { host, pathname, search } = new URL(url);
  const request = new IncomingMessage(socket as unknown as Socket);
  request.method = 'GET';
  request.url = pathname + search;
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  request.headers = { ...Object.fromEntries(given), host, connection: 'upgrade', upgrade: 'memory' };
  return request;
}

/** Stands for the TCP connection of a handshake: takes the answer of whoever refuses it. */
class MemorySocket extends Duplex {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 1;
  private readonly handshake: Handshake;
  private answer = '';

  constructor(handshake: Handshake) {
    super();
    this.handshake = handshake;
  }

  accept(network: MemoryNetwork, maxLength: number) {
    const [ours, theirs] = network.pair(maxLength);
    network.scheduler.schedule(() => {
      // Cut while the answer was under way: it never comes through.
      if (network.has(theirs)) this.handshake.accepted(theirs);
      else this.handshake.refused({ reason: 'The line was cut' });
    }, network.latency);
    return ours;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.answer += chunk.toString();
    done();
  }

  override _final(done: () => void): void {
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(this.answer)?.[1]);
    const retryAfter = Number(/\r\nretry-after: (\d+)/i.exec(this.answer)?.[1] ?? 0) * 1000;
    const authenticate = /\r\nwww-authenticate: (.*)\r\n/i.exec(this.answer)?.[1];
    const body = this.answer.slice(this.answer.indexOf('\r\n\r\n') + 4);
    this.handshake.refused({ status, reason: messageOf(body), retryAfter: retryAfter || undefined, authenticate });
    done();
  }
}

function messageOf(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { error?: string }).error;
  } catch {
    return undefined;
  }
}
