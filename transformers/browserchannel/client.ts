import { Observable, type Observer, type Unsubscribable } from 'rxjs';
import type { Platform } from '../../client/platform.js';
import { explain } from '../../client/refusal.js';
import { frameOf, lengthOf, textOf } from '../../client/text-frames.js';
import { dropped, PrimusError } from '../../src/core/errors.js';
import { lazy } from '../../src/core/framework.js';
import { type Frame, type Link, NOBODY } from '../../src/core/link.js';
import type { ClientTransformer, Target } from '../../src/core/transformer.js';
import { type BrowserChannelClientTransport, PARAMETERS } from './options.js';

/** How long what was sent before our close may take to arrive, in ms, before it is given up. */
const CLOSING = 2_000;

/** What browserchannel's clients export. */
export interface Framework {
  BCSocket: BCSocketConstructor;
}

type BCSocketConstructor = new (url: Address, options: object) => BCSocket;

/** The part of BCSocket that is used. */
interface BCSocket {
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((reason: string) => void) | null;
  /** The values become texts when they are put into a request, and again when that request is repeated. */
  sendMap(map: Record<string, { toString(): string }>): void;
  close(): void;
}

const OPEN = 1;

/** An image that is there without a network. */
const IMAGE = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAAC';

/** An answer that never ends, and requests beside it. The framework is loaded once, when it is first needed. */
export function client(framework: () => BCSocketConstructor): ClientTransformer<Platform> {
  const load = lazy(framework);
  return {
    protocol: 'http',
    load,
    connect(target) {
      return new Observable<Link>((subscriber) => {
        const { url, transport, headers } = target;
        if (Object.keys(headers).length > 0)
          throw new PrimusError('ERR_PRIMUS_OPTION', 'BrowserChannel cannot send headers; use the option credentials');
        const settings = { crossDomainXhr: true, ...(transport as BrowserChannelClientTransport), ...ALONE };
        const socket = new (load())(new Address(url), settings);
        askNobody(socket);
        const link = new BrowserChannelLink(socket, target);
        socket.onopen = () => subscriber.next(link);
        const giveUp = explain(link, subscriber, url, '/test?VER=8&MODE=init');
        target.dialled(socket);
        return () => {
          giveUp();
          if (socket.readyState < OPEN) link.destroy();
        };
      });
    },
  };
}

/** Its own reconnection is off, ours is on; and the parameter that ties requests together would take the place of one of the user's. */
const ALONE = { reconnect: false, prev: undefined, affinity: null };

/**
 * When a request fails the framework asks a server of Google's for an image, to learn whether there is a network. Its handler
 * could name another, if it were to be had: it is found by the name of that method, as the build leaves no other.
 */
function askNobody(socket: BCSocket): void {
  for (const session of Object.values(socket)) {
    for (const handler of Object.values((session ?? {}) as object)) {
      if (typeof handler?.getNetworkTestImageUri === 'function') handler.getNetworkTestImageUri = () => IMAGE;
    }
  }
}

/**
 * An address with a query, which the framework has no place for: it appends `/test` for the first of its endpoints, and
 * `/bind` for the second. Behind a `#` that does no harm.
 */
class Address {
  readonly #url: URL;
  readonly #endpoints = ['/test', '/bind'];

  constructor(address: string) {
    this.#url = new URL(address);
    for (const name of PARAMETERS) this.#url.searchParams.delete(name);
    if (this.#url.hostname.startsWith('['))
      throw new PrimusError('ERR_PRIMUS_URL', `BrowserChannel cannot dial ${this.#url.hostname}; use a name for the IPv6 address`);
  }

  /** Asked whether it is one of WebSocket. */
  match(): null {
    return null;
  }

  toString(): string {
    const { origin, pathname, searchParams } = this.#url;
    return `${origin}${pathname.replace(/\/$/, '')}${this.#endpoints.shift()}?${searchParams}#`;
  }
}

/** A text that tells when it is put into a request. */
class Outgoing {
  readonly #text: string;
  #taken: ((length: number) => void) | undefined;

  constructor(text: string, taken: (length: number) => void) {
    this.#text = text;
    this.#taken = taken;
  }

  toString(): string {
    this.#taken?.(this.#text.length);
    this.#taken = undefined;
    return this.#text;
  }
}

/** A session of BrowserChannel as a link. */
class BrowserChannelLink implements Link {
  readonly socket: BCSocket;
  /** In characters. */
  bufferedAmount = 0;
  readonly #target: Target<Platform>;
  readonly #taken = (length: number) => {
    this.bufferedAmount -= length;
  };
  #observer: Partial<Observer<Frame>> = NOBODY;
  #over = false;
  #closing: Unsubscribable | undefined;

  constructor(socket: BCSocket, target: Target<Platform>) {
    this.socket = socket;
    this.#target = target;
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onclose = (reason) => this.#closed(reason);
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NOBODY) };
  }

  send(frame: Frame): void {
    if (this.socket.readyState !== OPEN || this.#closing) return;
    // A lone surrogate cannot be put into a request.
    const text = textOf(frame).replace(/\p{Surrogate}/gu, '\ufffd');
    this.bufferedAmount += text.length;
    this.socket.sendMap({ _S: new Outgoing(text, this.#taken) });
  }

  /** The framework gives up the request under way, and what waits for the next one, when it closes. A last one begins when all others are through. */
  close(): void {
    if (this.#over || this.#closing) return;
    this.#closing = this.#target.platform.scheduler.schedule(() => this.socket.close(), CLOSING);
    if (this.socket.readyState === OPEN) this.socket.sendMap({ end: new Outgoing('', () => this.socket.close()) });
    else this.socket.close();
  }

  destroy(): void {
    this.socket.close();
  }

  #received(data: unknown): void {
    if (this.#over || this.#closing || typeof data !== 'string') return;
    const frame = frameOf(data);
    if (lengthOf(frame) <= this.#target.maxLength) {
      this.#observer.next?.(frame);
      return;
    }
    this.#end().error?.(dropped(1009, 'Message too long', new Error('Message too long')));
    this.socket.close();
  }

  #closed(reason: string): void {
    this.#closing?.unsubscribe();
    if (/^(?:Closed|Stopped by server)$/.test(reason)) this.#end().complete?.();
    else this.#end().error?.(dropped(undefined, reason));
  }

  /** The observer, for the last time. */
  #end(): Partial<Observer<Frame>> {
    if (this.#over) return NOBODY;
    this.#over = true;
    return this.#observer;
  }
}
