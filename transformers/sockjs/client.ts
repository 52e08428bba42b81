import { Observable, type Observer, type Unsubscribable } from 'rxjs';
import type { Platform } from '../../client/platform.js';
import { explain } from '../../client/refusal.js';
import { frameOf, lengthOf, textOf } from '../../client/text-frames.js';
import { dropped, PrimusError } from '../../src/core/errors.js';
import { lazy } from '../../src/core/framework.js';
import { type Frame, type Link, NOBODY } from '../../src/core/link.js';
import type { ClientTransformer, Target } from '../../src/core/transformer.js';
import type { SockJSClientTransport } from './options.js';

/** How long a peer may take to answer our close, or to take what was sent before it, in ms, before the line is cut. */
const CLOSING = 2_000;

/** How often a line that is to close is looked at, in ms. */
const DRAIN_POLL = 10;

/** How long each way is given to open, in ms. As the framework reckons, a stall of half a second gives one up. */
const PATIENCE = 2_000;

/** What a frame of the framework may carry besides one message, in bytes: what the server gathers meanwhile. */
const GATHERED = 1_048_576;

/** The part of sockjs-client that is used. */
interface SockJS {
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  readonly _transport?: Way | null;
}

/** What sockjs-client exports. */
export type SockJSConstructor = new (url: string, protocols: null, options: SockJSClientTransport) => SockJS;

/** The way a connection goes: by WebSocket, or by requests one after the other. */
interface Way {
  readonly ws?: { readonly bufferedAmount: number; readonly _stream?: Stream };
  /** What waits for the next request. */
  readonly sendBuffer?: string[];
  /** Gives the request up that is under way; there while there is one. */
  readonly sendStop?: (() => void) | null;
}

/** The line of a WebSocket in Node. */
interface Stream {
  readonly writableLength: number;
  destroy(): void;
  once(event: 'close', listener: () => void): void;
}

const OPEN = 1;

/** The first way that works. The framework is loaded once, when it is first needed. */
export function client(framework: () => SockJSConstructor): ClientTransformer<Platform> {
  const load = lazy(framework);
  return {
    protocol: 'http',
    load,
    connect(target) {
      return new Observable<Link>((subscriber) => {
        const { url, headers } = target;
        if (Object.keys(headers).length > 0)
          throw new PrimusError('ERR_PRIMUS_OPTION', 'SockJS cannot send headers; use the option credentials');
        const socket = new (load())(url, null, settings(target));
        const link = new SockJSLink(socket, target);
        socket.onopen = () => subscriber.next(link);
        const giveUp = explain(link, subscriber, url, '/info');
        target.dialled(socket);
        return () => {
          giveUp();
          if (socket.readyState < OPEN) link.destroy();
        };
      });
    },
  };
}

function settings({ transport, maxLength, websockets }: Target<Platform>): SockJSClientTransport {
  const { transports, transportOptions, ...rest } = transport as SockJSClientTransport;
  const websocket = { maxLength: maxLength * 2 + GATHERED, ...transportOptions?.websocket };
  const ways = websockets ? transports : [transports ?? WITHOUT_WEBSOCKET].flat().filter((name) => name !== 'websocket');
  return { timeout: PATIENCE, ...rest, ...(ways && { transports: ways }), transportOptions: { ...transportOptions, websocket } };
}

const WITHOUT_WEBSOCKET = ['xhr-streaming', 'eventsource', 'xhr-polling'] as const satisfies SockJSClientTransport['transports'];

/** A SockJS connection as a link. */
class SockJSLink implements Link {
  readonly socket: SockJS;
  readonly #target: Target<Platform>;
  #observer: Partial<Observer<Frame>> = NOBODY;
  #over = false;
  #closing = false;
  #draining: Unsubscribable | undefined;

  constructor(socket: SockJS, target: Target<Platform>) {
    this.socket = socket;
    this.#target = target;
    socket.onmessage = ({ data }) => this.#received(data as string);
    socket.onclose = ({ code, reason }) => {
      if (code === 1000) this.#end().complete?.();
      else this.#end().error?.(dropped(code, reason));
    };
  }

  get bufferedAmount(): number {
    const { ws, sendBuffer } = this.socket._transport ?? {};
    if (ws !== undefined) return ws._stream?.writableLength ?? ws.bufferedAmount;
    return sendBuffer?.reduce((sum, { length }) => sum + length, 0) ?? 0;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NOBODY) };
  }

  send(frame: Frame): void {
    if (this.socket.readyState !== OPEN || this.#closing) return;
    this.socket.send(textOf(frame));
  }

  close(code?: number, reason?: string): void {
    if (this.#over || this.#closing) return;
    this.#closing = true;
    this.#drain(CLOSING, () => this.#hangUp(code, reason));
  }

  destroy(): void {
    this.#closing = true;
    this.#draining?.unsubscribe();
    const stream = this.socket._transport?.ws?._stream;
    this.socket.close();
    stream?.destroy();
  }

  /** The framework gives up the request under way, and what waits for the next one, when it closes. */
  #drain(patience: number, then: () => void): void {
    const { sendBuffer, sendStop } = this.socket._transport ?? {};
    const sending = sendBuffer !== undefined && (sendBuffer.length > 0 || !!sendStop);
    if (!sending || patience <= 0) then();
    else this.#draining = this.#target.platform.scheduler.schedule(() => this.#drain(patience - DRAIN_POLL, then), DRAIN_POLL);
  }

  #hangUp(code = 1000, reason?: string): void {
    const stream = this.socket._transport?.ws?._stream;
    // Other codes are not an application's to send, and the framework throws at them.
    this.socket.close(code >= 3000 && code <= 4999 ? code : 1000, reason?.slice(0, 123));
    if (stream === undefined) return;
    const cut = this.#target.platform.scheduler.schedule(() => stream.destroy(), CLOSING);
    stream.once('close', () => cut.unsubscribe());
  }

  #received(data: string): void {
    if (this.#over || this.#closing) return;
    const frame = frameOf(data);
    if (lengthOf(frame) <= this.#target.maxLength) {
      this.#observer.next?.(frame);
      return;
    }
    this.#end().error?.(dropped(1009, 'Message too long', new Error('Message too long')));
    this.#hangUp();
  }

  /** The observer, for the last time. */
  #end(): Partial<Observer<Frame>> {
    const observer = this.#observer;
    if (this.#over) return NOBODY;
    this.#over = true;
    return observer;
  }
}
