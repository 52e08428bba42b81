import { IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Socket as NetSocket } from 'node:net';
import type { Server, ServerOptions, Socket, Transport } from 'engine.io';
import { fromEventPattern, ignoreElements, map, merge, NEVER, Observable, type Observer, tap, type Unsubscribable } from 'rxjs';
import { WebSocket, WebSocketServer, type ServerOptions as WebSocketServerOptions } from 'ws';
import { dropped, LinkError } from '../../src/core/errors.js';
import { framework } from '../../src/core/framework.js';
import { type Frame, type Link, NOBODY } from '../../src/core/link.js';
import type { Arrival } from '../../src/core/transformer.js';
import type { Host, NodeTransformer, RequestExchange, UpgradeExchange } from '../../src/server/host.js';
import { refuse } from '../../src/server/refuse.js';
import { exceeds } from '../../src/server/text-frames.js';
import type { EngineIOServerTransport } from './options.js';

/** How long a peer may take to answer our close, in ms, before the line is cut. */
const CLOSE_TIMEOUT = 2_000;

const require = createRequire(import.meta.url);

export const server: NodeTransformer = {
  listen(host) {
    const { Server } = framework<typeof import('engine.io')>(require, 'engine.io', '^6.6.7');
    const engine = new Server(settings(host, host.maxLength));
    host.continues = ({ request }) => continues(request);
    const lines = new Lines(host, engine, (socket) => new EngineLink(socket, host));
    return merge(lines.opened$.pipe(map((link) => lines.arrival(link, idOf(link.engine)))), lines.served$);
  },
};

/** Whether a request is part of a connection there is already, and not the start of one. */
export function continues({ url = '' }: IncomingMessage): boolean {
  return /[?&]sid=[^&]/.test(url);
}

/** The engine's options. A packet of `longest` bytes passes, whatever it is carried by. */
export function settings({ compression, transport }: Host, longest: number): ServerOptions {
  // Who may read our answers is for our middleware to say.
  const { sessions: _, cors: __, ...given } = transport as EngineIOServerTransport & { cors?: unknown };
  return {
    perMessageDeflate: compression,
    httpCompression: compression && { threshold: 1024 },
    // Of our own ws, with a limit of its own: over HTTP a packet may be in base64, which is longer.
    wsEngine: class extends WebSocketServer {
      constructor(options: WebSocketServerOptions) {
        super({ ...options, maxPayload: longest + 1, closeTimeout: CLOSE_TIMEOUT } as WebSocketServerOptions);
      }
    },
    ...given,
    maxHttpBufferSize: Math.ceil(longest / 3) * 4 + 2,
  };
}

/**
 * The links of one engine, and a guard in front of its endpoint. Requests and upgrades are handed to the engine as they
 * come through our middleware: it never sees the HTTP server.
 */
export class Lines<L extends EngineLink> {
  /** Every link, once its handshake is done. */
  readonly opened$: Observable<L>;
  /** Serves while it is subscribed to. */
  readonly served$: Observable<never>;
  private readonly links = new Map<string, L>();
  private readonly engine: Server;
  private readonly pathname: string;

  constructor({ request$, upgrade$, transport, pathname }: Host, engine: Server, make: (socket: Socket) => L) {
    const { sessions = NEVER } = transport as EngineIOServerTransport;
    this.engine = engine;
    this.pathname = pathname;
    this.opened$ = fromEventPattern<Socket>(
      (connected) => engine.on('connection', connected),
      (connected) => engine.removeListener('connection', connected),
    ).pipe(map((socket) => this.open(make(socket))));
    this.served$ = merge(
      request$.pipe(tap((exchange) => this.request(exchange))),
      upgrade$.pipe(tap((exchange) => this.upgrade(exchange))),
      new Observable(() => sessions.subscribe({ next: (session) => void engine.onWebTransportSession(session) })),
    ).pipe(ignoreElements());
  }

  /** The link that stands on a socket of the engine. */
  of(socket: Socket): L | undefined {
    return this.links.get(idOf(socket));
  }

  /** The arrival of a link. Sessions of WebTransport come by no request. */
  arrival(link: L, id: string): Arrival<IncomingMessage> {
    return { link, request: link.engine.request ?? requestTo(this.pathname), id };
  }

  private open(link: L): L {
    const id = idOf(link.engine);
    this.links.set(id, link);
    link.engine.once('close', () => this.links.delete(id));
    return link;
  }

  /** A handshake, a poll, or data. What the engine would not survive, or not answer, is answered here. */
  private request(exchange: RequestExchange): void {
    const { request, response } = exchange;
    const link = this.links.get(query(request, 'sid'));
    // Gone while middleware took its time: the engine would wait for an end that has been.
    if (request.socket.destroyed) return;
    if (request.method !== 'GET' && request.method !== 'POST') {
      refuse(response, 405, undefined, { Allow: 'GET, POST' });
    } else if (link !== undefined && request.method === 'POST') {
      this.post(link, exchange);
    } else {
      this.handle(exchange);
      if (!response.writableEnded) link?.polled(response);
    }
  }

  private upgrade({ request, socket, head }: UpgradeExchange): void {
    // The engine takes every transport it knows for one that upgrades.
    if (query(request, 'transport') !== 'websocket') refuse(socket, 400);
    else attempt(socket, () => this.engine.handleUpgrade(request, socket, head));
  }

  private handle({ request, response }: RequestExchange): void {
    attempt(response, () => this.engine.handleRequest(request, response));
  }

  private post(link: L, exchange: RequestExchange): void {
    const { request, response } = exchange;
    const limit = this.engine.opts.maxHttpBufferSize as number;
    response.once('close', () => {
      if (response.statusCode !== 413) return;
      link.tooLong();
      // The rest of it is not waited for.
      if (!request.complete) request.socket.destroySoon();
    });
    if (Number(request.headers['content-length']) > limit) refuse(response, 413, undefined, { Connection: 'close' });
    else link.posted(exchange, () => this.handle(exchange));
  }
}

function attempt(to: Parameters<typeof refuse>[0], action: () => void): void {
  try {
    action();
  } catch {
    refuse(to, 400);
  }
}

/** The last value of that name, which is the one the engine takes. */
function query({ url = '' }: IncomingMessage, name: string): string {
  const start = url.indexOf('?');
  return new URLSearchParams(start === -1 ? '' : url.slice(start)).getAll(name).at(-1) ?? '';
}

function requestTo(pathname: string): IncomingMessage {
  return Object.assign(new IncomingMessage({} as NetSocket), { method: 'GET', url: pathname });
}

/** Public, but for its type. */
function idOf(socket: Socket): string {
  return (socket as unknown as { id: string }).id;
}

/** What the engine's transports have besides: the socket of a WebSocket. */
type Carrier = Transport & { socket?: WebSocket };

/** A socket of the engine as a link. */
export class EngineLink implements Link {
  readonly engine: Socket;
  protected observer: Partial<Observer<Frame>> = NOBODY;
  private readonly host: Pick<Host, 'maxLength' | 'scheduler'>;
  private waiting = 0;
  private paused = false;
  private closing = false;
  private ended = false;
  private poll: ServerResponse | undefined;
  private post: RequestExchange | undefined;
  private held: (() => void) | undefined;
  private failure: Error | undefined;
  private closeCode: number | undefined;
  private reason: string | undefined;
  private late: Unsubscribable | undefined;

  constructor(engine: Socket, host: Pick<Host, 'maxLength' | 'scheduler'>) {
    this.engine = engine;
    this.host = host;
    this.carriedBy(engine.transport);
    engine.on('upgrading', () => this.release());
    engine.on('upgrade', (transport: Carrier) => this.carriedBy(transport));
    engine.on('flush', () => {
      this.waiting = 0;
    });
    engine.on('packetCreate', ({ type }: { type: string }) => {
      if (type === 'ping' && this.paused) process.nextTick(() => this.vouch());
    });
    engine.on('close', (reason: string, cause?: Error) => this.closed(reason, cause));
    this.listen();
  }

  /** What `spark.socket` exposes. */
  get socket(): unknown {
    return this.engine;
  }

  get bufferedAmount(): number {
    return this.waiting + (this.websocket?.bufferedAmount ?? 0);
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.observer = observer;
    return { unsubscribe: () => this.subscribe(NOBODY) };
  }

  send(frame: Frame): void {
    if (this.ended || this.closing) return;
    this.waiting += frame.length;
    this.transmit(frame);
  }

  /** Over HTTP the next data is left unread; a WebSocket is not read at all. */
  pause(): void {
    this.paused = true;
    this.websocket?.pause();
    this.vouch();
  }

  resume(): void {
    this.paused = false;
    this.websocket?.resume();
    this.release();
  }

  close(): void {
    if (this.closing || this.ended) return;
    this.closing = true;
    this.late = this.host.scheduler.schedule(() => this.destroy(), CLOSE_TIMEOUT);
    // The engine aborts data that is under way, and the client would take that for an accident.
    if (this.post === undefined) this.engine.close();
    else this.post.response.once('close', () => this.engine.close());
  }

  destroy(): void {
    if (this.ended) return;
    this.websocket?.terminate();
    this.poll?.destroy();
    this.engine.transport.emit('error', new Error('destroyed'));
  }

  // What the endpoint reports.

  polled(response: ServerResponse): void {
    this.poll = response;
    response.once('close', () => {
      if (this.poll === response) this.poll = undefined;
    });
  }

  posted(exchange: RequestExchange, proceed: () => void): void {
    const { request, response } = exchange;
    const { post } = this;
    if (post === undefined) {
      this.post = exchange;
      response.once('close', () => {
        this.post = undefined;
      });
    }
    // A second one beside it is for the engine to refuse. One that waits is not waited for during an upgrade.
    if (post !== undefined || !this.paused || this.engine.upgrading) return proceed();
    this.held = () => (request.destroyed ? this.destroy() : proceed());
  }

  tooLong(): void {
    this.fail(1009, `A message exceeds maxLength, ${this.host.maxLength}`);
  }

  // What differs where something stands on the engine.

  /** Has `received` called for every frame. */
  protected listen(): void {
    this.engine.on('message', (data: Frame | undefined) => this.received(data ?? ''));
  }

  protected transmit(frame: Frame): void {
    this.engine.send(frame as string);
  }

  protected received(frame: Frame): void {
    if (exceeds(frame, this.host.maxLength)) this.tooLong();
    else if (!this.ended) this.observer.next?.(frame);
  }

  // Below: how it is done.

  private get websocket(): WebSocket | undefined {
    const { socket } = this.engine.transport as Carrier;
    return socket instanceof WebSocket ? socket : undefined;
  }

  /** The engine keeps neither close codes nor errors, so they are looked at before it sees them. */
  private carriedBy({ socket }: Carrier): void {
    if (!(socket instanceof WebSocket)) return;
    socket.prependOnceListener('close', (code, reason) => {
      this.closeCode ??= code;
      this.reason ??= reason.toString();
    });
    socket.prependOnceListener('error', (error: Error & { code?: string }) => {
      this.failure = error;
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') this.closeCode = 1009;
    });
    if (this.paused) socket.pause();
  }

  /** While we do not read, silence is our doing: the engine's heartbeat is answered for the peer. */
  private vouch(): void {
    if (!this.ended) this.engine.transport.emit('packet', { type: 'pong' });
  }

  private release(): void {
    const { held } = this;
    this.held = undefined;
    held?.();
  }

  private fail(closeCode: number, message: string): void {
    if (this.ended) return;
    this.failure = new LinkError('ERR_PRIMUS_DROPPED', message);
    this.closeCode = closeCode;
    // Over a WebSocket the peer is told why.
    if (this.websocket) this.websocket.close(closeCode);
    this.engine.transport.emit('error', this.failure);
  }

  private closed(reason: string, cause: Error | undefined): void {
    this.ended = true;
    this.late?.unsubscribe();
    this.release();
    const { observer, closeCode = undefined } = this;
    // Lines that are cut are everyday; what breaks a rule of the protocol is an error.
    const failure = this.failure ?? (cause && !/prematurely|destroyed/.test(cause.message) ? cause : undefined);
    const clean =
      !failure &&
      cause === undefined &&
      /^(transport|forced) close$/.test(reason) &&
      !(closeCode && closeCode !== 1000 && closeCode !== 1005);
    if (clean) observer.complete?.();
    else observer.error?.(dropped(closeCode, this.reason || reason, failure));
  }
}
