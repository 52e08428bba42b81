import type { Socket, SocketOptions, TransportCtor, TransportError } from 'engine.io-client';
import { Observable, type Observer, type SchedulerLike, type Subscriber, type Unsubscribable } from 'rxjs';
import type { Platform, WebSocketLike } from '../../client/platform.js';
import { dropped, LinkError, PrimusError, unopened } from '../../src/core/errors.js';
import { lazy } from '../../src/core/framework.js';
import { type Frame, type Link, NOBODY } from '../../src/core/link.js';
import { refused } from '../../src/core/refusal.js';
import type { ClientTransformer, Target } from '../../src/core/transformer.js';
import type { EngineIOClientTransport } from './options.js';

/** The engine's transports, by their names. */
export type Transports = Record<'polling' | 'websocket' | 'webtransport', TransportCtor>;

/** What is used of engine.io-client; its browser form has a browser's polling under the same name. */
export type Framework = Pick<typeof import('engine.io-client'), 'Socket' | 'NodeXHR' | 'WebSocket' | 'WebTransport'>;

/** How long a peer may take to answer our close, in ms, before the line is cut. */
const CLOSE_TIMEOUT = 2_000;

/** Polling, then what it can be upgraded to. */
export function client(framework: () => Framework): ClientTransformer<Platform> {
  return onEngine(framework, ({ Socket }, implement, target, subscriber) => {
    const dial = new Dial(target, target.maxLength);
    const socket = new Socket(engineOptions(target, dial, implement));
    const link = new EngineLink(socket, dial);
    socket.on('open', () => dial.opened(link, subscriber));
    return dial.watch(link, subscriber, socket);
  });
}

/** A client whose connections, made by `dial`, stand on the engine. The framework is loaded once, when it is first needed. */
export function onEngine<F extends Omit<Framework, 'Socket'>>(
  framework: () => F,
  dial: (framework: F, implement: Transports, target: Target<Platform>, subscriber: Subscriber<Link>) => () => void,
): ClientTransformer<Platform> {
  const load = lazy(() => {
    const loaded = framework();
    return { loaded, implement: transports(loaded) };
  });
  return {
    load,
    connect(target) {
      return new Observable((subscriber) => {
        const { loaded, implement } = load();
        return dial(loaded, implement, target, subscriber);
      });
    },
  };
}

/** Options for the engine, from the address and the client's options. */
export function engineOptions(
  { url, transport, headers, websockets, compression }: Target<Platform>,
  dial: Dial,
  implement: Transports,
): SocketOptions {
  const { protocol, hostname, port, pathname, username, password } = new URL(url);
  if (!/^(http|ws)s?:$/.test(protocol)) {
    throw new PrimusError('ERR_PRIMUS_URL', `Engine.IO does not speak ${protocol}; use http or https`);
  }
  const secure = /s:$/.test(protocol);
  const { transports: names = ['polling', 'websocket', 'webtransport'], extraHeaders, ...given } = transport as EngineIOClientTransport;
  const credentials = username && { Authorization: `Basic ${btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)}` };
  return {
    perMessageDeflate: compression,
    agent: dial.agent(secure),
    ...given,
    extraHeaders: { ...credentials, ...extraHeaders, ...headers },
    secure,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: port || (secure ? '443' : '80'),
    // The engine adds the slash that makes it /primus/.
    path: pathname,
    transportImplementations: names.filter((name) => websockets || name !== 'websocket').map((name) => implement[name]),
    dial,
  } as unknown as SocketOptions;
}

/** What one connection's transports and its link know of each other. */
export class Dial {
  readonly search: string;
  readonly target: Target<Platform>;
  /** Longest message that is taken from a WebSocket: the engine puts a character of its own before each. */
  readonly maxPayload: number;
  isOpen = false;
  /** Told why the server refused a WebSocket. */
  refused: ((error: LinkError) => void) | undefined;
  websocket: WebSocketLike | undefined;
  /** While true, no poll begins. */
  paused = false;
  private poll: (() => void) | undefined;
  private carrier: { destroy(): void } | undefined;
  private readonly requests = new Set<{ _xhr?: { abort(): void } | null }>();

  constructor(target: Target<Platform>, longest: number) {
    this.target = target;
    this.search = new URL(target.url).search.slice(1);
    this.maxPayload = longest + 1;
  }

  opened(link: Link, subscriber: Observer<Link>): void {
    this.isOpen = true;
    subscriber.next(link);
  }

  /** Has the subscriber told that it will not open; hands back how to hang up. */
  watch(link: EngineLink, subscriber: Observer<Link>, socket: unknown): () => void {
    this.refused = (error) => subscriber.error(error);
    link.subscribe({
      error: (cause) => subscriber.error(refusal(cause) ?? unopened(cause)),
      complete: () => subscriber.error(unopened(dropped())),
    });
    this.target.dialled(socket);
    return () => {
      if (!this.isOpen) link.destroy();
    };
  }

  /** What the requests go through, where the platform has such a thing. */
  agent(secure: boolean): unknown {
    this.carrier = this.target.platform.agent?.(secure);
    return this.carrier ?? false;
  }

  begin(poll: () => void): void {
    if (this.paused) this.poll = poll;
    else poll();
  }

  release(): void {
    const { poll } = this;
    this.poll = undefined;
    poll?.();
  }

  /** Remembers a request for as long as it runs. */
  track(request: { on(event: 'success' | 'error', done: () => void): unknown }): void {
    const running = request as { _xhr?: { abort(): void } | null };
    this.requests.add(running);
    const done = () => void this.requests.delete(running);
    request.on('success', done);
    request.on('error', done);
  }

  /** The engine's own `abort` forgets a request, and leaves it running; in Node, aborting one kills the process. */
  abort(): void {
    if (this.carrier) this.carrier.destroy();
    else for (const { _xhr } of this.requests) _xhr?.abort();
    this.requests.clear();
    this.websocket?.terminate?.();
  }
}

/**
 * The engine's transports, bound to our platform: WebSockets are made by it, a poll waits while the link is paused, and
 * the query of the address stays as it was written (the engine would lose keys that are repeated).
 */
export function transports({ NodeXHR, WebSocket, WebTransport }: Omit<Framework, 'Socket'>): Transports {
  const dialOf = (transport: unknown) => (transport as { opts: { dial: Dial } }).opts.dial;
  const withSearch = (transport: unknown, uri: string) => {
    const { search } = dialOf(transport);
    return search ? uri.replace('?', `?${search}&`) : uri;
  };

  class Polling extends NodeXHR {
    protected override createUri(schema: string, query?: Record<string, unknown>): string {
      return withSearch(this, super.createUri(schema, query));
    }

    override doPoll(): void {
      dialOf(this).begin(() => super.doPoll());
    }

    override request(options?: Record<string, unknown>) {
      const request = super.request(options);
      dialOf(this).track(request);
      return request;
    }
  }

  class Native extends WebSocket {
    protected override createUri(schema: string, query?: Record<string, unknown>): string {
      return withSearch(this, super.createUri(schema, query));
    }

    override createSocket(uri: string, _protocols: unknown, transport: Record<string, unknown>): WebSocketLike {
      const dial = dialOf(this);
      const { target, maxPayload } = dial;
      const socket = target.platform.webSocket(uri, { ...target, transport, maxLength: maxPayload });
      // An upgrade that is refused is none of the user's business: the engine goes on polling.
      if (this.socket.readyState === 'opening') target.platform.refusal?.(socket, (error) => dial.refused?.(error));
      dial.websocket = socket;
      return socket;
    }
  }

  return { polling: Polling, websocket: Native, webtransport: WebTransport };
}

function refusal({ status, reason: error, retryAfter, authenticate }: LinkError): LinkError | undefined {
  return status === undefined ? undefined : refused(status, { error, retryAfter, authenticate });
}

/** A socket of the engine as a link. */
export class EngineLink implements Link {
  readonly engine: Socket;
  protected readonly dial: Dial;
  #observer: Partial<Observer<Frame>> = NOBODY;
  #failure: Error | undefined;
  #ended = false;
  #late: Unsubscribable | undefined;

  constructor(engine: Socket, dial: Dial) {
    this.engine = engine;
    this.dial = dial;
    engine.on('error', (error) => {
      this.#failure ??= error as Error;
    });
    // The engine waits for the poll under way before it upgrades.
    engine.on('upgrading', () => this.dial.release());
    engine.on('upgrade', () => {
      if (this.dial.paused) this.pause();
    });
    engine.on('close', (reason, details) => this.#closed(reason, details));
    this.listen();
  }

  get socket(): unknown {
    return this.engine;
  }

  get bufferedAmount(): number {
    let waiting = this.#upgraded?.bufferedAmount ?? 0;
    for (const { data } of this.engine.writeBuffer) waiting += (data as Frame | undefined)?.length ?? 0;
    return waiting;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NOBODY) };
  }

  send(frame: Frame): void {
    if (!this.#ended) this.transmit(frame);
  }

  pause(): void {
    this.dial.paused = true;
    this.#upgraded?.pause?.();
  }

  resume(): void {
    this.dial.paused = false;
    this.#upgraded?.resume?.();
    this.dial.release();
  }

  close(): void {
    if (this.#ended || this.#late) return;
    this.resume();
    const { scheduler } = this.dial.target.platform as { scheduler: SchedulerLike };
    this.#late = scheduler.schedule(() => this.destroy(), CLOSE_TIMEOUT);
    this.engine.close();
  }

  destroy(): void {
    if (this.#ended) return;
    this.dial.abort();
    this.engine.transport.emit('close' as never, ...([{ description: 'destroyed' }] as never));
  }

  /** Has `received` called for every frame. */
  protected listen(): void {
    this.engine.on('message', (data) => this.received((data ?? '') as string | ArrayBuffer));
  }

  protected transmit(frame: Frame): void {
    this.engine.send(frame as string);
  }

  protected received(data: string | ArrayBuffer | Uint8Array): void {
    if (this.#ended) return;
    const frame = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    // In characters: what comes over a WebSocket was measured in bytes already, where that can be done.
    if (frame.length <= this.dial.target.maxLength) return this.#observer.next?.(frame);
    this.#failure = new LinkError('ERR_PRIMUS_DROPPED', `A message of ${frame.length} exceeds maxLength`, { closeCode: 1009 });
    this.destroy();
  }

  /** The WebSocket, once it carries the connection. */
  get #upgraded(): WebSocketLike | undefined {
    return this.engine.transport?.name === 'websocket' ? this.dial.websocket : undefined;
  }

  #closed(reason: string, details: unknown): void {
    this.#ended = true;
    this.#late?.unsubscribe();
    const { code, reason: said } = (details as { context?: { code?: number; reason?: string } } | undefined)?.context ?? {};
    const { description, context } = (this.#failure ?? {}) as Partial<TransportError>;
    if (!this.#failure && (reason === 'forced close' || code === 1000 || code === 1005)) {
      this.#observer.complete?.();
    } else if (typeof description === 'number' && description > 0) {
      this.#observer.error?.(answered(description, context as XMLHttpRequest));
    } else {
      const broken = this.#failure instanceof LinkError ? this.#failure : undefined;
      const cause = this.dial.isOpen ? broken : this.#failure;
      this.#observer.error?.(dropped(broken?.closeCode ?? code, said || reason, cause));
    }
  }
}

/** A request was answered by something else than the engine's data. */
function answered(status: number, request: XMLHttpRequest): LinkError {
  const reason = messageOf(request.responseText);
  const after = Number(request.getResponseHeader('retry-after'));
  const authenticate = request.getResponseHeader('www-authenticate') ?? undefined;
  const message = `The connection dropped (${status}${reason ? ` ${reason}` : ''})`;
  // That a session is gone is everyday; that a message was too long is an error.
  const tooLong = status === 413 && {
    closeCode: 1009,
    cause: new LinkError('ERR_PRIMUS_DROPPED', 'The server takes no message this long'),
  };
  return new LinkError('ERR_PRIMUS_DROPPED', message, {
    status,
    reason,
    retryAfter: after > 0 ? after * 1000 : undefined,
    authenticate,
    ...tooLong,
  });
}

/** The message in the body of a refusal, ours or the engine's own. */
function messageOf(body: string): string | undefined {
  try {
    const { error, message } = JSON.parse(body) as { error?: unknown; message?: unknown };
    return typeof error === 'string' ? error : typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
