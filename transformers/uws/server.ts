import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { filter, ignoreElements, map, merge, Observable, type Observer, tap, type Unsubscribable } from 'rxjs';
import { dropped } from '../../src/core/errors.js';
import { type Frame, type Link, NOBODY } from '../../src/core/link.js';
import type { Arrival } from '../../src/core/transformer.js';
import { malformed } from '../../src/server/handshake.js';
import type { Host, NodeTransformer, UpgradeExchange } from '../../src/server/host.js';
import { inSlices } from '../../src/server/in-slices.js';
import { refuse } from '../../src/server/refuse.js';
import { type Endpoint, type EngineWebSocket, loadEngine, type UWS } from './engine/framework.js';
import { type Port, portOf } from './engine/port.js';
import { EngineSocket } from './engine/socket.js';
import type { UWSServerTransport } from './options.js';

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
        tap(({ response }) => refuse(response, 426, 'Upgrade Required', { Connection: 'close', Upgrade: 'websocket' })),
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
  const refusal = malformed(request);
  if (refusal !== undefined) refuse(socket, ...refusal);
  else if (!(socket instanceof EngineSocket && socket.upgradable)) refuse(socket, 400, 'The engine does not take this for a WebSocket');
  else {
    const link = new UWSLink(audience);
    socket.upgrade(link, choose(request.headers['sec-websocket-protocol'], spoken));
    settle(request, socket.peer as unknown as Socket);
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

/** Messages shorter than this only grow by compression, in bytes. */
const WORTHWHILE = 1_024;

/** So many published bytes may pass before a link asks the engine anew what waits for it, as a power of two. */
const UNASKED = 16;

let audiences = 0;

/** The open links of a server: what is for all of them the engine publishes. */
class Audience {
  readonly topic = `primus ${audiences++}`;
  readonly maxBuffer: number;
  /** How much was published, in units of `UNASKED`. */
  published = 0;
  size = 0;
  private readonly port: Port;
  private readonly deflates: boolean;
  private bytes = 0;

  constructor(port: Port, deflates: boolean, maxBuffer: number) {
    this.port = port;
    this.deflates = deflates;
    this.maxBuffer = maxBuffer;
  }

  /** Whether a frame goes compressed. */
  squeezes(frame: Frame): boolean {
    return this.deflates && frame.length >= WORTHWHILE;
  }

  send(links: readonly UWSLink[], frame: Frame): void {
    if (links.length < this.size || links.length === 1) {
      for (const link of links) link.send(frame);
      return;
    }
    for (const link of links) link.flush();
    this.bytes += frame.length;
    this.published = this.bytes >>> UNASKED;
    this.port.app?.publish(this.topic, frame, typeof frame !== 'string', this.squeezes(frame));
  }
}

/** The links that have something to send at the end of this tick. */
let loaded: UWSLink[] = [];

/** Each link is a system call: many thousands take several turns. */
function endTick(): void {
  const links = loaded;
  loaded = [];
  inSlices(links, flush);
}

function flush(link: UWSLink): void {
  link.flush();
}

/** A WebSocket as a link. What is sent within a tick leaves in one write. */
class UWSLink implements Link, Endpoint {
  socket: EngineWebSocket | undefined;
  readonly audience: Audience;
  private observer: Partial<Observer<Frame>> = NOBODY;
  /** The engine is telling us of a message: it writes what is sent meanwhile at once. */
  private telling = false;
  private load: Frame[] | undefined;
  private waiting = 0;
  /** Whether the engine may hold something back for this link, and as of which amount that was published. */
  private crowded = false;
  private asked = 0;
  /** What came since reading was paused, in bytes; -1 while it is not. */
  private held = -1;
  private failure: Error | undefined;

  constructor(audience: Audience) {
    this.audience = audience;
  }

  get bufferedAmount(): number {
    const { socket, audience } = this;
    if (socket === undefined) return 0;
    if (!this.crowded && this.asked === audience.published) return this.waiting;
    this.asked = audience.published;
    const amount = socket.getBufferedAmount();
    this.crowded = amount > 0;
    return this.waiting + amount;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.observer = observer;
    return { unsubscribe: () => this.subscribe(NOBODY) };
  }

  send(frame: Frame): void {
    if (this.socket === undefined) return;
    if (this.telling) {
      this.post(this.socket, frame);
      return;
    }
    this.waiting += frame.length;
    if (this.load !== undefined) this.load.push(frame);
    else {
      this.load = [frame];
      if (loaded.push(this) === 1) process.nextTick(endTick);
    }
  }

  flush(): void {
    const { socket, load } = this;
    if (load === undefined) return;
    this.load = undefined;
    this.waiting = 0;
    if (socket === undefined) return;
    if (load.length === 1) this.post(socket, load[0] as Frame);
    else
      socket.cork(() => {
        for (const frame of load) this.post(socket, frame);
      });
  }

  /** The engine cannot stop reading: what comes meanwhile is held by whoever asked for the pause, up to a limit. */
  pause(): void {
    this.held = 0;
  }

  resume(): void {
    this.held = -1;
  }

  close(code = 1000, reason = ''): void {
    this.flush();
    this.socket?.end(code, reason);
  }

  destroy(): void {
    this.socket?.close();
  }

  opened(socket: EngineWebSocket): void {
    this.socket = socket;
    socket.subscribe(this.audience.topic);
    this.audience.size++;
    this.asked = this.audience.published;
  }

  received(data: ArrayBuffer, isBinary: boolean): void {
    if (this.held !== -1 && this.overflows(data.byteLength)) return;
    // What was sent before, by others, goes first.
    this.flush();
    this.telling = true;
    // The engine takes its memory back.
    this.observer.next?.(isBinary ? Buffer.from(data.slice(0)) : Buffer.from(data).toString());
    this.telling = false;
  }

  drained(): void {
    this.crowded = (this.socket?.getBufferedAmount() ?? 0) > 0;
  }

  closed(code: number, reason: string): void {
    this.socket = undefined;
    this.audience.size--;
    // A reason without a close frame is the engine's own.
    const failure = this.failure ?? (code === 1006 && reason !== '' ? new Error(reason) : undefined);
    if (failure === undefined && (code === 1000 || code === 1005)) this.observer.complete?.();
    else this.observer.error?.(dropped(code, reason, failure));
  }

  private post(socket: EngineWebSocket, frame: Frame): void {
    if (socket.send(frame, typeof frame !== 'string', this.audience.squeezes(frame)) !== 1) this.crowded = true;
  }

  private overflows(length: number): boolean {
    const { maxBuffer } = this.audience;
    this.held += length;
    if (this.held <= maxBuffer) return false;
    this.failure = new Error(`More than ${maxBuffer} bytes came while reading was paused, which this framework cannot stop`);
    this.destroy();
    return true;
  }
}
