import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { filter, ignoreElements, map, merge, Observable, tap } from 'rxjs';
import type { Arrival } from '../../src/core/transformer.js';
import type { Host, NodeTransformer, UpgradeExchange } from '../../src/server/http/host.js';
import { reject } from '../../src/server/http/reject.js';
import { handshakeProblem } from '../shared/server/handshake.js';
import { loadEngine, type UWS } from './engine/framework.js';
import { portOf } from './engine/port.js';
import { EngineSocket, PeerOf } from './engine/socket.js';
import type { UWSServerTransport } from './options.js';
import { Audience } from './server/audience.js';
import { UWSLink } from './server/link.js';

/** What the engine can count to, in bytes. */
const LARGEST = 2 ** 32 - 1;

export const server: NodeTransformer = {
  listen(host) {
    const engine = loadEngine();
    const transport = host.transport as UWSServerTransport;
    const port = portOf(host.server, engine, transport);
    const settings = {
      maxPayloadLength: Math.min(host.maxLength, LARGEST),
      // The library cuts who does not read; so does the engine, which answers pings by itself.
      maxBackpressure: host.maxBuffer > LARGEST ? 0 : host.maxBuffer,
      compression: compression(engine, host),
      maxLifetime: transport.maxLifetime ?? 0,
    };
    const route = { pathname: host.pathname, settings };
    port.check(route);
    const audience = new Audience(port, settings.compression !== engine.DISABLED, host.maxBuffer);
    return merge(
      new Observable<never>(() => port.open(route)),
      host.upgrade$.pipe(
        map((exchange) => accept(audience, transport.protocols, exchange)),
        filter((arrival) => arrival !== undefined),
      ),
      host.request$.pipe(
        tap(({ response }) => reject(response, 426, 'Upgrade Required', { Connection: 'close', Upgrade: 'websocket' })),
        ignoreElements(),
      ),
    );
  },

  broadcast(links, frame) {
    const audience = [...(links as Iterable<UWSLink>)];
    audience[0]?.audience.send(audience, frame);
  },
};

function compression(engine: UWS, host: Host): number {
  const chosen = (host.transport as UWSServerTransport).compression;
  return chosen ?? (host.compression ? engine.SHARED_COMPRESSOR | engine.SHARED_DECOMPRESSOR : engine.DISABLED);
}

/** One handshake, which is done at once; what is malformed in it the engine does not mind. */
function accept(audience: Audience, spoken: string[] | undefined, { request, socket }: UpgradeExchange): Arrival | undefined {
  const refusal = handshakeProblem(request);
  if (refusal !== undefined) reject(socket, ...refusal);
  else if (!(socket instanceof EngineSocket && socket.upgradable)) reject(socket, 400, 'The engine does not take this for a WebSocket');
  else {
    const link = new UWSLink(audience);
    socket.upgrade(link, choose(request.headers['sec-websocket-protocol'], spoken));
    settle(request, new PeerOf(socket, link) as unknown as Socket);
    return { link, request };
  }
  return undefined;
}

/** A request is kept as long as its connection, and with it what it holds on to. */
function settle(request: IncomingMessage & { client?: Socket }, peer: Socket): void {
  request.socket = peer;
  request.client = peer;
}

/** The subprotocol that is spoken: of those the client offers, none or one. */
function choose(offer: string | undefined, spoken: string[] | undefined): string {
  const offered = offer?.split(',').map((protocol) => protocol.trim()) ?? [];
  return offered.find((protocol) => spoken?.includes(protocol) ?? true) ?? '';
}
