import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import { EMPTY, ignoreElements, merge, mergeMap, Observable, type SchedulerLike, tap } from 'rxjs';
import { framework } from '../../src/core/framework.js';
import { ACCEPTED } from '../../src/core/refusal.js';
import type { Arrival } from '../../src/core/transformer.js';
import { deflate } from '../../src/server/deflate.js';
import { headOf, malformed } from '../../src/server/handshake.js';
import type { Host, NodeTransformer, UpgradeExchange } from '../../src/server/host.js';
import { refuse } from '../../src/server/refuse.js';
import type { FayeServerTransport } from './options.js';
import type { FayeConstructor, FayeWebSocket } from './server/framework.js';
import { FayeLink } from './server/link.js';

const require = createRequire(import.meta.url);

export const server: NodeTransformer = {
  listen(host) {
    const WebSocket = framework<FayeConstructor>(require, 'faye-websocket', '^0.11.0');
    const { protocols: own = [], ...transport } = host.transport as FayeServerTransport;
    // A page that is offered none of the subprotocols it asks for drops the line.
    const protocols = [...own, ACCEPTED];
    const options = { ...transport, extensions: extensions(host), maxLength: host.maxLength };
    return merge(
      host.upgrade$.pipe(
        mergeMap((exchange) => accept((...parts) => new WebSocket(...parts, protocols, options), exchange, host.scheduler)),
      ),
      host.request$.pipe(
        tap(({ response }) => refuse(response, 426, 'Upgrade Required', { Connection: 'close', Upgrade: 'websocket' })),
        ignoreElements(),
      ),
    );
  },
};

function extensions({ compression, maxLength, transport }: Host): object[] {
  return (transport as FayeServerTransport).extensions ?? (compression ? [deflate(maxLength)] : []);
}

/** One handshake; the framework would take older drafts as well, and leaves one that is malformed open. */
function accept(
  open: (request: IncomingMessage, socket: Duplex, head: Buffer) => FayeWebSocket,
  { request, socket, head }: UpgradeExchange,
  scheduler: SchedulerLike,
): Observable<Arrival> {
  const refusal = malformed(request);
  if (refusal !== undefined) {
    refuse(socket, ...refusal);
    return EMPTY;
  }
  return new Observable((subscriber) => {
    const websocket = open(request, socket, headOf(socket, head));
    websocket.on('open', () => {
      if (subscriber.closed) socket.destroy();
      else subscriber.next({ link: new FayeLink(websocket, socket, scheduler), request });
      subscriber.complete();
    });
    websocket.on('close', () => subscriber.complete());
  });
}
