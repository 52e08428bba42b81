import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { finalize, Subscription, timer } from 'rxjs';
import type { Arrival } from '../../../src/core/transformer.js';
import type { Exchange, Host, RequestExchange, UpgradeExchange } from '../../../src/server/http/host.js';
import { reject } from '../../../src/server/http/reject.js';
import { CLOSE_TIMEOUT } from '../../shared/link-base.js';
import { type Address, GATHERED, HttpEndpoint } from '../../shared/server/http-endpoint.js';
import { nodeBytes } from '../../shared/server/node-bytes.js';
import { exceeds } from '../../shared/string-frames.js';
import { type BrowserChannelServerTransport, PARAMETERS } from '../options.js';
import { FormDecoder } from './form.js';
import type { BrowserChannelSession, Framework, Handler } from './framework.js';
import { type EndpointQuery, parseAddress, rejectionOf } from './guard.js';
import { BrowserChannelLink } from './link.js';
import { type Batch, parseBatch, parseNumber } from './messages.js';

/** The duration of the second half of the framework's test for buffering proxies, in ms. */
const PROBE = 2_000;

/** A request that opens a session. */
interface Opening {
  request: IncomingMessage;
  rid: number;
  batch: Batch;
}

/**
 * The HTTP endpoints of the framework, guarded.
 *
 * The framework looks sessions up among the properties of an object, by ids that can be foreseen: clients get other ids.
 * It takes any number, and buffers what comes too early: it sees only requests whose turn it is, with messages that were
 * read and measured before. It writes messages unescaped into HTML pages: requests for those are rejected.
 */
export class BrowserChannelEndpoint extends HttpEndpoint<BrowserChannelLink> {
  /** Timers that end with the server. */
  readonly #timers = new Subscription();
  readonly #handle: Handler;
  /** The request that opens a session, while the framework handles it. */
  #opening: Opening | undefined;

  constructor(host: Host, arrived: (arrival: Arrival) => void, browserChannel: Framework) {
    super(host, arrived);
    const { hostPrefixes, keepAliveInterval, sessionTimeoutInterval, headers } = host.transport as BrowserChannelServerTransport;
    // The framework adds to the headers it is given. CORS is the business of our middleware.
    const options = { hostPrefixes, keepAliveInterval, sessionTimeoutInterval, headers: { ...headers }, base: this.base };
    this.#handle = browserChannel(options, (session) => this.#connected(session));
  }

  begins({ kind, request }: Exchange): boolean {
    const address = this.addressOf(request);
    return kind === 'request' && request.method === 'POST' && address.path === '/bind' && this.linkOf(address) === undefined;
  }

  override request(exchange: RequestExchange): void {
    const { request, response } = exchange;
    const address = this.addressOf(request);
    const parsed = parseAddress(address);
    const { endpoint, query } = parsed;
    const link = this.linkOf(address);
    const rejection = rejectionOf(request, parsed, link);
    // The client left while middleware took its time: the framework would wait for a close event that has passed.
    if (request.socket.destroyed) return;
    if (rejection !== undefined) reject(response, rejection);
    else if (endpoint === '/test' && query.get('MODE') !== 'init') this.#probe(response);
    else if (request.method === 'POST') this.#post(exchange, parsed, link);
    else {
      if (link !== undefined && query.get('RID') === 'rpc') link.polled(exchange.response);
      this.#pass(exchange, parsed, link);
      if (query.get('TYPE') === 'terminate') link?.terminated();
    }
  }

  override upgrade({ socket }: UpgradeExchange): void {
    reject(socket, { status: 404, message: 'No WebSocket here' });
  }

  /** Closes every session, since no client can reach it any more; what was just written leaves with this turn. */
  stop(): void {
    for (const link of this.links.values()) process.nextTick(() => link.closeSilently());
    this.#timers.unsubscribe();
  }

  protected override linkOf(address: Address): BrowserChannelLink | undefined {
    return this.links.get(parseAddress(address).query.get('SID') ?? '');
  }

  /** Answers in two parts, so that the client learns whether they arrive apart; the framework would write to a client that left. */
  #probe(response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    response.write('11111');
    const probe = timer(PROBE, this.host.scheduler)
      .pipe(finalize(() => response.end('2')))
      .subscribe();
    response.once('close', () => probe.unsubscribe());
    this.#timers.add(probe);
  }

  #post(exchange: RequestExchange, address: EndpointQuery, link: BrowserChannelLink | undefined): void {
    const { request, response } = exchange;
    const { maxLength } = this.host;
    const isForm = request.headers['content-type'] !== 'application/json';
    // A message of bytes is in base64, and one in JSON may have escapes.
    this.readBody(exchange, { limit: maxLength * 2 + GATHERED, decoder: isForm ? new FormDecoder() : undefined }, link, (body) => {
      if (request.socket.destroyed) return body.release();
      const batch = parseBatch(body.bytes(), isForm, link?.expected ?? 0);
      body.release();
      const rid = parseNumber(address.query.get('RID')) as number;
      if (batch === undefined) {
        reject(response, { status: 400, message: 'The body is not a list of messages, or not the next ones' });
        return;
      }
      if (batch.frames.some((frame) => frame !== undefined && exceeds(frame, maxLength, nodeBytes))) {
        this.rejectTooLong(response, link);
        return;
      }
      if (link === undefined) this.#opening = { request, rid, batch };
      link?.accept(rid, batch);
      if (link?.ended) link.ignore(response);
      else this.#pass(exchange, address, link, batch);
    });
  }

  /** Hands an alias of a request to the framework. */
  #pass({ request, response }: RequestExchange, { endpoint, query }: EndpointQuery, link?: BrowserChannelLink, batch?: Batch): void {
    const seen = new URLSearchParams(query);
    for (const name of PARAMETERS) if (seen.has(name)) seen.set(name, seen.get(name) as string);
    const old = this.links.get(query.get('OSID') ?? '');
    if (old !== undefined) seen.set('OSID', old.socket.id);
    else for (const name of ['OSID', 'OAID']) seen.delete(name);
    if (link !== undefined) seen.set('SID', link.socket.id);
    const headers = Object.create(request.headers, { 'content-type': { value: 'application/json' } });
    const body = batch && { headers: { value: headers }, body: { value: { ofs: batch.first, data: batch.frames } } };
    // The socket that HTTP/2 substitutes takes listeners, but does not give them back; a pipelined response has none until its turn.
    Object.defineProperty(response, 'connection', { value: 'stream' in response ? response.stream : request.socket });
    this.#handle(this.aliasOf(request, `${endpoint}?${seen}`, body), response, () => reject(response, 404));
  }

  #connected(session: BrowserChannelSession): void {
    const { request, rid, batch } = this.#opening as Opening;
    const id = randomUUID();
    // The first message to its client: ['c', id, host prefix, version].
    (session._outgoingArrays[0] as { data: unknown[] }).data[1] = id;
    const link = new BrowserChannelLink(session, rid, this.host);
    link.accept(rid, batch);
    this.links.set(id, link);
    session.on('close', () => {
      // A request that crosses our close must not be answered with an unknown session before the client reads of the end.
      if (link.closing) this.#timers.add(timer(CLOSE_TIMEOUT, this.host.scheduler).subscribe(() => this.links.delete(id)));
      else this.links.delete(id);
    });
    this.arrived({ link, request });
  }
}
