import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import { EMPTY, ignoreElements, merge, mergeMap, Observable, type SchedulerLike, tap } from 'rxjs';
import { ACCEPTED } from '../../src/core/close-reasons.js';
import { loadFramework } from '../../src/core/load-framework.js';
import type { Arrival } from '../../src/core/transformer.js';
import type { Host, NodeTransformer, UpgradeExchange } from '../../src/server/http/host.js';
import { reject } from '../../src/server/http/reject.js';
import { deflate } from '../shared/server/deflate.js';
import { handshakeProblem, headOf } from '../shared/server/handshake.js';
import type { FayeServerTransport } from './options.js';
import type { FayeConstructor, FayeWebSocket } from './server/framework.js';
import { FayeLink } from './server/link.js';

const require = createRequire(import.meta.url);

export const server: NodeTransformer = {
  listen(host) {
    const WebSocket = loadFramework<FayeConstructor>(require, 'faye-websocket', '^0.11.0');
    const { protocols: own = [], ...transport } = host.transport as FayeServerTransport;
    // A page that is offered none of the subprotocols it asks for drops the line.
    const protocols = [...own, ACCEPTED];
    const options = { ...transport, extensions: extensions(host), maxLength: host.maxLength };
    return merge(
      host.upgrade$.pipe(
        mergeMap((exchange) => accept((...parts) => new WebSocket(...parts, protocols, options), exchange, host.scheduler)),
      ),
      host.request$.pipe(
        tap(({ response }) => reject(response, 426, 'Upgrade Required', { Connection: 'close', Upgrade: 'websocket' })),
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
  const refusal = handshakeProblem(request);
  if (refusal !== undefined) {
    reject(socket, ...refusal);
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
