import { catchError, defer, EMPTY, mergeMap, Observable, type Subscriber } from 'rxjs';
import { mapInOrder } from '../../operators/map-in-order.js';
import { asError, PrimusError } from './errors.js';
import { type Eventual, isPromise } from './eventual.js';
import { fromNodeCallback } from './from-node-callback.js';
import type { Frame } from './link.js';
import { type MessageTransformer, type MessageTransformers, type Packet, runTransformers } from './message-transformers.js';
import { encoded, type Parser, toFrame } from './parser.js';
import { type Control, isControl, parseControl, printControl, reservedError } from './protocol.js';

/** How long the end of a connection waits for message transformers and parsers, which may never answer, in ms. */
export const PATIENCE = 30_000;

/** What the messages of one end pass through. */
export interface Stack {
  readonly parser: Parser;
  readonly transformers: Pick<MessageTransformers, 'incoming' | 'outgoing'>;
}

/** A step that is done, or one that is done when the stream completes. Steps report their own errors. */
type Step = Observable<unknown> | undefined;

/** Steps in their order; see `operators/through`. */
type Lane = Subscriber<() => Step>;

/**
 * The one way in and the one way out; spark and client are both one.
 *
 * ```
 * frame -> decode -> control message? -> incoming message transformers -> deliver
 * send  -> outgoing message transformers -> forward -> encode -> transmit
 * ```
 *
 * While every step answers at once this is plain method calls. From the first step that does not, a direction keeps its
 * order in a lane: an ordered queue made for the connections that need one only.
 */
export abstract class Pipeline {
  private readonly stack: Stack;
  /** The spark or client: `this` of the message transformers. */
  private readonly connection: unknown;
  /** Messages that arrived and have to wait. */
  protected inbound: Lane | undefined;
  private outbound: Lane | undefined;
  private encoding: Lane | undefined;

  protected constructor(stack: Stack, connection: unknown) {
    this.stack = stack;
    this.connection = connection;
  }

  /** A message for the user. Must not throw. */
  protected abstract deliver(data: unknown, raw: Frame): void;
  /** A control message for us. */
  protected abstract handleControl(control: Control): void;
  /** A transformed message on its way out: calls `write` in the end. */
  protected abstract forward(data: unknown): boolean;
  /** A frame for the line. */
  protected abstract transmit(frame: Frame): void;
  /** A message was lost: says so. Must not throw. */
  abstract fail(error: Error): void;
  /** More messages are waiting for asynchronous steps than is healthy; or no longer. */
  protected abstract pressure(high: boolean): void;

  /** One frame from the line. */
  receive(frame: Frame): void {
    if (this.inbound !== undefined) this.inbound.next(() => this.read(frame));
    else this.enter('inbound', this.read(frame));
  }

  /** One message from the user. False when it was refused at once. */
  send(data: unknown): boolean {
    if (this.outbound !== undefined) {
      this.outbound.next(() => this.route(data));
      return true;
    }
    const { outgoing } = this.stack.transformers;
    if (outgoing.length === 0) return this.forward(data);
    let accepted = true;
    const step = this.transformed(outgoing, { data }, (packet) => {
      accepted = this.forward(packet.data);
    });
    this.enter('outbound', step);
    return accepted;
  }

  /** Encodes one message and transmits it. False when it was refused at once. */
  write(data: unknown): boolean {
    if (isControl(data)) {
      this.fail(reservedError(data));
      return false;
    }
    return this.post(data);
  }

  /** Transmits, behind what was written before it, a message that is being encoded for this connection among others. */
  relay(data: unknown, frame: Promise<Frame>): void {
    after(this.outbound, () => this.post(data, frame));
  }

  /** Sends a control message, behind what was written before it. */
  control(control: Exclude<Control, { type: 'unknown' }>): void {
    this.post(printControl(control));
  }

  /** Whether a message would be encoded and transmitted as it is, in this instant. */
  protected get isDirect(): boolean {
    return this.outbound === undefined && this.encoding === undefined && this.stack.transformers.outgoing.length === 0;
  }

  /** Calls back once everything sent so far has been transmitted. */
  flush(done: () => void): void {
    after(this.outbound, () => after(this.encoding, done));
  }

  /** Calls back once everything received so far has been delivered. */
  drain(done: () => void): void {
    after(this.inbound, done);
  }

  /** Nothing more is taken in; what is under way may finish. */
  protected abandon(): void {
    this.inbound?.complete();
    this.outbound?.complete();
    this.encoding?.complete();
  }

  private read(frame: Frame): Step {
    const { parser } = this.stack;
    if (parser.decode === undefined) {
      return this.step(
        () => fromNodeCallback<unknown>((done) => parser.decoder(frame, done)),
        decodeError,
        (data) => this.decoded(data, frame),
      );
    }
    let data: unknown;
    try {
      data = parser.decode(frame);
    } catch (error) {
      this.fail(decodeError(error));
      return undefined;
    }
    return this.decoded(data, frame);
  }

  private decoded(data: unknown, frame: Frame): Step {
    const { incoming } = this.stack.transformers;
    if (isControl(data)) this.handleControl(parseControl(data));
    else if (incoming.length > 0) return this.transformed(incoming, { data, raw: frame }, (packet) => this.deliver(packet.data, frame));
    else this.deliver(data, frame);
    return undefined;
  }

  private route(data: unknown): Step {
    return this.transformed(this.stack.transformers.outgoing, { data }, (packet) => this.forward(packet.data));
  }

  private transformed(list: readonly MessageTransformer[], packet: Packet, next: (packet: Packet) => void): Step {
    return this.step(
      () => runTransformers(list, this.connection, packet),
      asError,
      (passes) => {
        if (passes) next(packet);
        return undefined;
      },
    );
  }

  private post(data: unknown, coming?: Promise<Frame>): boolean {
    const { parser } = this.stack;
    if (this.encoding !== undefined) {
      this.encoding.next(() => this.encode(data, coming));
    } else if (parser.encode === undefined) {
      this.enter('encoding', this.encode(data, coming));
    } else {
      let frame: Frame;
      try {
        frame = toFrame(parser.encode(data));
      } catch (error) {
        this.fail(encodeError(error, data));
        return false;
      }
      this.transmit(frame);
    }
    return true;
  }

  private encode(data: unknown, coming?: Promise<Frame>): Step {
    return this.step(
      () => coming ?? encoded(this.stack.parser, data),
      (cause) => encodeError(cause, data),
      (frame) => {
        this.transmit(frame);
        return undefined;
      },
    );
  }

  /** Takes one step and goes on with its answer, now or when it comes. An error is reported, and the message dropped. */
  private step<T>(take: () => Eventual<T>, error: (cause: unknown) => Error, next: (answer: T) => Step): Step {
    const lose = (cause: unknown): void => this.fail(error(cause));
    let answer: Eventual<T>;
    try {
      answer = take();
    } catch (cause) {
      lose(cause);
      return undefined;
    }
    if (!isPromise(answer)) return next(answer);
    return defer(() => answer).pipe(
      catchError((cause) => {
        lose(cause);
        return EMPTY;
      }),
      mergeMap((late) => next(late) ?? EMPTY),
    );
  }

  /** From the first step that has to be waited for, a direction has a lane. */
  private enter(direction: 'inbound' | 'outbound' | 'encoding', first: Step): void {
    if (first === undefined) return;
    if (this[direction] === undefined) {
      const options = direction === 'inbound' ? { pressure: (high: boolean) => this.pressure(high) } : {};
      new Observable<() => Step>((lane) => {
        this[direction] = lane;
      })
        .pipe(mapInOrder((step) => step() ?? null, options))
        .subscribe();
    }
    this[direction]?.next(() => first);
  }
}

function after(lane: Lane | undefined, done: () => void): void {
  if (lane === undefined) {
    done();
    return;
  }
  lane.next(() => {
    done();
    return undefined;
  });
}

/** An end has waited for long enough. */
export function stuckError(): PrimusError {
  return new PrimusError('ERR_PRIMUS_CLOSED', 'A message transformer has to call its next()');
}

function decodeError(cause: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_DECODE', `A message cannot be decoded and was dropped: ${asError(cause).message}`, { cause });
}

function encodeError(cause: unknown, data: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_ENCODE', `A message cannot be encoded and was dropped: ${asError(cause).message}`, { cause, data });
}
