import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { unwatchFile } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { parse } from 'node:querystring';
import { finalize, Observable, type Observer, type SchedulerLike, type Subscription, timer, type Unsubscribable } from 'rxjs';
import { dropped } from '../../src/core/errors.js';
import { framework } from '../../src/core/framework.js';
import { type Frame, type Link, NOBODY } from '../../src/core/link.js';
import type { Arrival } from '../../src/core/transformer.js';
import { Gate, receive } from '../../src/server/body.js';
import type { Refusal } from '../../src/server/handshake.js';
import type { Host, NodeTransformer, RequestExchange } from '../../src/server/host.js';
import { refuse } from '../../src/server/refuse.js';
import { exceeds, frameOf, textOf } from '../../src/server/text-frames.js';
import { type BrowserChannelServerTransport, PARAMETERS } from './options.js';

const require = createRequire(import.meta.url);

/** How long a peer may take to come for our close, and to read it, in ms, before the line is cut. */
const CLOSING = 2_000;

/** How long the second half of the framework's test of buffering proxies takes, in ms. */
const PROBE = 2_000;

/** What a request may carry besides one message, in bytes: clients gather what they send while a request is under way. */
const GATHERED = 1_048_576;

/** Most messages of one request, as clients have it, and most fields of its body. */
const MANY = 1_000;

/** What an answer carries before the framework ends it, in characters: the client acknowledges it when it asks for the next. */
const ANSWER = 10_240;

/** The part of browserchannel that is used. */
type Framework = (options: object, connected: (session: Session) => void) => Handler;

type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

interface Session extends EventEmitter {
  readonly id: string;
  readonly state: 'init' | 'ok' | 'closed';
  readonly _backChannel: { readonly res: ServerResponse } | null;
  readonly _outgoingArrays: { readonly data: unknown[] }[];
  readonly _lastArrayId: number;
  readonly _lastSentArrayId: number;
  /** Calls back when the client has acknowledged it, or can no more. */
  send(message: string, settled: () => void): void;
  /** Calls back when it was sent. */
  stop(sent: () => void): void;
  close(message?: string): void;
}

export const server: NodeTransformer = {
  listen(host) {
    const browserChannel = framework<Framework>(require, 'browserchannel/dist/server.js', '^2.1.0');
    // The file it serves is looked at every five seconds, as long as the process lives.
    unwatchFile(require.resolve('browserchannel/dist/bcsocket.js'));
    return new Observable((subscriber) => {
      const endpoint = new Endpoint(host, browserChannel, subscriber, (arrival) =>
        subscriber.closed ? arrival.link.destroy() : subscriber.next(arrival),
      );
      host.continues = (exchange) => endpoint.continues(exchange.request);
      subscriber.add(host.request$.subscribe((exchange) => endpoint.request(exchange)));
      subscriber.add(host.upgrade$.subscribe(({ socket }) => refuse(socket, 404, 'No WebSocket here')));
      return () => endpoint.stop();
    });
  },
};

/** What a request carries: its messages, and the number of the first. */
interface Load {
  first: number;
  frames: (Frame | undefined)[];
}

/** A request that opens a session. */
interface Opening {
  request: IncomingMessage;
  rid: number;
  load: Load;
}

/**
 * The framework's HTTP endpoints, and what guards them.
 *
 * The framework finds sessions among the properties of an object, by ids that can be foreseen: here they have others. It
 * takes numbers and counts as they come, and keeps what comes too early: it sees only requests whose turn it is, with
 * messages that were read and measured before. It writes texts, whatever they hold, into pages of HTML: it is not asked to.
 */
class Endpoint {
  readonly #host: Host;
  readonly #base: string;
  readonly #life: Subscription;
  readonly #arrived: (arrival: Arrival) => void;
  readonly #handle: Handler;
  readonly #links = new Map<string, BrowserChannelLink>();
  /** The request that opens a session, for as long as the framework has it. */
  #opening: Opening | undefined;

  constructor(host: Host, browserChannel: Framework, life: Subscription, arrived: (arrival: Arrival) => void) {
    const { hostPrefixes, keepAliveInterval, sessionTimeoutInterval, headers } = host.transport as BrowserChannelServerTransport;
    this.#host = host;
    this.#base = host.pathname === '/' ? '' : host.pathname;
    this.#life = life;
    this.#arrived = arrived;
    // The framework adds to what it is given. Who may read our answers is for our middleware to say.
    const options = { hostPrefixes, keepAliveInterval, sessionTimeoutInterval, headers: { ...headers }, base: this.#base };
    this.#handle = browserChannel(options, (session) => this.#connected(session));
  }

  /** Whether a request belongs to an open connection. */
  continues(request: IncomingMessage): boolean {
    return this.#linkOf(this.#target(request).query) !== undefined;
  }

  /** Nobody can come for anything any more; but what was just written leaves with this turn. */
  stop(): void {
    for (const link of this.#links.values()) process.nextTick(() => link.hangUp());
  }

  request(exchange: RequestExchange): void {
    const { request, response } = exchange;
    const { endpoint, query } = this.#target(request);
    const refusal = this.#refusal(request, endpoint, query);
    // Gone while middleware took its time: the framework would wait for an end that has been.
    if (request.socket.destroyed) return;
    if (refusal !== undefined) refuse(response, ...refusal);
    else if (endpoint === '/test' && query.get('MODE') !== 'init') this.#probe(response);
    else if (request.method === 'POST') this.#post(exchange, query);
    else {
      this.#pass(exchange, query);
      if (query.get('TYPE') === 'terminate') this.#linkOf(query)?.left();
    }
  }

  #target({ url = '' }: IncomingMessage): { endpoint: string; query: URLSearchParams } {
    const [, path = '', search = ''] = /^([^?#]*)([^#]*)/.exec(url) ?? [];
    return { endpoint: path.slice(this.#base.length), query: new URLSearchParams(search) };
  }

  #linkOf(query: URLSearchParams): BrowserChannelLink | undefined {
    return this.#links.get(query.get('SID') ?? '');
  }

  /** Why the framework is not even asked. */
  #refusal({ method = '' }: IncomingMessage, endpoint: string, query: URLSearchParams): Refusal | undefined {
    const allowed = METHODS[endpoint as keyof typeof METHODS];
    if (allowed === undefined) return [404, 'There is no such endpoint'];
    if (!allowed.includes(method)) return [405, `${endpoint} takes ${allowed.join(' and ')}`, { Allow: allowed.join(', ') }];
    if (endpoint === '/bcsocket.js') return undefined;
    if (query.get('VER') !== '8') return [400, 'The only version is 8'];
    const type = query.get('TYPE');
    if (type === 'html') return [400, 'Answers are not written into pages'];
    if (endpoint === '/test') return undefined;
    // Clients look for these words.
    const link = this.#linkOf(query);
    const unknown = method === 'GET' ? link === undefined || link.socket.state === 'closed' : link === undefined && query.get('SID');
    if (unknown) return [400, 'Unknown SID'];
    if (method === 'POST' || type === 'terminate') {
      const rid = number(query.get('RID'));
      if (rid === undefined) return [400, 'RID is the number of the request'];
      const early = method === 'POST' && link !== undefined && rid > link.rid;
      return early ? [400, `It is the turn of request ${link.rid}`] : undefined;
    }
    if (type !== 'xmlhttp') return [400, 'TYPE is xmlhttp or terminate'];
    return query.get('RID') === 'rpc' ? undefined : [400, 'RID is rpc'];
  }

  /** Whether what is sent arrives in parts; the framework would write the second one whether or not anybody is there still. */
  #probe(response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    response.write('11111');
    const probe = timer(PROBE, this.#host.scheduler)
      .pipe(finalize(() => response.end('2')))
      .subscribe();
    response.once('close', () => probe.unsubscribe());
    this.#life.add(probe);
  }

  /** The framework reads a body without limit: it gets one that was read before. */
  #post(exchange: RequestExchange, query: URLSearchParams): void {
    const { request, response } = exchange;
    const link = this.#linkOf(query);
    const { maxLength } = this.#host;
    const tooLong = () => {
      refuse(response, 413, 'A message is longer than is accepted', { Connection: 'close' });
      link?.fail(1009, 'Message too long');
    };
    const read = () =>
      // In the body of a form a byte takes up to three, and in base64 there up to four.
      receive(request, maxLength * 4 + GATHERED, (body) => {
        if (body === null) return tooLong();
        if (request.socket.destroyed) return;
        const load = decode(body, request.headers['content-type'], link?.expected ?? 0);
        const rid = number(query.get('RID')) as number;
        if (load === undefined) refuse(response, 400, 'The body is not a list of messages, or not the next ones');
        else if (load.frames.some((frame) => frame !== undefined && exceeds(frame, maxLength))) tooLong();
        else {
          if (link === undefined) this.#opening = { request, rid, load };
          link?.take(rid, load);
          if (link?.over) link.ignore(response);
          else this.#pass(exchange, query, load);
        }
      });
    if (link === undefined) read();
    else link.gate.pass(read);
  }

  /** Hands a request to the framework as it is to see it. */
  #pass({ request, response }: RequestExchange, query: URLSearchParams, load?: Load): void {
    const seen = new URLSearchParams(query);
    for (const name of PARAMETERS) if (seen.has(name)) seen.set(name, seen.get(name) as string);
    const old = this.#links.get(query.get('OSID') ?? '');
    if (old !== undefined) seen.set('OSID', old.socket.id);
    else for (const name of ['OSID', 'OAID']) seen.delete(name);
    const link = this.#linkOf(query);
    if (link !== undefined) seen.set('SID', link.socket.id);
    const { endpoint } = this.#target(request);
    const headers = Object.create(request.headers, { 'content-type': { value: 'application/json' } });
    const alias = Object.create(request, {
      url: { value: `${this.#base}${endpoint}?${seen}` },
      ...(load && { headers: { value: headers }, body: { value: { ofs: load.first, data: load.frames } } }),
    });
    this.#handle(alias, response, () => refuse(response, 404));
  }

  #connected(session: Session): void {
    const { request, rid, load } = this.#opening as Opening;
    const id = randomUUID();
    // The first thing its client is told: ['c', id, host prefix, version].
    (session._outgoingArrays[0] as { data: unknown[] }).data[1] = id;
    const link = new BrowserChannelLink(session, rid, this.#host.scheduler);
    link.take(rid, load);
    this.#links.set(id, link);
    session.on('close', () => {
      // A request that crosses our farewell must not be told first that there is no such session.
      if (link.closing) this.#life.add(timer(CLOSING, this.#host.scheduler).subscribe(() => this.#links.delete(id)));
      else this.#links.delete(id);
    });
    this.#arrived({ link, request });
  }
}

const METHODS = { '/test': ['GET'], '/bind': ['GET', 'POST'], '/bcsocket.js': ['GET', 'HEAD'] };

function number(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The messages of a body, none of which lies ahead of the one expected; `undefined` for what is none. */
function decode(body: Buffer, type: string | undefined, expected: number): Load | undefined {
  try {
    const load = type === 'application/json' ? fromJson(body.toString()) : fromForm(body.toString());
    if (load.frames.length > MANY || !(load.first <= expected)) return undefined;
    return load.frames.length === 0 ? { ...load, first: expected } : load;
  } catch {
    return undefined;
  }
}

/** `count=2&ofs=0&req0__S=text&req1_JSON=%7B%7D` */
function fromForm(text: string): Load {
  const form = parse(text, '&', '=', { maxKeys: MANY * 2 });
  const count = number(form.count as string) ?? Number.NaN;
  if (!(count <= MANY)) throw new RangeError('That many messages are not taken');
  const frames = Array.from({ length: count }, (_, index) => {
    const message = form[`req${index}__S`] ?? form[`req${index}_JSON`];
    return typeof message === 'string' ? frameOf(message) : undefined;
  });
  return { first: count === 0 ? 0 : (number(form.ofs as string) ?? Number.NaN), frames };
}

/** `{ "ofs": 0, "data": ["text", {}] }` */
function fromJson(text: string): Load {
  const { ofs, data } = JSON.parse(text) as { ofs: unknown; data: unknown[] };
  return {
    first: number(String(ofs)) ?? Number.NaN,
    frames: data.map((message) => (typeof message === 'string' ? frameOf(message) : JSON.stringify(message))),
  };
}

/** A session of BrowserChannel as a link. */
class BrowserChannelLink implements Link {
  readonly socket: Session;
  /** What requests wait at while we are paused. */
  readonly gate = new Gate();
  /** The number of the request whose turn it is. */
  rid: number;
  /** The number of the message that comes next. */
  expected = 0;
  over = false;
  closing = false;
  readonly #scheduler: SchedulerLike;
  #observer: Partial<Observer<Frame>> = NOBODY;
  #late: Unsubscribable | undefined;
  /** What the client has not acknowledged, in characters, sent or not. */
  #held = 0;

  constructor(socket: Session, rid: number, scheduler: SchedulerLike) {
    this.socket = socket;
    this.rid = rid;
    this.#scheduler = scheduler;
    socket.on('message', (frame: Frame | undefined) => {
      if (frame !== undefined && !this.over && !this.closing) this.#observer.next?.(frame);
    });
    socket.on('close', (message?: string) => this.#closed(message));
  }

  /** What was sent and is not acknowledged counts once it is more than one answer carries: the client should have been back. */
  get bufferedAmount(): number {
    const { _backChannel: channel, _lastArrayId: last, _lastSentArrayId: sent } = this.socket;
    return (sent < last || this.#held > ANSWER ? this.#held : 0) + (channel?.res.writableLength ?? 0);
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NOBODY) };
  }

  send(frame: Frame): void {
    if (this.over || this.closing) return;
    const text = textOf(frame);
    this.#held += text.length;
    this.socket.send(text, () => {
      this.#held -= text.length;
    });
  }

  /** Notes that a request, and its messages, have come. */
  take(rid: number, { first, frames }: Load): void {
    if (rid === this.rid) this.rid++;
    this.expected = Math.max(this.expected, first + frames.length);
  }

  /** Answers as if it were still here, and the client came for what is written: it will read that this is over. */
  ignore(response: ServerResponse): void {
    const status = JSON.stringify([1, this.socket._lastSentArrayId, 0]);
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end(`${status.length}\n${status}`);
  }

  pause(): void {
    this.gate.shut = !this.over;
  }

  resume(): void {
    this.gate.open();
  }

  close(): void {
    if (!this.over) this.#stop();
  }

  destroy(): void {
    this.closing = true;
    this.socket._backChannel?.res.destroy();
    this.socket.close('Cut');
  }

  /** The peer broke a rule. */
  fail(code: number, reason: string): void {
    if (this.over) return;
    this.#end().error?.(dropped(code, reason, new Error(reason)));
    this.#stop();
  }

  /** The client has said goodbye. A request it gave up before that, whose turn it would be, is not waited for. */
  left(): void {
    if (this.socket.state !== 'closed') this.#late ??= this.#scheduler.schedule(() => this.socket.close('Disconnected'), CLOSING);
  }

  /** The framework drops what it has not sent when it closes: the client is told first. */
  #stop(): void {
    if (this.closing) return;
    this.closing = true;
    this.socket.stop(() => this.hangUp());
    this.#late ??= this.#scheduler.schedule(() => this.hangUp(), CLOSING);
  }

  /** Closes without a word. */
  hangUp(): void {
    const { res: response } = this.socket._backChannel ?? {};
    this.socket.close();
    if (response === undefined || response.writableFinished) return;
    const cut = this.#scheduler.schedule(() => response.destroy(), CLOSING);
    response.once('close', () => cut.unsubscribe());
  }

  #closed(message: string | undefined): void {
    this.#late?.unsubscribe();
    this.gate.open();
    if (this.over) return;
    const clean = this.closing || message === 'Disconnected';
    const observer = this.#end();
    if (clean) observer.complete?.();
    else observer.error?.(dropped(undefined, message));
  }

  #end(): Partial<Observer<Frame>> {
    this.over = true;
    this.gate.open();
    return this.#observer;
  }
}
