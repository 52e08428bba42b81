import type { ServerResponse } from 'node:http';
import type { Socket, Transport } from 'engine.io';
import type { Observer, Unsubscribable } from 'rxjs';
import { WebSocket } from 'ws';
import { dropped, LinkError } from '../../../src/core/errors.js';
import { type Frame, type Link, NO_OBSERVER } from '../../../src/core/link.js';
import type { Host, RequestExchange } from '../../../src/server/http/host.js';
import { exceeds } from '../../shared/server/string-codec.js';

/** How long a peer may take to answer our close, in ms, before the line is cut. */
export const CLOSING = 2_000;

/** What the engine's transports have besides: the socket of a WebSocket. */
type Carrier = Transport & { socket?: WebSocket };

/** A socket of the engine as a link. */
export class EngineLink implements Link {
  readonly engine: Socket;
  protected observer: Partial<Observer<Frame>> = NO_OBSERVER;
  private readonly host: Pick<Host, 'maxLength' | 'scheduler'>;
  private waiting = 0;
  private paused = false;
  private closing = false;
  private ended = false;
  private poll: ServerResponse | undefined;
  private post: RequestExchange | undefined;
  private held: (() => void) | undefined;
  private failure: Error | undefined;
  private closeCode: number | undefined;
  private reason: string | undefined;
  private late: Unsubscribable | undefined;

  constructor(engine: Socket, host: Pick<Host, 'maxLength' | 'scheduler'>) {
    this.engine = engine;
    this.host = host;
    this.setTransportSocket(engine.transport);
    engine.on('upgrading', () => this.release());
    engine.on('upgrade', (transport: Carrier) => this.setTransportSocket(transport));
    engine.on('flush', () => {
      this.waiting = 0;
    });
    engine.on('packetCreate', ({ type }: { type: string }) => {
      if (type === 'ping' && this.paused) process.nextTick(() => this.vouch());
    });
    engine.on('close', (reason: string, cause?: Error) => this.closed(reason, cause));
    this.listen();
  }

  /** What `spark.socket` exposes. */
  get socket(): unknown {
    return this.engine;
  }

  get bufferedAmount(): number {
    return this.waiting + (this.websocket?.bufferedAmount ?? 0);
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.observer = observer;
    return { unsubscribe: () => this.subscribe(NO_OBSERVER) };
  }

  send(frame: Frame): void {
    if (this.ended || this.closing) return;
    this.waiting += frame.length;
    this.transmit(frame);
  }

  /** Over HTTP the next data is left unread; a WebSocket is not read at all. */
  pause(): void {
    this.paused = true;
    this.websocket?.pause();
    this.vouch();
  }

  resume(): void {
    this.paused = false;
    this.websocket?.resume();
    this.release();
  }

  close(): void {
    if (this.closing || this.ended) return;
    this.closing = true;
    this.late = this.host.scheduler.schedule(() => this.destroy(), CLOSING);
    // The engine aborts data that is under way, and the client would take that for an accident.
    if (this.post === undefined) this.engine.close();
    else this.post.response.once('close', () => this.engine.close());
  }

  destroy(): void {
    if (this.ended) return;
    this.websocket?.terminate();
    this.poll?.destroy();
    this.engine.transport.emit('error', new Error('destroyed'));
  }

  // What the endpoint reports.

  polled(response: ServerResponse): void {
    this.poll = response;
    response.once('close', () => {
      if (this.poll === response) this.poll = undefined;
    });
  }

  posted(exchange: RequestExchange, proceed: () => void): void {
    const { request, response } = exchange;
    const { post } = this;
    if (post === undefined) {
      this.post = exchange;
      response.once('close', () => {
        this.post = undefined;
      });
    }
    // A second one beside it is for the engine to refuse. One that waits is not waited for during an upgrade.
    if (post !== undefined || !this.paused || this.engine.upgrading) return proceed();
    this.held = () => (request.destroyed ? this.destroy() : proceed());
  }

  tooLong(): void {
    this.fail(1009, `A message exceeds maxLength, ${this.host.maxLength}`);
  }

  // What differs where something stands on the engine.

  /** Has `received` called for every frame. */
  protected listen(): void {
    this.engine.on('message', (data: Frame | undefined) => this.received(data ?? ''));
  }

  protected transmit(frame: Frame): void {
    this.engine.send(frame as string);
  }

  protected received(frame: Frame): void {
    if (exceeds(frame, this.host.maxLength)) this.tooLong();
    else if (!this.ended) this.observer.next?.(frame);
  }

  // Below: how it is done.

  private get websocket(): WebSocket | undefined {
    const { socket } = this.engine.transport as Carrier;
    return socket instanceof WebSocket ? socket : undefined;
  }

  /** The engine keeps neither close codes nor errors, so they are looked at before it sees them. */
  private setTransportSocket({ socket }: Carrier): void {
    if (!(socket instanceof WebSocket)) return;
    socket.prependOnceListener('close', (code, reason) => {
      this.closeCode ??= code;
      this.reason ??= reason.toString();
    });
    socket.prependOnceListener('error', (error: Error & { code?: string }) => {
      this.failure = error;
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') this.closeCode = 1009;
    });
    if (this.paused) socket.pause();
  }

  /** While we do not read, silence is our doing: the engine's heartbeat is answered for the peer. */
  private vouch(): void {
    if (!this.ended) this.engine.transport.emit('packet', { type: 'pong' });
  }

  private release(): void {
    const { held } = this;
    this.held = undefined;
    held?.();
  }

  private fail(closeCode: number, message: string): void {
    if (this.ended) return;
    this.failure = new LinkError('ERR_PRIMUS_DROPPED', message);
    this.closeCode = closeCode;
    // Over a WebSocket the peer is told why.
    if (this.websocket) this.websocket.close(closeCode);
    this.engine.transport.emit('error', this.failure);
  }

  private closed(reason: string, cause: Error | undefined): void {
    this.ended = true;
    this.late?.unsubscribe();
    this.release();
    const { observer, closeCode = undefined } = this;
    // Lines that are cut are everyday; what breaks a rule of the protocol is an error.
    const failure = this.failure ?? (cause && !/prematurely|destroyed/.test(cause.message) ? cause : undefined);
    const clean =
      !failure &&
      cause === undefined &&
      /^(transport|forced) close$/.test(reason) &&
      !(closeCode && closeCode !== 1000 && closeCode !== 1005);
    if (clean) observer.complete?.();
    else observer.error?.(dropped(closeCode, this.reason || reason, failure));
  }
}
