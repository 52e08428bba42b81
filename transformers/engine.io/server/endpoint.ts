import { IncomingMessage } from 'node:http';
import type { Socket as NetSocket } from 'node:net';
import type { Server, Socket } from 'engine.io';
import { fromEventPattern, ignoreElements, map, merge, NEVER, Observable, tap } from 'rxjs';
import type { Arrival } from '../../../src/core/transformer.js';
import type { Host, RequestExchange, UpgradeExchange } from '../../../src/server/http/host.js';
import { reject } from '../../../src/server/http/reject.js';
import type { EngineIOServerTransport } from '../options.js';
import type { EngineLink } from './link.js';

/** Whether a request is part of a connection there is already, and not the start of one. */
export function continues({ url = '' }: IncomingMessage): boolean {
  return /[?&]sid=[^&]/.test(url);
}

/**
 * The links of one engine, and a guard in front of its endpoint. Requests and upgrades are handed to the engine as they
 * come through our middleware: it never sees the HTTP server.
 */
export class Endpoint<L extends EngineLink> {
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
      reject(response, 405, undefined, { Allow: 'GET, POST' });
    } else if (link !== undefined && request.method === 'POST') {
      this.post(link, exchange);
    } else {
      this.handle(exchange);
      if (!response.writableEnded) link?.polled(response);
    }
  }

  private upgrade({ request, socket, head }: UpgradeExchange): void {
    // The engine takes every transport it knows for one that upgrades.
    if (query(request, 'transport') !== 'websocket') reject(socket, 400);
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
    if (Number(request.headers['content-length']) > limit) reject(response, 413, undefined, { Connection: 'close' });
    else link.posted(exchange, () => this.handle(exchange));
  }
}

function attempt(to: Parameters<typeof reject>[0], action: () => void): void {
  try {
    action();
  } catch {
    reject(to, 400);
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
export function idOf(socket: Socket): string {
  return (socket as unknown as { id: string }).id;
}
