import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Arrival } from '../../../src/core/transformer.js';
import type { Host, RequestExchange, UpgradeExchange } from '../../../src/server/http/host.js';
import { reject } from '../../../src/server/http/reject.js';
import { readBody } from '../../shared/server/body.js';
import { deflate } from '../../shared/server/deflate.js';
import { handshakeProblem, headOf, type Rejection } from '../../shared/server/handshake.js';
import type { SockJSServerTransport } from '../options.js';
import { type Handler, OPEN, type SockJS, type SockJSConnection } from './framework.js';
import { escapeScriptEnd, refusalOf, type Target, targetOf, withBody } from './guard.js';
import { SockJSLink } from './link.js';

/** What a request may carry besides one message, in bytes: clients gather what they send while a request is under way. */
const GATHERED = 1_048_576;

/** How many endpoints there were in this process. */
let endpoints = 0;

/**
 * The framework's HTTP endpoints, and what guards them.
 *
 * The framework sees each request under an address of our making: sessions get ids that no other server of the process
 * shares and no property of an object has, and a connection finds the request it came by. What it writes upon a request
 * lands on a copy: `spark.request` stays as it came.
 */
export class Endpoint {
  readonly #host: Host;
  readonly #base: string;
  readonly #arrived: (arrival: Arrival) => void;
  readonly #handle: Handler;
  readonly #handleWithoutCors: Handler;
  /** What the framework's ids of sessions begin with: sockjs keeps the sessions of all endpoints in one place. */
  readonly #prefix = `${++endpoints}~`;
  readonly #links = new Map<string, SockJSLink>();
  /** Requests that may become connections, by the number at the end of their address. */
  readonly #pending = new Map<string, { request: IncomingMessage; socket?: Duplex; head?: Buffer }>();
  #requests = 0;

  constructor(host: Host, sockjs: SockJS, arrived: (arrival: Arrival) => void) {
    const { pathname, maxLength, compression } = host;
    const { faye_server_options: faye, ...transport } = host.transport as SockJSServerTransport;
    this.#host = host;
    this.#base = pathname === '/' ? '' : pathname;
    this.#arrived = arrived;
    const server = sockjs.createServer({
      log: () => {},
      ...transport,
      // It becomes a part of regular expressions.
      prefix: this.#base.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
      faye_server_options: {
        ...(compression && { extensions: [deflate(maxLength * 2 + GATHERED)] }),
        ...faye,
        maxLength: maxLength * 2 + GATHERED,
      },
    });
    server.on('connection', (connection: SockJSConnection) => this.#connected(connection));
    this.#handle = server.listener().getHandler();
    this.#handleWithoutCors = server.listener({ disable_cors: true }).getHandler();
  }

  /** Whether a request belongs to an open connection. */
  continues(request: IncomingMessage): boolean {
    return this.#linkOf(targetOf(request, this.#base)) !== undefined;
  }

  request({ request, response }: RequestExchange): void {
    const target = targetOf(request, this.#base);
    const link = this.#linkOf(target);
    const refusal = refusalOf(request, target, link !== undefined);
    if (refusal !== undefined) {
      reject(response, ...refusal);
      return;
    }
    const handle = response.hasHeader('access-control-allow-origin') ? this.#handleWithoutCors : this.#handle;
    if (/^(?:xhr_send|jsonp_send|\/chunking_test)\/?$/.test(target.verb) && request.method === 'POST') {
      const read = () =>
        readBody(request, this.#host.maxLength * 2 + GATHERED, (body) => {
          if (body !== null) {
            if (!handle(withBody(this.#alias(request, target), body), response)) reject(response, 404);
            return;
          }
          reject(response, 413, 'The request is longer than is accepted', { Connection: 'close' });
          link?.fail(1009, 'Message too long');
        });
      if (link === undefined) read();
      else link.gate.pass(response, read);
      return;
    }
    link?.setTransportSocket(request.socket);
    if (/^htmlfile\/?$/.test(target.verb)) escapeScriptEnd(response);
    const key = this.#expect({ request });
    response.once('close', () => this.#pending.delete(key));
    if (!handle(this.#alias(request, target, key), response)) reject(response, 404);
  }

  upgrade({ request, socket, head }: UpgradeExchange): void {
    const target = targetOf(request, this.#base);
    const enabled = (this.#host.transport as SockJSServerTransport).websocket !== false;
    const here = enabled && /^\/?websocket\/?$/.test(target.verb);
    const refusal = here ? handshakeProblem(request) : ([404, 'No WebSocket here'] satisfies Rejection);
    if (refusal !== undefined) {
      reject(socket, ...refusal);
      return;
    }
    // Frames that came along are for the connection, which the framework announces only after it has read them.
    const key = this.#expect({ request, socket, head: headOf(socket, head) });
    socket.once('close', () => this.#pending.delete(key));
    this.#handle(this.#alias(request, target, key), socket, Buffer.alloc(0));
  }

  #linkOf({ session }: Target): SockJSLink | undefined {
    return session === undefined ? undefined : this.#links.get(this.#prefix + session);
  }

  #expect(pending: { request: IncomingMessage; socket?: Duplex; head?: Buffer }): string {
    const key = String(++this.#requests);
    this.#pending.set(key, pending);
    return key;
  }

  #connected(connection: SockJSConnection): void {
    const key = connection.url.slice(connection.url.indexOf('#') + 1);
    const { request, socket, head } = this.#pending.get(key) ?? {};
    this.#pending.delete(key);
    // Its request is gone, and so will it be.
    if (request === undefined || connection.readyState !== OPEN) return;
    connection.url = request.url ?? '';
    const id = connection._session.session_id;
    const link = new SockJSLink(connection, socket, this.#host);
    if (socket === undefined) link.setTransportSocket(request.socket);
    if (id !== undefined) {
      this.#links.set(id, link);
      connection.on('close', () => this.#links.delete(id));
    }
    this.#arrived({ link, request });
    if (head !== undefined && head.length > 0) socket?.unshift(head);
  }

  /** A request as the framework is to see it. */
  #alias(request: IncomingMessage, { verb, server, session, search }: Target, key = ''): IncomingMessage {
    const path = session === undefined ? verb : `/${server}/${this.#prefix}${session}/${verb}`;
    return Object.create(request, { url: { value: `${this.#base}${path}${search}#${key}`, writable: true } }) as IncomingMessage;
  }
}
