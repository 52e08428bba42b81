import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import { Observable, type Observer, type SchedulerLike, type Unsubscribable } from 'rxjs';
import { dropped } from '../../src/core/errors.js';
import { framework } from '../../src/core/framework.js';
import { type Frame, type Link, NOBODY } from '../../src/core/link.js';
import type { Arrival } from '../../src/core/transformer.js';
import { Gate, receive } from '../../src/server/body.js';
import { deflate } from '../../src/server/deflate.js';
import { type Fragmented, limitFragments } from '../../src/server/fragments.js';
import { headOf, malformed, type Refusal } from '../../src/server/handshake.js';
import type { Host, NodeTransformer, RequestExchange, UpgradeExchange } from '../../src/server/host.js';
import { refuse } from '../../src/server/refuse.js';
import { exceeds, frameOf, textOf } from '../../src/server/text-frames.js';
import type { SockJSServerTransport } from './options.js';

const require = createRequire(import.meta.url);

/** How long a peer may take to answer our close, in ms, before the line is cut. */
const CLOSING = 2_000;

/** What a request may carry besides one message, in bytes: clients gather what they send while a request is under way. */
const GATHERED = 1_048_576;

/** Longest session id, and longest name of a callback. */
const LONGEST = 128;

/** The part of sockjs that is used. */
interface SockJS {
  createServer(options: object): EventEmitter & { listener(options?: object): { getHandler(): Handler } };
}

type Handler = (request: IncomingMessage, response: ServerResponse | Duplex, head?: Buffer) => boolean;

/** The framework's connection. It lives on a session, and that, for the time being, on a receiver: a socket or a response. */
interface SockJSConnection extends EventEmitter {
  url: string;
  readonly readyState: number;
  readonly _session: Session;
  write(message: string): boolean;
  close(code?: number, reason?: string): boolean;
}

interface Session {
  readonly session_id?: string;
  /** Replaced by an empty one when it is sent. */
  readonly send_buffer?: string[];
  readonly recv?: { readonly ws?: WebSocket; readonly response?: ServerResponse | null } | null;
  /** Of a connection without SockJS's own framing, which has no receiver. */
  readonly ws?: WebSocket | null;
}

interface WebSocket extends EventEmitter, Fragmented {
  pause(): void;
  resume(): void;
}

const OPEN = 1;

export const server: NodeTransformer = {
  listen(host) {
    const sockjs = framework<SockJS>(require, 'sockjs', '^0.3.20');
    return new Observable((subscriber) => {
      const endpoint = new Endpoint(host, sockjs, (arrival) => (subscriber.closed ? arrival.link.destroy() : subscriber.next(arrival)));
      host.continues = (exchange) => endpoint.continues(exchange.request);
      subscriber.add(host.request$.subscribe((exchange) => endpoint.request(exchange)));
      subscriber.add(host.upgrade$.subscribe((exchange) => endpoint.upgrade(exchange)));
    });
  },
};

/** How many endpoints there were: sockjs keeps the sessions of all in one place. */
let endpoints = 0;

/** A request, as its path tells: the framework's own, or one of a session. */
interface Target {
  /** What is to be done, or the whole of a path that names no session. */
  verb: string;
  server?: string;
  /** The session's id, unique in the process. */
  session?: string;
  search: string;
}

/**
 * The framework's HTTP endpoints, and what guards them.
 *
 * The framework sees each request under an address of our making: sessions get ids that no other server of the process
 * shares and no property of an object has, and a connection finds the request it came by. What it writes upon a request
 * lands on a copy: `spark.request` stays as it came.
 */
class Endpoint {
  readonly #host: Host;
  readonly #arrived: (arrival: Arrival) => void;
  readonly #handle: Handler;
  readonly #handleWithoutCors: Handler;
  readonly #prefix = `${++endpoints}~`;
  readonly #links = new Map<string, SockJSLink>();
  /** Requests that may become connections, by the number at the end of their address. */
  readonly #pending = new Map<string, { request: IncomingMessage; socket?: Duplex; head?: Buffer }>();
  #requests = 0;

  constructor(host: Host, sockjs: SockJS, arrived: (arrival: Arrival) => void) {
    const { pathname, maxLength, compression } = host;
    const { faye_server_options: faye, ...transport } = host.transport as SockJSServerTransport;
    this.#host = host;
    this.#arrived = arrived;
    const server = sockjs.createServer({
      log: () => {},
      ...transport,
      // It becomes a part of regular expressions.
      prefix: (pathname === '/' ? '' : pathname).replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
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
    return this.#links.has(this.#target(request).session ?? '');
  }

  request({ request, response }: RequestExchange): void {
    const target = this.#target(request);
    const refusal = this.#refusal(request, target);
    if (refusal !== undefined) {
      refuse(response, ...refusal);
      return;
    }
    const handle = response.hasHeader('access-control-allow-origin') ? this.#handleWithoutCors : this.#handle;
    const link = this.#links.get(target.session ?? '');
    if (/^(?:xhr_send|jsonp_send|\/chunking_test)\/?$/.test(target.verb) && request.method === 'POST') {
      const read = () =>
        receive(request, this.#host.maxLength * 2 + GATHERED, (body) => {
          if (body !== null) {
            if (!handle(withBody(this.#alias(request, target), body), response)) refuse(response, 404);
            return;
          }
          refuse(response, 413, 'The request is longer than is accepted', { Connection: 'close' });
          link?.fail(1009, 'Message too long');
        });
      if (link === undefined) read();
      else link.gate.pass(read);
      return;
    }
    link?.carriedBy(request.socket);
    if (/^htmlfile\/?$/.test(target.verb)) harmless(response);
    const key = this.#expect({ request });
    response.once('close', () => this.#pending.delete(key));
    if (!handle(this.#alias(request, target, key), response)) refuse(response, 404);
  }

  upgrade({ request, socket, head }: UpgradeExchange): void {
    const target = this.#target(request);
    const enabled = (this.#host.transport as SockJSServerTransport).websocket !== false;
    const here = enabled && /^\/?websocket\/?$/.test(target.verb);
    const refusal = here ? malformed(request) : ([404, 'No WebSocket here'] satisfies Refusal);
    if (refusal !== undefined) {
      refuse(socket, ...refusal);
      return;
    }
    // Frames that came along are for the connection, which the framework announces only after it has read them.
    const key = this.#expect({ request, socket, head: headOf(socket, head) });
    socket.once('close', () => this.#pending.delete(key));
    this.#handle(this.#alias(request, target, key), socket, Buffer.alloc(0));
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
    if (socket === undefined) link.carriedBy(request.socket);
    if (id !== undefined) {
      this.#links.set(id, link);
      connection.on('close', () => this.#links.delete(id));
    }
    this.#arrived({ link, request });
    if (head !== undefined && head.length > 0) socket?.unshift(head);
  }

  #target({ url = '' }: IncomingMessage): Target {
    const [, path = '', search = ''] = /^([^?#]*)([^#]*)/.exec(url) ?? [];
    const below = path.slice(this.#host.pathname === '/' ? 0 : this.#host.pathname.length);
    const [, server, session, verb] = /^\/([^/.]+)\/([^/.]+)\/(.+)$/.exec(below) ?? [];
    if (server === undefined || session === undefined || verb === undefined) return { verb: below, search };
    return { verb, server, session: this.#prefix + session, search };
  }

  /** Why the framework is not even asked. */
  #refusal({ method = '' }: IncomingMessage, { verb, session, search }: Target): Refusal | undefined {
    if (session !== undefined && session.length > LONGEST + this.#prefix.length) return [400, 'The id of the session is too long'];
    if (/^(?:jsonp|htmlfile)\/?$/.test(verb)) {
      const query = new URLSearchParams(search);
      const callback = query.get('c') ?? query.get('callback') ?? '';
      // The framework tells 500 of other odd ones, as its protocol wants.
      if (callback.length > LONGEST || /[<>&"'\u2028\u2029]/.test(callback)) return [400, 'The name of the callback is not one'];
    }
    if (/^(?:xhr|jsonp)_send\/?$/.test(verb) && method === 'POST' && !this.#links.has(session ?? ''))
      return [404, 'There is no such session'];
    return undefined;
  }

  /** A request as the framework is to see it. */
  #alias(request: IncomingMessage, { verb, server, session, search }: Target, key = ''): IncomingMessage {
    const base = this.#host.pathname === '/' ? '' : this.#host.pathname;
    const path = session === undefined ? verb : `/${server}/${session}/${verb}`;
    return Object.create(request, { url: { value: `${base}${path}${search}#${key}`, writable: true } }) as IncomingMessage;
  }
}

/** What is written into a page as the text of a script must not end that script: whoever is made to open it would run the rest. */
function harmless(response: ServerResponse): void {
  const write = response.write as (this: ServerResponse, chunk: unknown, ...rest: unknown[]) => boolean;
  response.write = function (this: ServerResponse, chunk: unknown, ...rest: unknown[]) {
    const [, before = '', text, after = ''] = /^(<script>\np\()(.*)(\);\n<\/script>\r\n)$/s.exec(String(chunk)) ?? [];
    return write.call(this, text === undefined ? chunk : before + text.replaceAll('<', '\\u003c') + after, ...rest);
  } as typeof response.write;
}

/** The framework reads a body without limit, and copies all of it with each part: it gets one that was read before. */
function withBody(request: IncomingMessage, body: Buffer): IncomingMessage {
  const on = (event: string, listener: (chunk?: Buffer) => void) => {
    if (event === 'data') listener(body);
    if (event === 'end') process.nextTick(listener);
    return request;
  };
  return Object.defineProperty(request, 'on', { value: on });
}

/** A SockJS session as a link. What is sent within a tick leaves in one frame: a poll carries one. */
class SockJSLink implements Link {
  readonly socket: SockJSConnection;
  readonly #session: Session;
  readonly #raw: Duplex | undefined;
  readonly #websocket: WebSocket | undefined;
  readonly #maxLength: number;
  readonly #scheduler: SchedulerLike;
  /** The line of the last poll; what it answered may still be on its way. */
  #last: Duplex | undefined;
  #observer: Partial<Observer<Frame>> = NOBODY;
  #load: string[] | undefined;
  #loaded = 0;
  #over = false;
  #closing = false;
  /** What requests wait at while we are paused. */
  readonly gate = new Gate();
  #code: number | undefined;
  #reason: string | undefined;
  #cut: Unsubscribable | undefined;
  /** The framework's queue as far as it was counted. */
  #queue: string[] | undefined;
  #counted = 0;
  #queued = 0;

  constructor(socket: SockJSConnection, raw: Duplex | undefined, { maxLength, scheduler }: Host) {
    this.socket = socket;
    this.#session = socket._session;
    this.#raw = raw;
    this.#websocket = this.#session.recv?.ws ?? this.#session.ws ?? undefined;
    this.#maxLength = maxLength;
    this.#scheduler = scheduler;
    socket.on('data', (data: unknown) => this.#received(data));
    socket.on('close', () => this.#closed());
    if (this.#websocket !== undefined && raw !== undefined) limitFragments(this.#websocket, raw, (code, reason) => this.fail(code, reason));
    // The framework, which listens too, does not tell why.
    this.#websocket?.prependListener('close', ({ code, reason }: { code: number; reason: string }) => {
      this.#code = code;
      this.#reason = reason;
    });
  }

  get bufferedAmount(): number {
    const { send_buffer: queue = [] } = this.#session;
    if (queue !== this.#queue) {
      this.#queue = queue;
      this.#counted = this.#queued = 0;
    }
    for (; this.#counted < queue.length; this.#counted++) this.#queued += (queue[this.#counted] as string).length;
    return this.#loaded + this.#queued + ((this.#raw ?? this.#session.recv?.response ?? this.#last)?.writableLength ?? 0);
  }

  /** Another poll has come. */
  carriedBy(line: Duplex): void {
    this.#last = line;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NOBODY) };
  }

  send(frame: Frame): void {
    if (this.#closing || this.socket.readyState !== OPEN) return;
    const text = textOf(frame);
    this.#loaded += text.length;
    if (this.#load !== undefined) {
      this.#load.push(text);
      return;
    }
    this.#load = [text];
    process.nextTick(flush, this);
  }

  flush(): void {
    const load = this.#load;
    this.#load = undefined;
    this.#loaded = 0;
    if (load === undefined || this.socket.readyState !== OPEN) return;
    const last = load.pop() as string;
    const { send_buffer: queue } = this.#session;
    // The framework sends its whole queue when the next message is written.
    if (queue !== undefined) queue.push(...load);
    else for (const text of load) this.socket.write(text);
    this.socket.write(last);
  }

  pause(): void {
    this.gate.shut = !this.#over;
    this.#websocket?.pause();
  }

  resume(): void {
    this.#websocket?.resume();
    this.gate.open();
  }

  close(code = 1000, reason = 'Normal closure'): void {
    if (this.#closing) return;
    this.flush();
    this.#closing = true;
    // Without SockJS's framing the code goes into a WebSocket's close frame, which not every code may.
    this.socket.close(this.#session.ws && code < 3000 ? 1000 : code, reason);
    if (this.#raw !== undefined && !this.#raw.destroyed) {
      this.#cut = this.#scheduler.schedule(() => this.#raw?.destroy(), CLOSING);
      this.#raw.once('close', () => this.#cut?.unsubscribe());
    }
  }

  destroy(): void {
    this.#closing = true;
    const line = this.#raw ?? this.#session.recv?.response;
    if (line) line.destroy();
    // Nobody polls at the moment: who comes next learns it.
    else this.socket.close(3000, 'Cut');
    if (this.#last !== undefined && this.#last.writableLength > 0) this.#last.destroy();
  }

  /** The peer broke a rule. */
  fail(code: number, reason: string): void {
    if (this.#over) return;
    this.#end().error?.(dropped(code, reason, new Error(reason)));
    this.close(code, reason);
  }

  #received(data: unknown): void {
    if (this.#over || this.#closing) return;
    if (typeof data !== 'string') {
      this.fail(1003, 'Only texts are carried');
      return;
    }
    const frame = frameOf(data);
    if (exceeds(frame, this.#maxLength)) {
      this.fail(1009, 'Message too long');
      return;
    }
    // The framework goes on reading when what it writes has left, whoever stopped it.
    if (this.gate.shut) this.#websocket?.pause();
    this.#observer.next?.(frame);
  }

  #closed(): void {
    if (this.#over) return;
    const clean = this.#closing || this.#code === 1000;
    const observer = this.#end();
    if (clean) observer.complete?.();
    else observer.error?.(dropped(this.#code, this.#reason));
  }

  #end(): Partial<Observer<Frame>> {
    this.#over = true;
    this.gate.open();
    return this.#observer;
  }
}

function flush(link: SockJSLink): void {
  link.flush();
}
