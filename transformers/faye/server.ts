import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import { EMPTY, ignoreElements, merge, mergeMap, Observable, type Observer, type SchedulerLike, tap, type Unsubscribable } from 'rxjs';
import { dropped } from '../../src/core/errors.js';
import { framework } from '../../src/core/framework.js';
import { type Frame, type Link, NOBODY } from '../../src/core/link.js';
import { ACCEPTED } from '../../src/core/refusal.js';
import type { Arrival } from '../../src/core/transformer.js';
import { deflate } from '../../src/server/deflate.js';
import { type Fragmented, limitFragments } from '../../src/server/fragments.js';
import { headOf, malformed } from '../../src/server/handshake.js';
import type { Host, NodeTransformer, UpgradeExchange } from '../../src/server/host.js';
import { refuse } from '../../src/server/refuse.js';
import type { FayeServerTransport } from './options.js';

const require = createRequire(import.meta.url);

/** How long a peer may take to answer our close, in ms, before the line is cut. */
const CLOSING = 2_000;

/** The part of faye-websocket that is used. */
interface FayeWebSocket extends Fragmented {
  readonly readyState: number;
  on(event: 'open', listener: () => void): void;
  on(event: 'message', listener: (event: { data: string | Buffer }) => void): void;
  on(event: 'error', listener: (event: { message: string }) => void): void;
  on(event: 'close', listener: (event: { code: number; reason: string }) => void): void;
  send(data: string | Buffer): void;
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
}

type FayeConstructor = new (request: IncomingMessage, socket: Duplex, head: Buffer, protocols: string[], options: object) => FayeWebSocket;

const OPEN = 1;

export const server: NodeTransformer = {
  listen(host) {
    const WebSocket = framework<FayeConstructor>(require, 'faye-websocket', '^0.11.0');
    const { protocols: own = [], ...transport } = host.transport as FayeServerTransport;
    // A page that is offered none of the subprotocols it asks for drops the line.
    const protocols = [...own, ACCEPTED];
    const options = { ...transport, extensions: extensions(host), maxLength: host.maxLength };
    return merge(
      host.upgrade$.pipe(
        mergeMap((exchange) => accept((...parts) => new WebSocket(...parts, protocols, options), exchange, host.scheduler)),
      ),
      host.request$.pipe(
        tap(({ response }) => refuse(response, 426, 'Upgrade Required', { Connection: 'close', Upgrade: 'websocket' })),
        ignoreElements(),
      ),
    );
  },
};

function extensions({ compression, maxLength, transport }: Host): object[] {
  return (transport as FayeServerTransport).extensions ?? (compression ? [deflate(maxLength)] : []);
}

/** One handshake; the framework would take older drafts as well, and leaves one that is malformed open. */
function accept(
  open: (request: IncomingMessage, socket: Duplex, head: Buffer) => FayeWebSocket,
  { request, socket, head }: UpgradeExchange,
  scheduler: SchedulerLike,
): Observable<Arrival> {
  const refusal = malformed(request);
  if (refusal !== undefined) {
    refuse(socket, ...refusal);
    return EMPTY;
  }
  return new Observable((subscriber) => {
    const websocket = open(request, socket, headOf(socket, head));
    websocket.on('open', () => {
      if (subscriber.closed) socket.destroy();
      else subscriber.next({ link: new FayeLink(websocket, socket, scheduler), request });
      subscriber.complete();
    });
    websocket.on('close', () => subscriber.complete());
  });
}

/** A WebSocket as a link. What is sent within a tick leaves in one write. */
class FayeLink implements Link {
  readonly socket: FayeWebSocket;
  readonly #raw: Duplex;
  readonly #scheduler: SchedulerLike;
  #observer: Partial<Observer<Frame>> = NOBODY;
  #failure: Error | undefined;
  /** Why we cut the line, which the framework then takes for lost. */
  #code: number | undefined;
  #corked = false;
  #paused = false;
  #cut: Unsubscribable | undefined;

  constructor(socket: FayeWebSocket, raw: Duplex, scheduler: SchedulerLike) {
    this.socket = socket;
    this.#raw = raw;
    this.#scheduler = scheduler;
    socket.on('message', ({ data }) => this.#received(data));
    socket.on('error', ({ message }) => {
      this.#failure = new Error(message);
    });
    socket.on('close', ({ code, reason }) => this.#closed(this.#code ?? code, reason));
    limitFragments(socket, raw, (code, reason) => {
      this.#code = code;
      this.#failure = new Error(reason);
    });
  }

  get bufferedAmount(): number {
    return this.#raw.writableLength;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NOBODY) };
  }

  send(frame: Frame): void {
    if (this.socket.readyState !== OPEN) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#raw.cork();
      process.nextTick(uncork, this);
    }
    this.socket.send(typeof frame === 'string' ? frame : Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength));
  }

  uncork(): void {
    this.#corked = false;
    this.#raw.uncork();
  }

  pause(): void {
    this.#paused = true;
    this.socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.socket.resume();
  }

  close(code = 1000, reason = ''): void {
    if (this.socket.readyState !== OPEN) return;
    // Others are not an application's to send, and the framework throws at them.
    this.socket.close(code >= 3000 && code <= 4999 ? code : 1000, reason);
    this.#cut = this.#scheduler.schedule(() => this.destroy(), CLOSING);
  }

  destroy(): void {
    this.#raw.destroy();
  }

  #received(data: string | Buffer): void {
    // The framework goes on reading when what it writes has left, whoever stopped it.
    if (this.#paused) this.socket.pause();
    this.#observer.next?.(data);
  }

  #closed(code: number, reason: string): void {
    this.#cut?.unsubscribe();
    if (this.#failure === undefined && (code === 1000 || code === 1005)) this.#observer.complete?.();
    else this.#observer.error?.(dropped(code, reason, this.#failure));
  }
}

function uncork(link: FayeLink): void {
  link.uncork();
}
