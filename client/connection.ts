import { Observable, type SchedulerLike, type Subscriber, Subscription } from 'rxjs';
import { Channel, type ChannelHandler, END_TIMEOUT, type Stack } from '../src/core/channel.js';
import { dropped, type ErrorCode, PrimusError } from '../src/core/errors.js';
import { EventQueue } from '../src/core/event-queue.js';
import type { Frame, Link } from '../src/core/link.js';
import type { Control } from '../src/core/protocol.js';
import { Emitter } from './emitter.js';
import { Outbox, type OutboxOptions } from './outbox.js';
import type { ClientSession } from './resume.js';

/** The client of a connection, as far as the connection uses it. */
export interface ConnectionClient extends Stack {
  readonly options: OutboxOptions;
  /** The messages that are buffered until there is a connection. */
  readonly buffer: unknown[];
  readonly state: { readonly name: string };
  emit(event: string, ...args: unknown[]): unknown;
  /** Writes a message. Each one passes here on its way out, and plug-ins replace this method. */
  _write(data: never): boolean;
}

/** Connects a client to its link: passes messages on through a channel, and emits events for control messages and errors. */
export class ClientConnection implements ChannelHandler {
  readonly subject: ConnectionClient;
  readonly channel: Channel;
  readonly outbox: Outbox;
  readonly events = new EventQueue();
  link: Link | undefined;
  /** The session, if the option `resume` is on. */
  declare session?: ClientSession | undefined;
  /** Emits, to one subscriber, at each frame and at each message that was delivered late; errors when the server asks for another connection. */
  readonly activity$ = new Observable<void>((activity) => {
    this.#activity = activity;
  });
  #activity: Subscriber<void> | undefined;
  #isPaused = false;
  readonly #closedByServer: () => void;

  constructor(client: ConnectionClient, scheduler: SchedulerLike, closedByServer: () => void) {
    this.subject = client;
    this.channel = new Channel(client, this);
    this.outbox = new Outbox(client, this, scheduler);
    this.#closedByServer = closedByServer;
  }

  /**
   * Attaches a link, and pauses it while messages of an earlier link are still waiting. Messages written from now on are sent; one that was
   * written before and is still being transformed is buffered.
   */
  attach(link: Link): void {
    this.link = link;
    this.channel.settle(() => this.link === link && this.outbox.greet());
    if (this.#isPaused) link.pause?.();
  }

  /** Detaches the link. Messages written from now on are buffered. */
  detach(): void {
    this.outbox.close();
    this.link = undefined;
  }

  /** Sends the buffered messages, unless the link was lost again. */
  release(link: Link): void {
    if (this.link === link) this.outbox.open();
  }

  /**
   * Emits a link, once there is a session if the client has any, and reads it until it is lost: its end, clean or not, is an error here, as
   * only `end` is an end. So is an error of one of `faults`. What was received comes first, a `primus::server::close` above all. Frames do not
   * pass through operators: they are many.
   */
  read(link: Link, faults: readonly Observable<unknown>[], scheduler: SchedulerLike): Observable<Link> {
    return new Observable((reader) => {
      // Whatever follows: the first thing that a client does with its link may be to end.
      const reading = new Subscription(() => link.close());
      reader.add(reading);
      const lose = (lost: unknown) => {
        // Closing a link may end it in the same turn.
        if (reading.closed) return;
        reading.unsubscribe();
        this.detach();
        const done = () => reader.error(lost);
        reader.add(scheduler.schedule(done, END_TIMEOUT));
        this.channel.drain(done);
      };
      for (const fault$ of faults) reading.add(fault$.subscribe({ error: lose }));
      const open = () => reader.next(link);
      if (!this.session?.begin(link, open)) open();
      if (reading.closed) return;
      reading.add(
        link.subscribe({
          next: (frame) => {
            if (!reading.closed) this.receive(frame);
          },
          error: lose,
          complete: () => lose(dropped()),
        }),
      );
    });
  }

  receive(frame: Frame): void {
    this.#activity?.next();
    this.#emitInternal('incoming::data', frame);
    this.channel.receive(frame);
  }

  fail(error: Error): void {
    this.events.add(() => this.subject.emit('error', error));
  }

  lose(data: unknown, code: ErrorCode = 'ERR_PRIMUS_CLOSED', why = 'no connection'): false {
    this.fail(new PrimusError(code, `A message was dropped: ${why}`, { data }));
    return false;
  }

  deliver(data: unknown, raw: Frame): void {
    const { events, subject } = this;
    // Slow message transformers do not mean that the server is gone.
    if (this.channel.isReceiving) this.#activity?.next();
    if (events.begin()) {
      try {
        subject.emit('data', data, raw);
      } finally {
        events.end();
      }
    } else events.add(() => subject.emit('data', data, raw));
  }

  handleControl(control: Control): void {
    const { subject } = this;
    switch (control.type) {
      case 'ping': {
        // The ping may have waited behind slow messages, or a listener may close: then no answer is due.
        const { value } = control;
        if (this.link) subject.emit('incoming::ping', Number(value));
        if (this.link) subject.emit('outgoing::pong', Number(value));
        if (this.link) this.channel.control({ type: 'pong', value });
        break;
      }
      case 'id':
        subject.emit('incoming::id', control.value);
        break;
      case 'server':
        this.#closedByServer();
        break;
      case 'server::retry':
        this.#activity?.error(Object.assign(dropped(), { retryAfter: Number(control.value) }));
        break;
      default:
    }
  }

  forward(data: unknown): boolean {
    return this.subject._write(data as never);
  }

  transmit(frame: Frame, data: unknown): void {
    if (this.session?.keeps(frame, data)) return;
    if (this.link === undefined) {
      this.lose(frame);
      return;
    }
    // Emitted after the frame was sent, so that a listener that ends the connection does not prevent it.
    this.link.send(frame);
    this.#emitInternal('outgoing::data', frame);
  }

  pressure(high: boolean): void {
    this.#isPaused = high;
    if (high) this.link?.pause?.();
    else this.link?.resume?.();
  }

  /** Emits an internal event without the client's own `emit`, which takes an event of that name as injected data. */
  #emitInternal(event: string, frame: Frame): void {
    Emitter.prototype.emit.call(this.subject, event, frame);
  }
}
