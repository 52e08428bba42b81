import { Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import { Channel, type ChannelHandler, END_TIMEOUT, type Stack } from '../src/core/channel.js';
import { PrimusError } from '../src/core/errors.js';
import { EventQueue } from '../src/core/event-queue.js';
import type { Frame, Link } from '../src/core/link.js';
import type { Control } from '../src/core/protocol.js';
import { Emitter } from './emitter.js';
import { Outbox, type OutboxOptions } from './outbox.js';

/** What a connection needs of its client. */
export interface ConnectionClient extends Stack {
  readonly options: OutboxOptions;
  /** Messages that wait for a connection. */
  readonly buffer: unknown[];
  readonly state: { readonly name: string };
  emit(event: string, ...args: unknown[]): unknown;
  /** Every message on its way out passes here: plug-ins replace it. */
  _write(data: never): boolean;
}

/** A client's way in and out. What is not a message of the user is an event or a control message here. */
export class ClientConnection implements ChannelHandler {
  readonly subject: ConnectionClient;
  readonly channel: Channel;
  readonly outbox: Outbox;
  readonly events = new EventQueue();
  link: Link | undefined;
  /** Emits, to one subscriber, what proves that the server lives: each frame, and each message that got through though it had to wait. */
  readonly activity$ = new Observable<void>((activity) => {
    this.#activity = activity;
    return () => {
      this.#activity = undefined;
    };
  });
  #activity: Subscriber<void> | undefined;
  #isPaused = false;
  readonly #closedByServer: () => void;

  constructor(client: ConnectionClient, closedByServer: () => void) {
    this.subject = client;
    this.channel = new Channel(client, this);
    this.outbox = new Outbox(client, this);
    this.#closedByServer = closedByServer;
  }

  /** What could not be read from an earlier link may still be in the way. */
  attach(link: Link): void {
    this.link = link;
    if (this.#isPaused) link.pause?.();
  }

  /** What is written from now on is kept. */
  detach(): void {
    this.outbox.close();
    this.link = undefined;
  }

  /** Sends what was kept, unless the link is gone again. */
  release(link: Link): void {
    if (this.link === link) this.outbox.open();
  }

  /** Detaches the link, which is dead, and errors with its `error` once the messages that it received have been delivered. */
  drain(error: unknown, scheduler: SchedulerLike): Observable<never> {
    this.detach();
    return new Observable((subscriber) => {
      const done = () => subscriber.error(error);
      subscriber.add(scheduler.schedule(done, END_TIMEOUT));
      this.channel.drain(done);
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

  deliver(data: unknown, raw: Frame): void {
    const { events, subject } = this;
    // Slow steps of ours do not prove that the server is gone.
    if (this.channel.isReceiving) this.#activity?.next();
    // It was under way when the client was closed: nothing follows the end.
    if (subject.state.name === 'closed') return;
    if (events.begin()) {
      subject.emit('data', data, raw);
      events.end();
    } else events.add(() => subject.emit('data', data, raw));
  }

  handleControl(control: Control): void {
    const { subject } = this;
    switch (control.type) {
      case 'ping': {
        // It waited behind messages that took their time, and no answer is expected any more; or a listener closes.
        const sent = Number(control.value);
        if (this.link) subject.emit('incoming::ping', sent);
        if (this.link) subject.emit('outgoing::pong', sent);
        if (this.link) this.channel.control({ type: 'pong', value: control.value });
        break;
      }
      case 'id':
        subject.emit('incoming::id', control.value);
        break;
      case 'close':
        this.#closedByServer();
        break;
      default:
    }
  }

  forward(data: unknown): boolean {
    return this.subject._write(data as never);
  }

  transmit(frame: Frame): void {
    if (this.link === undefined) {
      this.fail(new PrimusError('ERR_PRIMUS_CLOSED', 'The connection was lost while a message was being encoded', { data: frame }));
      return;
    }
    // Emitted afterwards: a listener that ends the connection does not take the message back.
    this.link.send(frame);
    this.#emitInternal('outgoing::data', frame);
  }

  pressure(high: boolean): void {
    this.#isPaused = high;
    if (high) this.link?.pause?.();
    else this.link?.resume?.();
  }

  /** Past the client's own `emit`: what comes to that under such a name was injected. */
  #emitInternal(event: string, frame: Frame): void {
    Emitter.prototype.emit.call(this.subject, event, frame);
  }
}
