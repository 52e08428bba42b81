import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { dropped, type LinkError } from '../../../src/core/errors.js';
import type { Frame } from '../../../src/core/link.js';
import type { Host } from '../../../src/server/http/host.js';
import { destroyLate } from '../../shared/destroy-late.js';
import { Blocks } from '../../shared/server/blocks.js';
import { FayeInput, type FayeInputLink } from '../../shared/server/faye-input.js';
import { flushAtEndOfTick } from '../../shared/server/flush.js';
import { HttpLink } from '../../shared/server/http-link.js';
import { nodeBytes } from '../../shared/server/node-bytes.js';
import { Repetitions } from '../../shared/server/repetitions.js';
import { watchEnd } from '../../shared/server/watch-end.js';
import { decodeString, encodeString, exceeds } from '../../shared/string-frames.js';
import { Batches } from './batches.js';
import { OPEN, type Receiver, type SockJSConnection, type SockJSSession, type WebSocket } from './framework.js';
import { decodeParts, messagesOf, parseLazily, WHOLE } from './messages.js';

const BROKEN = 'Broken framing.';
const INTERRUPTED = 'Connection interrupted';

/** A SockJS connection as a link. The frames of one tick leave in one frame of the framework: a poll carries one. */
export class SockJSLink extends HttpLink implements FayeInputLink {
  incomplete = 0;
  readonly socket: SockJSConnection;
  readonly #session: SockJSSession;
  readonly #raw: Duplex | undefined;
  readonly #input: FayeInput | undefined;
  /** The answers to polls that have not left yet. */
  readonly #answers = new Set<ServerResponse>();
  #repetitions: Repetitions | undefined;
  /** The lists of messages that take more than one turn. */
  #batches: Batches | undefined;
  /** The strings of this tick, and their length. */
  #gathered: string[] | undefined;
  #gatheredLength = 0;
  #code: number | undefined;
  #reason: string | undefined;
  /** The framework's queue, and how much of it was counted. */
  #queue: string[] | undefined;
  #counted = 0;
  #queued = 0;

  constructor(socket: SockJSConnection, raw: Duplex | undefined, { maxLength, scheduler }: Host) {
    super(scheduler, maxLength);
    this.socket = socket;
    this.#session = socket._session;
    this.#raw = raw;
    const { recv, ws } = this.#session;
    const websocket = recv?.ws ?? ws;
    socket.on('data', (data: unknown) => this.#decoded(data));
    socket.on('close', () =>
      this.whenDelivered(() => this.closed(this.closing || this.#code === 1000 ? undefined : dropped(this.#code, this.#reason))),
    );
    // The framework's own fails when one message of a frame ends the connection, and others follow.
    if (recv?.ws) recv.didMessage = (payload) => this.#frame(payload, recv);
    if (!websocket || raw === undefined) return;
    this.#input = new FayeInput(websocket, raw, scheduler, this);
    if (ws) this.#input.maxLength = maxLength;
    // The framework listens as well, and does not pass the code on.
    websocket.prependListener('close', ({ code, reason }: { code: number; reason: string }) => {
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
    let unsent = this.#gatheredLength + this.#queued;
    if (this.#raw !== undefined) return unsent + this.#raw.writableLength + (this.#input?.compressing ?? 0);
    for (const answer of this.#answers) unsent += unsentOf(answer);
    return unsent;
  }

  /** Whether long strings arrive as bytes: with SockJS's framing, they are lists of messages. */
  get takesBlocks(): boolean {
    return !this.#session.ws;
  }

  /** Whether a poll waits for messages at the moment. */
  get isPolled(): boolean {
    return Boolean(this.#session.recv);
  }

  /** Whether a browser has sent this request again by itself: then messages are lost, or would arrive twice, and the connection ends. */
  isRepeated(verb: string, request: IncomingMessage): boolean {
    this.#repetitions ??= new Repetitions(this.socket.url);
    if (!this.#repetitions.isRepeated(verb, request)) return false;
    this.destroy();
    return true;
  }

  /** Notes the answer to a poll. If it cannot be sent, messages are lost, and the connection ends. */
  answerBy(response: ServerResponse): void {
    const hasLeft = watchEnd(response);
    this.#answers.add(response);
    response.once('close', () => {
      this.#answers.delete(response);
      // The framework itself notices the end of an answer that it has not ended yet.
      if (!response.writableEnded || hasLeft() || this.closing) return;
      // SockJS has a code of broken rules for it, but the client has broken none.
      this.fail(1002, INTERRUPTED, Object.assign(new Error(INTERRUPTED), { code: 'ECONNRESET' }));
    });
  }

  /** Delivers the messages in a list, which may come in parts, and calls back behind the last one, with the error of a list that is not one. */
  deliver(list: Iterable<string>, done: (error?: unknown) => void): void {
    if (this.#input !== undefined) this.#input.busy = true;
    this.#batches ??= new Batches(this.#receiver());
    this.#batches.add(parseLazily(list), (error) => {
      if (this.#input !== undefined) this.#input.busy = this.#batches?.busy === true;
      done(error);
    });
  }

  /** Calls back once everything that has arrived is delivered. */
  whenDelivered(done: () => void): void {
    if (this.#batches?.busy) this.#batches.add([], done);
    else done();
  }

  /** Reads the bytes that came along with the handshake of a WebSocket. */
  read(head: Buffer): void {
    if (this.#raw?.destroyed === false) this.#input?.read(head);
  }

  send(frame: Frame): void {
    if (this.closing || this.socket.readyState !== OPEN) return;
    if (this.#session.ws) {
      this.#sendPlain(frame, this.#session.ws);
      return;
    }
    const string = encodeString(frame, nodeBytes);
    this.#gatheredLength += string.length;
    if (this.#gathered !== undefined) {
      this.#gathered.push(string);
      return;
    }
    this.#gathered = [string];
    flushAtEndOfTick(this);
  }

  exceeded(code: number, reason: string): void {
    this.fail(code, reason);
  }

  flush(): void {
    const strings = this.#gathered;
    this.#gathered = undefined;
    this.#gatheredLength = 0;
    if (strings === undefined || this.socket.readyState !== OPEN) return;
    const last = strings.pop() as string;
    // The framework sends its whole queue with the next message that is written.
    for (const string of strings) this.#session.send_buffer?.push(string);
    this.socket.write(last);
  }

  override pause(): void {
    super.pause();
    this.#input?.pause();
  }

  override resume(): void {
    this.#input?.resume();
    super.resume();
    this.#batches?.run();
  }

  destroy(): void {
    this.closing = true;
    const receiver = this.#raw ?? this.#session.recv?.response;
    if (receiver) receiver.destroy();
    // Without a poll at the moment, the next one gets the end.
    else this.socket.close(3000, 'Terminated');
    for (const answer of this.#answers) if (unsentOf(answer) > 0) answer.destroy();
    this.#batches?.run();
  }

  protected override emitEnd(error?: LinkError): void {
    super.emitEnd(error);
    this.#batches?.run();
  }

  protected override doClose(code = 1000, reason = 'Normal closure'): void {
    this.flush();
    const isPlain = Boolean(this.#session.ws);
    // Without SockJS's framing, the code is that of a close frame.
    if (isPlain) this.#input?.close(code, reason);
    this.socket.close(isPlain ? 1000 : code, reason);
    if (this.#raw !== undefined && !this.#raw.destroyed) destroyLate(this.#raw, this.scheduler);
  }

  reportIncomplete(bytes: number): void {
    this.observer.incomplete?.(bytes);
  }

  #receiver() {
    const link = this;
    return {
      get isPaused() {
        return link.gate.shut;
      },
      get isOver() {
        return link.ended || link.closing;
      },
      deliver: (message: unknown) => link.#decoded(message),
    };
  }

  /** Delivers the messages of a frame. */
  #frame(payload: string | Buffer | Blocks, receiver: Receiver): void {
    if (payload.length === 0) return;
    const broken = () => {
      this.emitEnd(dropped(3000, BROKEN, new Error(BROKEN)));
      receiver.didClose(3000, BROKEN);
      if (this.#raw !== undefined) destroyLate(this.#raw, this.scheduler);
    };
    if (payload instanceof Blocks || payload.length > WHOLE || this.#batches?.busy) {
      this.deliver(payload instanceof Blocks ? decodeParts(payload.drain()) : [String(payload)], (error) => error && broken());
      return;
    }
    let messages: Iterable<unknown>;
    try {
      messages = messagesOf(String(payload));
    } catch {
      broken();
      return;
    }
    for (const message of messages) this.#decoded(message);
  }

  /** Sends a frame without SockJS's framing, as a message of a WebSocket. */
  #sendPlain(frame: Frame, websocket: WebSocket): void {
    if (typeof frame === 'string') this.socket.write(frame);
    else websocket.send(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength));
  }

  #decoded(data: unknown): void {
    if (this.ended || this.closing) return;
    if (this.#session.ws && (typeof data === 'string' || Buffer.isBuffer(data))) {
      this.observer.next?.(data);
      return;
    }
    if (typeof data !== 'string') {
      this.fail(1003, 'Only strings are accepted');
      return;
    }
    const frame = decodeString(data, nodeBytes);
    this.received(frame, exceeds(frame, this.maxLength, nodeBytes));
  }
}

/** Returns the number of bytes of a response that the system has not taken; one of HTTP/2 is not a stream itself. */
function unsentOf(response: ServerResponse & { stream?: Duplex }): number {
  return (response.stream ?? response).writableLength;
}
