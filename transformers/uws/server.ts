import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers';
import { defaultIfEmpty, first, merge, Observable, ReplaySubject } from 'rxjs';
import type { Frame } from '../../src/core/link.js';
import type { Arrival } from '../../src/core/transformer.js';
import type { Host, NodeTransformer, UpgradeExchange } from '../../src/server/http/host.js';
import { reject } from '../../src/server/http/reject.js';
import { checkHandshake } from '../shared/server/handshake.js';
import { serveWebSockets } from '../shared/server/serve.js';
import { loadEngine, type UWS } from './engine/framework.js';
import { portOf } from './engine/port.js';
import { ConnectedPeer, EngineSocket } from './engine/socket.js';
import type { UWSServerTransport } from './options.js';
import { Audience } from './server/audience.js';
import { Group } from './server/group.js';
import { UWSLink } from './server/link.js';

/** The largest limit that the engine takes, in bytes. */
const LARGEST = 2 ** 32 - 1;

/** The bytes beyond `maxLength` that the engine accepts: it terminates without a close frame, which would not say why. */
const EXCESS = 1_048_576;

export const server: NodeTransformer = {
  listen(host) {
    const engine = loadEngine();
    const transport = host.transport as UWSServerTransport;
    const port = portOf(host.server, engine, transport);
    const settings = {
      maxPayloadLength: Math.min(host.maxLength + EXCESS, LARGEST),
      compression: compression(engine, host),
      maxLifetime: transport.maxLifetime ?? 0,
    };
    const route = { pathname: host.pathname, settings };
    port.check(route);
    const audience = new Audience(port, settings.compression !== engine.DISABLED, host);
    return merge(
      new Observable<never>(() => port.open(route)),
      serveWebSockets(host, (exchange, arrived) => accept(exchange, audience, transport.protocols, arrived)),
    );
  },

  hidesIncomplete: true,

  broadcast(links, frame, group) {
    const addressed = [...(links as Iterable<UWSLink>)];
    addressed[0]?.audience.send(addressed, frame, group as Group | undefined);
  },

  createGroup: () => new Group(),
};

function compression(engine: UWS, host: Host): number {
  const chosen = (host.transport as UWSServerTransport).compression;
  return chosen ?? (host.compression ? engine.SHARED_COMPRESSOR | engine.SHARED_DECOMPRESSOR : engine.DISABLED);
}

/** A handshake is done at once. The engine does not look whether it is well-formed. */
function accept(exchange: UpgradeExchange, audience: Audience, spoken: string[] | undefined, arrived: (arrival: Arrival) => void): void {
  if (!checkHandshake(exchange)) return;
  const { request, socket } = exchange;
  if (!(socket instanceof EngineSocket && socket.upgradable)) {
    reject(socket, { status: 400, message: 'The engine does not take this for a WebSocket' });
    return;
  }
  const link = new UWSLink(audience, audience.deflates && /permessage-deflate/i.test(request.headers['sec-websocket-extensions'] ?? ''));
  const { isReading } = socket;
  socket.upgrade(link, choose(request.headers['sec-websocket-protocol'], spoken));
  keepPeer(request, new ConnectedPeer(socket, link) as unknown as Socket);
  if (isReading) arrived({ link, request });
  else afterFirstRead(link, () => arrived({ link, request }));
}

/** Calls back when the engine has read what arrived while middleware took its time, unless the client left without a message meanwhile. */
function afterFirstRead(link: UWSLink, arrive: () => void): void {
  const early = new ReplaySubject<Frame>();
  // A message comes before the end, or there is none.
  let hasLeft = false;
  early.pipe(defaultIfEmpty(undefined), first()).subscribe({
    next: (frame) => (hasLeft = frame === undefined),
    error: () => (hasLeft = true),
  });
  link.subscribe(early);
  const proceed = () => {
    if (hasLeft) return;
    arrive();
    link.replay(early);
  };
  // Behind the next time that the event loop looks for what has arrived.
  setImmediate(() => setImmediate(proceed));
}

/** Replaces the socket of a request: the request lives as long as its connection, and whatever it refers to with it. */
function keepPeer(request: IncomingMessage & { client?: Socket }, peer: Socket): void {
  request.socket = peer;
  request.client = peer;
}

/** Chooses the first of the offered subprotocols that is spoken, or none; the engine does not choose. */
function choose(offer: string | undefined, spoken: string[] | undefined): string {
  const offered = offer?.split(',').map((protocol) => protocol.trim()) ?? [];
  return offered.find((protocol) => spoken?.includes(protocol) ?? true) ?? '';
}
