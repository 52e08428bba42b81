import { IncomingMessage } from 'node:http';
import type { Socket as NetSocket } from 'node:net';
import type { Server, Socket } from 'engine.io';
import { fromEventPattern, map, merge, NEVER, Observable } from 'rxjs';
import { tooLong } from '../../../src/core/close-reasons.js';
import type { Arrival } from '../../../src/core/transformer.js';
import type { Exchange, Host, RequestExchange, UpgradeExchange } from '../../../src/server/http/host.js';
import { reject } from '../../../src/server/http/reject.js';
import { type Endpoint, serve } from '../../shared/server/serve.js';
import type { EngineIOServerTransport } from '../options.js';
import type { EngineLink } from './link.js';

/**
 * The HTTP endpoint of an engine, guarded, and the engine's links. Requests and upgrades are handed to the engine after our
 * middleware: it never sees the HTTP server.
 */
export class EngineEndpoint<L extends EngineLink> implements Endpoint {
  /** Emits each link once its handshake is done. */
  readonly opened$: Observable<L>;
  /** Serves while subscribed to; emits nothing. */
  readonly served$: Observable<Arrival>;
  private readonly links = new Map<string, L>();
  /** The sessions that have a WebSocket, or are about to. */
  private readonly upgrading = new Set<string>();
  private readonly engine: Server;
  private readonly pathname: string;
  private readonly maxLength: number;
  private readonly places: Host['places'];

  constructor(host: Host, engine: Server, create: (socket: Socket) => L) {
    const { sessions = NEVER } = host.transport as EngineIOServerTransport;
    this.engine = engine;
    this.pathname = host.pathname;
    this.maxLength = host.maxLength;
    this.places = host.places;
    this.opened$ = fromEventPattern<Socket>(
      (connected) => engine.on('connection', connected),
      (connected) => engine.removeListener('connection', connected),
    ).pipe(map((socket) => this.add(create(socket))));
    this.served$ = merge(
      serve(host, () => this),
      new Observable<never>(() => sessions.subscribe({ next: (session) => void engine.onWebTransportSession(session) })),
    );
  }

  /** Whether a request names a session, and so does not begin one. */
  continues({ url = '' }: IncomingMessage): boolean {
    return /[?&]sid=[^&]/.test(url);
  }

  /**
   * A plain request without a transport is no handshake, but one that middleware answers. An upgrade may name a session that there is not, or
   * that is being upgraded already: these take a place of their own.
   */
  begins(exchange: Exchange): boolean {
    const { request } = exchange;
    if (exchange.kind === 'upgrade') {
      const id = queryOf(request).get('sid') ?? '';
      if (!this.links.has(id) || this.upgrading.has(id)) return true;
      this.upgrading.add(id);
      exchange.socket.once('close', () => this.upgrading.delete(id));
      return false;
    }
    return request.method === 'GET' && /[?&]transport=/.test(request.url ?? '') && !this.continues(request);
  }

  /** Finds the link on a socket of the engine. */
  of(socket: Socket): L | undefined {
    return this.links.get(idOf(socket));
  }

  /**
   * Returns the arrival of a link, whose spark gets an id of its own unless `id` is given: that of the session is the key to it, and the ids of
   * sparks are public. A WebTransport session has no request: it gets one that stands for it.
   */
  arrival(link: L, id?: string): Arrival<IncomingMessage> {
    return { link, request: link.engine.request ?? requestTo(this.pathname), id };
  }

  private add(link: L): L {
    const id = idOf(link.engine);
    this.links.set(id, link);
    const { request } = link.engine as { request?: IncomingMessage };
    if (request !== undefined) this.claimPlace(link.engine, request);
    link.engine.once('close', () => this.links.delete(id));
    return link;
  }

  /** A session has its place from its handshake on: a client of Socket.IO joins the namespace later, or never. */
  private claimPlace(socket: Socket, request: IncomingMessage): void {
    this.places.claim(request);
    socket.once('close', () => this.places.release(request));
    socket.once('upgrade', () => this.places.upgraded(request));
  }

  /**
   * Answers a handshake, a poll, or data. What would crash the engine, end the session of another client, or never be answered, is rejected
   * here.
   */
  request(exchange: RequestExchange): void {
    const { request, response } = exchange;
    // The client left while middleware took its time: the engine would wait for a close event that has passed.
    if (request.socket.destroyed) return;
    const query = queryOf(request);
    const link = this.links.get(query.get('sid') ?? '');
    if (request.method !== 'GET' && request.method !== 'POST') {
      if (!query.has('transport') && !query.has('EIO')) reject(response, { status: 405, headers: { Allow: 'GET, POST' } });
      else refuse(response, query.has('sid') ? BAD_REQUEST : BAD_METHOD);
    } else if (isAmbiguous(query) || (link !== undefined && last(query, 'transport') === 'websocket')) {
      refuse(response, BAD_REQUEST);
    } else if (!query.has('sid') && query.has('j')) {
      // The engine takes seconds to unescape the data of one request, and sends scripts with the type of plain text.
      refuse(response, NO_JSONP);
    } else if (link === undefined) {
      this.handle(exchange);
    } else if (link.isRepeated(request)) {
      refuse(response, BAD_REQUEST);
    } else if (request.method === 'POST') {
      this.post(link, exchange);
    } else if (!link.polled(exchange, () => this.handle(exchange))) {
      refuse(response, BAD_REQUEST);
    }
  }

  upgrade({ request, socket, head }: UpgradeExchange): void {
    const query = queryOf(request);
    const link = this.links.get(query.get('sid') ?? '');
    // The engine would upgrade to any transport that it knows.
    if (last(query, 'transport') !== 'websocket') refuse(socket, UNKNOWN_TRANSPORT);
    else if (isAmbiguous(query) || link?.takesUpgrade === false) refuse(socket, BAD_REQUEST);
    // The engine would answer within the WebSocket.
    else if (last(query, 'EIO') !== '4' && !this.engine.opts.allowEIO3) refuse(socket, UNSUPPORTED_PROTOCOL);
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
      link.failTooLong();
      // The rest of the body is not waited for.
      if (!request.complete) request.socket.destroySoon();
    });
    if (Number(request.headers['content-length']) > limit)
      reject(response, { status: 413, message: tooLong(this.maxLength), headers: { Connection: 'close' } });
    else if (!link.posted(exchange, () => this.handle(exchange))) refuse(response, BAD_REQUEST);
  }
}

type Rejected = Parameters<typeof reject>[0];

function attempt(to: Rejected, action: () => void): void {
  try {
    action();
  } catch {
    reject(to, 400);
  }
}

/** An error of the protocol, as the engine words it. */
interface Refusal {
  code: number;
  message: string;
}

const UNKNOWN_TRANSPORT: Refusal = { code: 0, message: 'Transport unknown' };
const BAD_METHOD: Refusal = { code: 2, message: 'Bad handshake method' };
const BAD_REQUEST: Refusal = { code: 3, message: 'Bad request' };
const NO_JSONP: Refusal = { code: 3, message: 'JSONP is not supported' };
const UNSUPPORTED_PROTOCOL: Refusal = { code: 5, message: 'Unsupported protocol version' };

/** Rejects a request, or an upgrade, as the engine does. */
function refuse(to: Rejected, refusal: Refusal): void {
  const { message } = refusal;
  reject(to, { status: 400, message, text: JSON.stringify(refusal), headers: { 'Content-Type': 'application/json' } });
}

/** Returns the query of a request as the engine reads it. */
function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const [, search = ''] = /^[^?#]*\??([^#]*)/.exec(url) ?? [];
  return new URLSearchParams(search);
}

/** Returns the last value of a query parameter, which is the one that the engine takes. */
function last(query: URLSearchParams, name: string): string | undefined {
  return query.getAll(name).at(-1);
}

/** Whether a request names several sessions. */
function isAmbiguous(query: URLSearchParams): boolean {
  return query.getAll('sid').length > 1;
}

function requestTo(pathname: string): IncomingMessage {
  return Object.assign(new IncomingMessage({} as NetSocket), { method: 'GET', url: pathname });
}

/** Returns the id of a session; it is public, but missing from the types. */
export function idOf(socket: Socket): string {
  return (socket as unknown as { id: string }).id;
}
