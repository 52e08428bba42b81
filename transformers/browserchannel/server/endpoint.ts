import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { finalize, type Subscription, timer } from 'rxjs';
import type { Arrival } from '../../../src/core/transformer.js';
import type { Host, RequestExchange } from '../../../src/server/http/host.js';
import { reject } from '../../../src/server/http/reject.js';
import { readBody } from '../../shared/server/body.js';
import { exceeds } from '../../shared/server/string-codec.js';
import { type BrowserChannelServerTransport, PARAMETERS } from '../options.js';
import type { Framework, Handler, Session } from './framework.js';
import { refusalOf, type Target, targetOf } from './guard.js';
import { BrowserChannelLink, CLOSING } from './link.js';
import { decode, type Load, number } from './messages.js';

/** How long the second half of the framework's test of buffering proxies takes, in ms. */
const PROBE = 2_000;

/** What a request may carry besides one message, in bytes: clients gather what they send while a request is under way. */
const GATHERED = 1_048_576;

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
export class Endpoint {
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
    return this.#linkOf(targetOf(request, this.#base).query) !== undefined;
  }

  /** Nobody can come for anything any more; but what was just written leaves with this turn. */
  stop(): void {
    for (const link of this.#links.values()) process.nextTick(() => link.hangUp());
  }

  request(exchange: RequestExchange): void {
    const { request, response } = exchange;
    const target = targetOf(request, this.#base);
    const { endpoint, query } = target;
    const link = this.#linkOf(query);
    const refusal = refusalOf(request, target, link);
    // Gone while middleware took its time: the framework would wait for an end that has been.
    if (request.socket.destroyed) return;
    if (refusal !== undefined) reject(response, ...refusal);
    else if (endpoint === '/test' && query.get('MODE') !== 'init') this.#probe(response);
    else if (request.method === 'POST') this.#post(exchange, target, link);
    else {
      this.#pass(exchange, target, link);
      if (query.get('TYPE') === 'terminate') link?.left();
    }
  }

  #linkOf(query: URLSearchParams): BrowserChannelLink | undefined {
    return this.#links.get(query.get('SID') ?? '');
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
  #post(exchange: RequestExchange, target: Target, link: BrowserChannelLink | undefined): void {
    const { request, response } = exchange;
    const { maxLength } = this.#host;
    const tooLong = () => {
      reject(response, 413, 'A message is longer than is accepted', { Connection: 'close' });
      link?.fail(1009, 'Message too long');
    };
    const read = () =>
      // In the body of a form a byte takes up to three, and in base64 there up to four.
      readBody(request, maxLength * 4 + GATHERED, (body) => {
        if (body === null) return tooLong();
        if (request.socket.destroyed) return;
        const load = decode(body, request.headers['content-type'], link?.expected ?? 0);
        const rid = number(target.query.get('RID')) as number;
        if (load === undefined) reject(response, 400, 'The body is not a list of messages, or not the next ones');
        else if (load.frames.some((frame) => frame !== undefined && exceeds(frame, maxLength))) tooLong();
        else {
          if (link === undefined) this.#opening = { request, rid, load };
          link?.take(rid, load);
          if (link?.over) link.ignore(response);
          else this.#pass(exchange, target, link, load);
        }
      });
    if (link === undefined) read();
    else link.gate.pass(response, read);
  }

  /** Hands a request to the framework as it is to see it. */
  #pass({ request, response }: RequestExchange, { endpoint, query }: Target, link?: BrowserChannelLink, load?: Load): void {
    const seen = new URLSearchParams(query);
    for (const name of PARAMETERS) if (seen.has(name)) seen.set(name, seen.get(name) as string);
    const old = this.#links.get(query.get('OSID') ?? '');
    if (old !== undefined) seen.set('OSID', old.socket.id);
    else for (const name of ['OSID', 'OAID']) seen.delete(name);
    if (link !== undefined) seen.set('SID', link.socket.id);
    const headers = Object.create(request.headers, { 'content-type': { value: 'application/json' } });
    const alias = Object.create(request, {
      url: { value: `${this.#base}${endpoint}?${seen}` },
      ...(load && { headers: { value: headers }, body: { value: { ofs: load.first, data: load.frames } } }),
    });
    // With HTTP/2 what stands for the connection takes listeners, but does not give them back.
    if ('stream' in response) Object.defineProperty(response, 'connection', { value: response.stream });
    this.#handle(alias, response, () => reject(response, 404));
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
