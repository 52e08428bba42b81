import { asError, PrimusError } from './errors.js';
import { type Eventual, isPromise } from './eventual.js';
import { fromNodeCallback } from './from-node-callback.js';
import { Lane } from './lane.js';
import type { Frame } from './link.js';
import { type MessageTransformer, type MessageTransformers, type Packet, runTransformers } from './message-transformers.js';
import { encoded, type Parser, toFrame } from './parser.js';
import { type Control, isControl, parseControl, printControl, reservedError } from './protocol.js';

/** How long the end of a connection waits for message transformers and parsers, which may never answer, in ms. */
export const END_TIMEOUT = 30_000;

/** The parser and the message transformers that the messages of one end pass through. */
export interface Stack {
  readonly parser: Parser;
  readonly transformers: Pick<MessageTransformers, 'incoming' | 'outgoing'>;
}

/** The session of a channel: counts its messages, and sends them again over another link. None of its methods may throw. */
export interface ChannelSession {
  /**
   * Counts a message that was received, before the message transformers get it; `data` is missing when it could not be decoded. Returns true
   * for a control message about the session: it has handled that.
   */
  read(frame: Frame, data?: unknown): boolean;
  /** Counts and keeps a message that is sent. Returns true when there is no link to send it on now; false for control messages. */
  keeps(frame: Frame, data: unknown): boolean;
}

/** The connection of a channel, as far as the channel uses it. None of its methods may throw. */
export interface ChannelHandler {
  /** The spark or client: `this` of the message transformers. */
  readonly subject: unknown;
  /** The session that counts the messages, if there is one. */
  readonly session?: ChannelSession | undefined;
  /** Takes a message for the user. */
  deliver(data: unknown, raw: Frame): void;
  /** Takes a control message. */
  handleControl(control: Control): void;
  /** Takes a transformed message on its way out, and calls `write` in the end. Returns false when it was rejected. */
  forward(data: unknown): boolean;
  /** Hands the frame of a message, or of a control message, to the link; unless the session of the channel keeps it for another one. */
  transmit(frame: Frame, data: unknown): void;
  /** Reports a message that was lost. */
  fail(error: Error): void;
  /** Called with `true` when too many messages wait for asynchronous steps, with `false` when none waits any more. */
  pressure(high: boolean): void;
}

/**
 * The path of all messages of a connection, in and out, the same on both ends. It knows neither spark nor client.
 *
 * ```
 * receive: frame -> decode -> control message? -> incoming message transformers -> deliver
 * send:    data  -> outgoing message transformers -> forward
 * write:   data  -> encode -> transmit
 * ```
 *
 * While every step answers at once this is plain method calls. From the first step that does not, a direction keeps its
 * order in a lane: a queue that only connections with such a step have.
 */
export class Channel {
  protected readonly stack: Stack;
  readonly #handler: ChannelHandler;
  /** One object for all: most connections never have any. */
  declare protected lanes?: { inbound?: Lane; outbound?: Lane; encoding?: Lane } | undefined;

  constructor(stack: Stack, handler: ChannelHandler) {
    this.stack = stack;
    this.#handler = handler;
  }

  /** Whether messages that arrive wait for earlier ones. */
  get isReceiving(): boolean {
    return this.lanes?.inbound !== undefined;
  }

  /** Takes one frame from the link. */
  receive(frame: Frame): void {
    const lane = this.lanes?.inbound;
    if (lane !== undefined) lane.add(() => this.#read(frame));
    else this.#enter('inbound', this.#read(frame));
  }

  /** Takes one message from the user. Returns false when it was rejected at once. */
  send(data: unknown): boolean {
    const lane = this.lanes?.outbound;
    if (lane !== undefined) {
      lane.add(() => this.#route(data));
      return true;
    }
    if (this.stack.transformers.outgoing.length === 0) return this.#handler.forward(data);
    const accepted = this.#route(data);
    this.#enter('outbound', accepted);
    return accepted !== false;
  }

  /** Encodes one message and transmits it. Returns false when it was rejected at once. */
  write(data: unknown): boolean {
    if (isControl(data)) {
      this.#handler.fail(reservedError(data));
      return false;
    }
    return this.post(data);
  }

  /** Sends a control message, behind what was written before it. */
  control(control: Exclude<Control, { type: 'unknown' }>): void {
    this.post(printControl(control));
  }

  /** Calls back once everything sent so far has been transformed and forwarded. */
  settle(done: () => void): void {
    after(this.lanes?.outbound, done);
  }

  /** Calls back once everything sent so far has been transmitted. */
  flush(done: () => void): void {
    this.settle(() => after(this.lanes?.encoding, done));
  }

  /** Calls back once everything received so far has been delivered. */
  drain(done: () => void): void {
    after(this.lanes?.inbound, done);
  }

  /** Drops what was received and is not delivered yet: nothing follows an end, and the next connection begins with its own messages. */
  discard(): void {
    this.lanes?.inbound?.stop();
    delete this.lanes?.inbound;
  }

  #read(frame: Frame): Eventual<unknown> {
    const { parser } = this.stack;
    if (parser.decode === undefined) {
      return this.#step(
        () => fromNodeCallback<unknown>((done) => parser.decoder.call(this.#handler.subject, frame, done)),
        (cause) => this.#undecodable(cause, frame),
        (data) => this.#decoded(data, frame),
      );
    }
    let data: unknown;
    try {
      data = parser.decode(frame);
    } catch (error) {
      this.#handler.fail(this.#undecodable(error, frame));
      return undefined;
    }
    return this.#decoded(data, frame);
  }

  /** Counts what the peer has sent as a message all the same. */
  #undecodable(cause: unknown, frame: Frame): PrimusError {
    this.#handler.session?.read(frame);
    return decodeError(cause);
  }

  #decoded(data: unknown, frame: Frame): Eventual<unknown> {
    const { incoming } = this.stack.transformers;
    if (this.#handler.session?.read(frame, data)) return undefined;
    if (isControl(data)) this.#handler.handleControl(parseControl(data));
    else if (incoming.length === 0) this.#handler.deliver(data, frame);
    else return this.#transformed(incoming, { data, raw: frame }, (packet) => this.#handler.deliver(packet.data, frame));
    return undefined;
  }

  #route(data: unknown): Eventual<unknown> {
    return this.#transformed(this.stack.transformers.outgoing, { data }, (packet) => this.#handler.forward(packet.data));
  }

  /** Runs message transformers, and goes on with `next` unless one of them drops the message. */
  #transformed(list: readonly MessageTransformer[], packet: Packet, next: (packet: Packet) => unknown): Eventual<unknown> {
    return this.#step(
      () => runTransformers(list, this.#handler.subject, packet),
      asError,
      (passes) => (passes ? next(packet) : undefined),
    );
  }

  protected post(data: unknown, coming?: Promise<Frame>): boolean {
    const { parser } = this.stack;
    const lane = this.lanes?.encoding;
    if (lane !== undefined) {
      lane.add(() => this.#encode(data, coming));
    } else if (parser.encode === undefined) {
      this.#enter('encoding', this.#encode(data, coming));
    } else {
      let frame: Frame;
      try {
        frame = toFrame(parser.encode(data));
      } catch (error) {
        this.#handler.fail(encodeError(error, data));
        return false;
      }
      this.#handler.transmit(frame, data);
    }
    return true;
  }

  #encode(data: unknown, coming?: Promise<Frame>): Eventual<unknown> {
    return this.#step(
      () => coming ?? encoded(this.stack.parser, this.#handler.subject, data),
      (cause) => encodeError(cause, data),
      (frame) => this.#handler.transmit(frame, data),
    );
  }

  /**
   * Takes one step and goes on with its answer, now or when it comes: then a promise of the step that follows, which its lane runs. An error is
   * reported, and the message dropped.
   */
  #step<T>(take: () => Eventual<T>, error: (cause: unknown) => Error, next: (answer: T) => Eventual<unknown>): Eventual<unknown> {
    const lose = (cause: unknown): void => this.#handler.fail(error(cause));
    let answer: Eventual<T>;
    try {
      answer = take();
    } catch (cause) {
      lose(cause);
      return undefined;
    }
    if (!isPromise(answer)) return next(answer);
    return answer.then(
      (late) => () => next(late),
      (cause) => () => lose(cause),
    );
  }

  /** From the first step that has to be waited for, a direction has a lane. */
  #enter(direction: 'inbound' | 'outbound' | 'encoding', first: Eventual<unknown>): void {
    if (!isPromise(first)) return;
    this.lanes ??= {};
    this.lanes[direction] ??= new Lane(direction === 'inbound' ? (high) => this.#handler.pressure(high) : undefined);
    this.lanes[direction].add(() => first);
  }
}

/** Runs `done` behind the steps of a lane, at once when there is none. */
export function after(lane: Lane | undefined, done: () => void): void {
  if (lane === undefined) done();
  else lane.add(done);
}

/** An end waited for `END_TIMEOUT`. */
export function endTimeoutError(): PrimusError {
  return new PrimusError('ERR_PRIMUS_CLOSED', 'Timed out closing: a message transformer or parser never answered');
}

function decodeError(cause: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_DECODE', `A message could not be decoded and was dropped: ${asError(cause).message}`, { cause });
}

function encodeError(cause: unknown, data: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_ENCODE', `A message could not be encoded and was dropped: ${asError(cause).message}`, { cause, data });
}
