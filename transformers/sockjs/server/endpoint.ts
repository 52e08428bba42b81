import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { lazy } from '../../../src/core/load-framework.js';
import { packageRequire } from '../../../src/core/package-require.js';
import type { Arrival } from '../../../src/core/transformer.js';
import type { Exchange, Host, RequestExchange, UpgradeExchange } from '../../../src/server/http/host.js';
import { reject } from '../../../src/server/http/reject.js';
import { originSet } from '../../../src/server/middleware/origins.js';
import { reads } from '../../../src/server/middleware/primus-js.js';
import { StaticText } from '../../../src/server/middleware/static-text.js';
import type { BodyBuffer } from '../../shared/server/body-buffer.js';
import { deflate } from '../../shared/server/deflate.js';
import { checkHandshake, headOf } from '../../shared/server/handshake.js';
import { type Address, GATHERED, HttpEndpoint } from '../../shared/server/http-endpoint.js';
import type { SockJSServerTransport } from '../options.js';
import { type Handler, OPEN, type SockJS, type SockJSConnection } from './framework.js';
import { escapeScriptEnd, isPoll, listIn, nameOrigins, parsePath, rejectionOf, type SessionPath, withBody } from './guard.js';
import { SockJSLink } from './link.js';
import { WHOLE } from './messages.js';

/** The path of sockjs-client for the framework's own pages, below the pathname. */
const SCRIPT = '/sockjs.min.js';

/** The actions that open a session. */
const OPENING = /^(?:xhr|xhr_streaming|jsonp|htmlfile|eventsource)\/?$/;

/** The number of endpoints that this process has created. */
let endpoints = 0;

/** Reads sockjs-client once. */
const script = lazy(() => {
  const path = packageRequire.resolve('sockjs-client/dist/sockjs.min.js');
  return new StaticText(readFileSync(path, 'utf8'), 'text/javascript; charset=utf-8');
});

/** Sends sockjs-client to a page of the framework; 404 when it is not installed. */
function sendScript({ request, response }: RequestExchange): void {
  let file: StaticText;
  try {
    file = script();
  } catch {
    reject(response, 404);
    return;
  }
  file.send(request, response);
}

/** A request that may become a connection, with its response; an upgrade has its socket, and what came along with it. */
interface Pending {
  request: IncomingMessage;
  response?: ServerResponse;
  socket?: Duplex;
  head?: Buffer;
}

/** Returns the origins whose pages may use a server, as `host:port`. */
function originsOf({ primus }: Host): string[] {
  const origins = originSet((primus as { options: { origins: unknown } }).options.origins);
  return origins === undefined ? ['*:*'] : [...origins].map((origin) => origin.replace(/^.*:\/\//, ''));
}

/** Delivers a long list of messages, and has the framework answer its request as if the list had been short. */
function deliverList(
  link: SockJSLink,
  request: IncomingMessage,
  path: SessionPath,
  body: BodyBuffer,
  answer: (body: Buffer) => void,
): void {
  const list = listIn(request, path, body.bytes());
  const isForm = list?.isForm === true;
  const answerWith = (text: string) => answer(Buffer.from(isForm ? `d=${text}` : text));
  if (list === undefined) answerWith('');
  else
    link.deliver(list.parts, (error) => {
      body.release();
      answerWith(error === undefined ? '[]' : '[');
    });
}

/**
 * The HTTP endpoints of the framework, guarded.
 *
 * The framework sees each request under an address that we make: session ids get a prefix, so that no other server of the
 * process shares them and no property of an object has their name, and a connection finds the request that it came by.
 * What the framework writes upon a request lands on an alias: `spark.request` stays as it came.
 */
export class SockJSEndpoint extends HttpEndpoint<SockJSLink> {
  readonly #handle: Handler;
  readonly #handleWithoutCors: Handler;
  /** Prefix of the framework's session ids: sockjs keeps the sessions of all endpoints in one place. */
  readonly #prefix = `${++endpoints}~`;
  /** Requests that may become connections, by the number at the end of their address. */
  readonly #pending = new Map<string, Pending>();
  #requests = 0;
  /** The origins whose pages may use this server, as the framework names them. */
  readonly #origins: readonly string[];

  constructor(host: Host, arrived: (arrival: Arrival) => void, sockjs: SockJS) {
    super(host, arrived);
    const { maxLength, compression } = host;
    this.#origins = originsOf(host);
    const { faye_server_options: faye, ...transport } = host.transport as SockJSServerTransport;
    const server = sockjs.createServer({
      log: () => {},
      // The framework's own default is on a public network.
      sockjs_url: this.base + SCRIPT,
      ...transport,
      // The framework makes it a part of regular expressions.
      prefix: this.base.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
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

  /** A WebSocket has a session of its own, whatever it is called. */
  begins({ kind, request }: Exchange): boolean {
    if (kind === 'upgrade') return true;
    const address = this.addressOf(request);
    return OPENING.test(parsePath(address).verb) && request.method !== 'OPTIONS' && this.linkOf(address) === undefined;
  }

  override request(exchange: RequestExchange): void {
    const { request, response } = exchange;
    const address = this.addressOf(request);
    if (address.path === SCRIPT && reads(request)) return sendScript(exchange);
    const path = parsePath(address);
    const link = this.linkOf(address);
    const rejection = rejectionOf(request, path, link !== undefined);
    if (rejection !== undefined) {
      reject(response, rejection);
      return;
    }
    if (link?.isRepeated(path.verb, request)) {
      reject(response, 404);
      return;
    }
    const handle = response.hasHeader('access-control-allow-origin') ? this.#handleWithoutCors : this.#handle;
    if (/^(?:xhr_send|jsonp_send|\/chunking_test)\/?$/.test(path.verb) && request.method === 'POST') {
      this.readBody(exchange, { limit: this.host.maxLength * 2 + GATHERED }, link, (body) => {
        const pass = (bytes: Buffer) => {
          if (!handle(withBody(this.#aliasOf(request, path), bytes), response)) reject(response, 404);
        };
        if (link === undefined) pass(body.bytes());
        else if (body.length <= WHOLE) link.whenDelivered(() => pass(body.bytes()));
        else deliverList(link, request, path, body, pass);
      });
      return;
    }
    // A second poll gets an error of the framework, and has no messages.
    if (link?.isPolled === false && isPoll(path)) link.answerBy(response);
    if (/^htmlfile\/?$/.test(path.verb)) escapeScriptEnd(response);
    if (/^\/info\/?$/.test(path.verb)) nameOrigins(response, this.#origins);
    // The framework has these cached.
    if (request.method === 'OPTIONS' || path.verb.startsWith('/iframe')) response.removeHeader('Pragma');
    const key = this.#expect({ request, response });
    response.once('close', () => this.#pending.delete(key));
    if (!handle(this.#aliasOf(request, path, key), response)) reject(response, 404);
  }

  override upgrade(exchange: UpgradeExchange): void {
    const { request, socket, head } = exchange;
    const path = parsePath(this.addressOf(request));
    const isEnabled = (this.host.transport as SockJSServerTransport).websocket !== false;
    if (!isEnabled || !/^\/?websocket\/?$/.test(path.verb)) {
      reject(socket, { status: 404, message: 'No WebSocket here' });
      return;
    }
    if (request.method !== 'GET') {
      // As the protocol of the framework wants it: without a body.
      socket.end('HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', () => socket.destroy());
      return;
    }
    if (!checkHandshake(exchange)) return;
    // Frames that came along are for the connection, which the framework announces only after it has read them.
    const key = this.#expect({ request, socket, head: headOf(socket, head) });
    socket.once('close', () => this.#pending.delete(key));
    this.#handle(this.#aliasOf(request, path, key), socket, Buffer.alloc(0));
  }

  protected override linkOf(address: Address): SockJSLink | undefined {
    const { session } = parsePath(address);
    return session === undefined ? undefined : this.links.get(this.#prefix + session);
  }

  #expect(pending: Pending): string {
    const key = String(++this.#requests);
    this.#pending.set(key, pending);
    return key;
  }

  #connected(connection: SockJSConnection): void {
    const key = connection.url.slice(connection.url.indexOf('#') + 1);
    const { request, response, socket, head } = this.#pending.get(key) ?? {};
    this.#pending.delete(key);
    // Its request has ended, and it ends with it.
    if (request === undefined || connection.readyState !== OPEN) return;
    connection.url = request.url ?? '';
    const id = connection._session.session_id;
    const link = new SockJSLink(connection, socket, this.host);
    if (response !== undefined) link.answerBy(response);
    if (id !== undefined) {
      this.links.set(id, link);
      connection.on('close', () => this.links.delete(id));
    }
    // Made by the framework for this connection, and no key to it: that is the id of the session.
    this.arrived({ link, request, id: connection.id });
    // Without SockJS's framing, the framework listens only after it has announced the connection.
    if (head !== undefined) process.nextTick(() => link.read(head));
  }

  /** Returns the alias that the framework sees of a request; a connection finds its request by `key`. */
  #aliasOf(request: IncomingMessage, { verb, server, session, search }: SessionPath, key = ''): IncomingMessage {
    // The framework knows its own path by the slash only, as a `#` follows.
    const path = session === undefined ? verb || '/' : `/${server}/${this.#prefix}${session}/${verb}`;
    return this.aliasOf(request, `${path}${search}#${key}`);
  }
}
