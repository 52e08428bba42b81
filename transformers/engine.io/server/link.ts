import type { IncomingMessage } from 'node:http';
import type { Server, Socket, Transport } from 'engine.io';
import { WebSocket } from 'ws';
import { dropped } from '../../../src/core/errors.js';
import type { Frame } from '../../../src/core/link.js';
import type { Host, RequestExchange } from '../../../src/server/http/host.js';
import { destroyLate } from '../../shared/destroy-late.js';
import { GuardedLink } from '../../shared/guarded-link.js';
import { CLOSE_TIMEOUT, endOfWebSocket } from '../../shared/link-base.js';
import type { ReceivingLink } from '../../shared/server/incomplete.js';
import { nodeBytes } from '../../shared/server/node-bytes.js';
import { Repetitions } from '../../shared/server/repetitions.js';
import { exceeds } from '../../shared/string-frames.js';
import { ServerWebSocket } from '../../shared/ws/socket.js';
import { readInSlices } from './payload.js';
import { readBodies } from './post.js';
import { Turns } from './turns.js';

/** A transport of the engine; one of a WebSocket has its socket, which the types leave out. */
type Carrier = Transport & { socket?: WebSocket };

/** The server of a socket; it is missing from the types. */
interface WithServer {
  readonly server: Server;
}

/** The part of a transport by polling that is used; it is missing from the types. */
interface Polling {
  /** The time for which a transport that is closed waits for a poll, in ms. */
  closeTimeout: number;
}

/** The time in which the answer to a request that is rejected reaches the client, in ms. */
const ANSWER_TIME = 100;

/** The part of a host that these links use. */
type EngineHost = Pick<Host, 'maxLength' | 'scheduler' | 'memory'>;

/** The time in which a client must read the last answer of a session, in ms. */
const LAST_ANSWER = 30_000;

/** A socket of the engine as a link. */
export class EngineLink extends GuardedLink implements ReceivingLink {
  incomplete = 0;
  readonly engine: Socket;
  private waiting = 0;
  private paused = false;
  /** Whether the engine has sent a ping that was not answered for the peer. */
  private pinged = false;
  private polls: Turns | undefined;
  private posts: Turns | undefined;
  private repetitions: Repetitions | undefined;
  /** Hands the data that waits for the end of a pause to the engine. */
  private proceed: (() => void) | undefined;
  private failure: Error | undefined;
  private readonly host: EngineHost;
  private closeCode: number | undefined;
  private reason: string | undefined;

  constructor(engine: Socket, host: EngineHost) {
    super(host.scheduler, host.maxLength);
    this.host = host;
    this.engine = engine;
    this.setTransportSocket(engine.transport);
    engine.on('upgrading', () => this.release());
    engine.on('upgrade', (transport: Carrier) => this.setTransportSocket(transport));
    engine.on('flush', () => {
      this.waiting = 0;
    });
    engine.on('packetCreate', ({ type }: { type: string }) => {
      if (type !== 'ping') return;
      this.pinged = true;
      if (this.paused) process.nextTick(() => this.answerPing());
    });
    engine.on('close', (reason: string, cause?: Error) => this.engineClosed(reason, cause));
    if (engine.transport.name === 'polling') this.readPosts();
    this.listen();
  }

  get socket(): unknown {
    return this.engine;
  }

  get bufferedAmount(): number {
    const { websocket } = this;
    const gathered = websocket instanceof ServerWebSocket ? websocket.gathered : 0;
    return this.waiting + (this.polls?.current?.writableLength ?? 0) + (websocket?.bufferedAmount ?? 0) + gathered;
  }

  send(frame: Frame): void {
    if (this.ended || this.closing) return;
    this.waiting += frame.length;
    this.transmit(frame);
  }

  /** Over HTTP the next request with data waits; a WebSocket is not read at all. */
  pause(): void {
    this.paused = true;
    this.websocket?.pause();
    this.answerPing();
  }

  resume(): void {
    this.paused = false;
    this.websocket?.resume();
    this.release();
  }

  destroy(): void {
    this.terminate('destroyed');
  }

  private terminate(reason: string): void {
    if (this.ended) return;
    const end = () => this.engine.transport.emit('error', new Error(reason));
    const isUpgrading = this.isUpgrading;
    this.websocket?.terminate();
    this.polls?.current?.destroy();
    if (!isUpgrading) return void end();
    this.closed(dropped(undefined, 'transport error'));
    this.engine.once('upgrade', end);
    this.setDeadline(end);
  }

  /**
   * Whether the client may be about to change over to a WebSocket, with no request under way whose failure would report the loss. Its engine
   * ignores that the WebSocket ends before the change, and then neither polls nor reports anything.
   */
  private get isUpgrading(): boolean {
    if (this.closing || !this.engine.upgrading) return false;
    return this.posts?.current === undefined && this.polls?.current?.writableEnded !== false;
  }

  reportIncomplete(bytes: number): void {
    this.observer.incomplete?.(bytes);
  }

  // The endpoint calls these.

  /** Whether a WebSocket may take over from the polls. The engine closes one that comes after another has. */
  get takesUpgrade(): boolean {
    const { upgrading, upgraded } = this.engine;
    return upgraded || !(upgrading || this.websocket !== undefined);
  }

  /** Whether a browser has sent this request again by itself: then messages are lost, or would arrive twice, and the connection ends. */
  isRepeated(request: IncomingMessage): boolean {
    this.repetitions ??= new Repetitions(this.engine.request?.url);
    if (!this.repetitions.isRepeated(`${request.method}`, request)) return false;
    this.destroy();
    return true;
  }

  /** A poll has arrived; calls `proceed` when the engine may have it. Returns `false` for a second one beside the first. */
  polled({ response }: RequestExchange, proceed: () => void): boolean {
    // The engine takes the messages of an answer for sent, and would go on without them.
    const aborted = () => this.terminate('poll connection closed prematurely');
    this.polls ??= new Turns();
    return this.polls.take(response, proceed, aborted);
  }

  /** Data has arrived; calls `proceed` when the engine may read it. Returns `false` for a second request beside the first. */
  posted({ request, response }: RequestExchange, proceed: () => void): boolean {
    const begin = () => {
      if (this.reads) return proceed();
      this.proceed = () => (request.destroyed ? this.destroy() : proceed());
    };
    this.posts ??= new Turns();
    return this.posts.take(response, begin, () => {});
  }

  // Frameworks on top of the engine override these.

  /** Calls `arrived` for every frame. */
  protected listen(): void {
    this.engine.on('message', (data: Frame | undefined) => this.arrived(data ?? ''));
  }

  protected transmit(frame: Frame): void {
    this.engine.send(frame as string);
  }

  protected arrived(frame: Frame): void {
    this.received(frame, exceeds(frame, this.maxLength, nodeBytes));
  }

  protected override doClose(): void {
    this.setDeadline(() => this.destroy());
    // The engine aborts a request with data that is under way, and the client would take that for a failure.
    const current = this.posts?.current;
    if (current === undefined) this.engine.close();
    else current.once('close', () => this.engine.close());
  }

  protected override doFail(code: number, reason: string): void {
    const fail = () => this.engine.transport.emit('error', new Error(reason));
    this.websocket?.close(code, reason);
    // A poll has its answer, the status of the request: it must arrive before the other request of the connection ends.
    if (this.websocket === undefined) this.scheduler.schedule(fail, ANSWER_TIME);
    else fail();
  }

  private get websocket(): WebSocket | undefined {
    const { socket } = this.engine.transport as Carrier;
    return socket instanceof WebSocket ? socket : undefined;
  }

  /** The engine keeps neither close codes nor errors: they are noted before it sees them. */
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
    if (socket instanceof ServerWebSocket) socket._receiver.link = this;
    // A new one is not read before it has a link.
    if (this.paused) socket.pause();
    else socket.resume();
  }

  /** Whether data is read now. An upgrade cannot wait for the end of a pause. */
  private get reads(): boolean {
    return !this.paused || this.engine.upgrading;
  }

  private readPosts(): void {
    const link = this;
    // The engine would keep an ended session for 30 s.
    (this.engine.transport as unknown as Polling).closeTimeout = CLOSE_TIMEOUT;
    readBodies(this.engine.transport, this.host, {
      limit: (this.engine as unknown as WithServer).server.opts.maxHttpBufferSize as number,
      terminate: () => this.destroy(),
    });
    if (this.engine.protocol !== 4) return;
    readInSlices(this.engine.transport, {
      get reads() {
        return link.reads && !this.closed;
      },
      get closed() {
        return link.engine.readyState !== 'open';
      },
      get response() {
        return link.posts?.current;
      },
      wait(proceed) {
        link.proceed = proceed;
      },
    });
  }

  /** Answers the engine's heartbeat for the peer: while paused, we do not read the peer's own answer. */
  private answerPing(): void {
    // Each answer puts the engine's next ping off: a link that pauses again and again would send none, and its client count it as dead.
    if (!this.pinged) return;
    this.pinged = false;
    if (!this.ended) this.engine.transport.emit('packet', { type: 'pong' });
  }

  private release(): void {
    const { proceed } = this;
    this.proceed = undefined;
    proceed?.();
  }

  private engineClosed(reason: string, cause: Error | undefined): void {
    const { closeCode } = this;
    // A lost connection is everyday; a breach of the protocol is an error.
    const failure = this.failure ?? (cause && !/prematurely|destroyed/.test(cause.message) ? cause : undefined);
    const why = this.reason || reason;
    const isClean = !failure && cause === undefined && /^(transport|forced) close$/.test(reason);
    this.closed(isClean ? endOfWebSocket(closeCode ?? 1000, why) : dropped(closeCode, why, failure));
    this.release();
    const answer = this.polls?.current;
    if (answer !== undefined) destroyLate(answer, this.scheduler, LAST_ANSWER);
  }
}
