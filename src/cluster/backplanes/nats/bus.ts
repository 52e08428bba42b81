import {
  BehaviorSubject,
  distinctUntilChanged,
  filter,
  firstValueFrom,
  from,
  type Observable,
  race,
  Subject,
  Subscription,
  switchMap,
  take,
  throwError,
  throwIfEmpty,
  timeout,
} from 'rxjs';
import { asError, PrimusError } from '../../../core/errors.js';
import type { Bus, BusContext, BusState, Delivery } from '../../bus.js';
import { connections, type NatsConnect, type NatsConnection, type NatsMessage, type NatsSubscription, statuses } from './connection.js';
import { deliveryOf } from './delivery.js';
import { NatsLog } from './log.js';
import type { NatsConfiguration } from './options.js';
import { DEADLINE, noAnswer, Outgoing } from './outgoing.js';
import { checkLength } from './payload.js';
import { Subjects } from './subjects.js';

/** The most bytes that may wait for the server. Without a limit, the client would buffer for a stopped server until the memory is full. */
const LIMIT = 16_777_216;

/** A topic that the node listens to. */
interface Listening {
  readonly subject: string;
  subscription?: NatsSubscription;
  /** The error of a subscription that the server has refused. */
  refusal?: Error;
}

/** The connection of one node to NATS. */
export class NatsBus implements Bus {
  readonly state$: Observable<BusState>;
  readonly message$: Observable<Delivery>;
  readonly log: NatsLog;
  readonly #context: BusContext;
  readonly #subjects: Subjects;
  readonly #ownsConnection: boolean;
  readonly #state = new BehaviorSubject<BusState>('down');
  readonly #messages = new Subject<Delivery>();
  readonly #topics = new Map<string, Listening>();
  readonly #outgoing: Outgoing;
  /** The connection attempts, and the changes of the present connection. */
  readonly #lifetime = new Subscription();
  #connection: NatsConnection | undefined;
  #closing: Promise<void> | undefined;
  /** Runs while the server does not answer. */
  #silence: Subscription | undefined;
  /** The last error that was reported since the server has answered: each attempt has the same one. */
  #reported: string | undefined;

  constructor(source: NatsConnection | NatsConnect, { prefix, stream }: NatsConfiguration, context: BusContext) {
    this.#context = context;
    this.#subjects = new Subjects(prefix);
    this.#ownsConnection = typeof source === 'function';
    this.state$ = this.#state.pipe(distinctUntilChanged());
    this.message$ = this.#messages.asObservable();
    this.#outgoing = new Outgoing({
      scheduler: context.scheduler,
      flush: () => this.#connection?.flush() ?? Promise.reject(new Error('There is no connection')),
      onAnswer: () => this.#onAnswer(),
      onSilence: () => this.#onSilence(),
    });
    this.log = new NatsLog({
      subjects: this.#subjects,
      options: stream,
      connection: () => this.#answering(),
      settle: (answer) => this.#settle(answer),
    });
    const report = (error: Error) => this.#report(error);
    const changes$ = connections(source, { node: context.node, scheduler: context.scheduler, report }).pipe(
      switchMap((connection) => this.#changesOf(connection)),
    );
    this.#lifetime.add(changes$.subscribe(({ type, error }) => this.#onChange(type, error)));
  }

  get bufferedAmount(): number {
    return this.#outgoing.bytes;
  }

  async listen(topics: readonly string[]): Promise<void> {
    if (this.#isClosed) throw closed();
    for (const topic of topics) if (!this.#topics.has(topic)) this.#topics.set(topic, { subject: this.#subjects.message(topic) });
    for (const topic of topics) this.#subscribe(topic);
    const confirmed$ = this.#state.pipe(
      filter((state) => state === 'up'),
      take(1),
      switchMap(() => this.#outgoing.confirm()),
    );
    await this.#within(confirmed$);
    for (const topic of topics) {
      const refusal = this.#topics.get(topic)?.refusal;
      if (refusal) throw refusal;
    }
  }

  unlisten(topics: readonly string[]): void {
    for (const topic of topics) {
      this.#topics.get(topic)?.subscription?.unsubscribe();
      this.#topics.delete(topic);
    }
  }

  publish(topic: string, data: Uint8Array): void {
    const connection = this.#connection;
    if (connection === undefined || this.#state.value === 'down') return this.#lose(topic, this.#isClosed ? 'closed' : 'disconnected');
    if (this.#outgoing.bytes + data.length > LIMIT) return this.#lose(topic, 'buffer');
    const subject = this.#topics.get(topic)?.subject ?? this.#subjects.message(topic);
    try {
      checkLength(data, connection);
      // A copy: the client sends at the end of the turn.
      connection.publish(subject, new Uint8Array(data));
    } catch (thrown) {
      const error = thrown instanceof PrimusError ? thrown : noAnswer(`A message was not published: ${asError(thrown).message}`, thrown);
      this.#context.report(error);
      return this.#lose(topic, error.code === 'ERR_PRIMUS_TOO_LARGE' ? 'too large' : 'refused');
    }
    this.#outgoing.add(topic, subject.length + data.length);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  get #isClosed(): boolean {
    return this.#closing !== undefined;
  }

  async #close(): Promise<void> {
    const connection = this.#connection;
    this.unlisten([...this.#topics.keys()]);
    if (this.#state.value === 'up') await this.#within(from(this.#outgoing.confirm())).catch(() => {});
    this.#drop('closed');
    this.#lifetime.unsubscribe();
    if (this.#ownsConnection && connection) await this.#within(from(connection.closed())).catch(() => {});
    this.#connection = undefined;
    this.#state.complete();
    this.#messages.complete();
  }

  /** Uses a connection from now on. */
  #changesOf(connection: NatsConnection): Observable<{ readonly type: string; readonly error?: Error }> {
    // Not every end of the one before was heard of: a ping that it never answers would be waited for.
    this.#drop('disconnected');
    this.#connection = connection;
    for (const listening of this.#topics.values()) delete listening.subscription;
    this.#onConnect();
    return statuses(connection);
  }

  #onChange(type: string, error: Error | undefined): void {
    // A ping of before is not answered any more.
    if (type === 'reconnect' || type === 'disconnect' || type === 'close') this.#drop('disconnected');
    if (type === 'reconnect') this.#onConnect();
    else if (type === 'error' && error) this.#report(noAnswer(`NATS reports an error: ${error.message}`, error));
  }

  /** Listens to what the node listens to, and asks the server whether it answers. The client itself has renewed the subscriptions it has. */
  #onConnect(): void {
    for (const topic of this.#topics.keys()) this.#subscribe(topic);
    this.#outgoing.confirm().catch(() => {});
  }

  #onAnswer(): void {
    this.#silence?.unsubscribe();
    this.#reported = undefined;
    if (this.#state.value === 'down') this.#state.next('up');
  }

  /**
   * The server does not answer. A connection of ours that stays silent is closed, and opened again: the client notices as well, but it waits for its
   * last bytes to leave before it connects anew, which takes a quarter of an hour when the network swallows them.
   */
  #onSilence(): void {
    this.#report(noAnswer(`NATS did not answer within ${DEADLINE} ms`));
    if (this.#state.value === 'up') this.#state.next('down');
    const connection = this.#connection;
    if (!this.#ownsConnection) return;
    this.#silence = this.#context.scheduler.schedule(() => void connection?.close().catch(() => {}), DEADLINE);
  }

  /** Counts what the server has not confirmed as lost. */
  #drop(reason: string): void {
    this.log.reset();
    this.#silence?.unsubscribe();
    const lost = this.#outgoing.drop();
    if (this.#state.value === 'up') this.#state.next('down');
    for (const [topic, count] of lost) this.#context.lost(topic, count, reason);
  }

  #subscribe(topic: string): void {
    const listening = this.#topics.get(topic);
    if (listening === undefined || listening.subscription || !this.#connection) return;
    const callback = (error: Error | null, message: NatsMessage) => {
      if (error) this.#onRefusal(topic, listening, error);
      else this.#receive(topic, message);
    };
    try {
      delete listening.refusal;
      listening.subscription = this.#connection.subscribe(listening.subject, { callback });
    } catch (thrown) {
      this.#onRefusal(topic, listening, asError(thrown));
    }
  }

  /** The server does not let the node listen. It is asked again after the next connection. */
  #onRefusal(topic: string, listening: Listening, cause: Error): void {
    delete listening.subscription;
    listening.refusal = noAnswer(`NATS does not let the node listen to '${topic}': ${cause.message}`, cause);
  }

  #receive(topic: string, message: NatsMessage): void {
    let delivery: Delivery | undefined;
    try {
      delivery = deliveryOf(topic, message, this.#subjects);
    } catch {
      // The client throws at the name of a header that it does not know how to spell, and would read nothing more from the connection.
    }
    if (delivery) this.#messages.next(delivery);
    else this.#lose(topic, 'malformed');
  }

  #lose(topic: string, reason: string): void {
    this.#context.lost(topic, 1, reason);
  }

  #report(error: Error): void {
    if (error.message === this.#reported) return;
    this.#reported = error.message;
    this.#context.report(error);
  }

  /** Returns the connection. Throws while the server does not answer: the client would buffer a request, and drop it. */
  #answering(): NatsConnection {
    if (this.#connection && this.#state.value === 'up') return this.#connection;
    throw this.#isClosed ? closed() : noAnswer('There is no connection to NATS');
  }

  /** Rejects when the server does not answer in time, or the connection drops. */
  #settle<T>(answer: Promise<T>): Promise<T> {
    const dropped$ = this.#state.pipe(
      filter((state) => state === 'down'),
      switchMap(() => throwError(() => noAnswer('The connection to NATS dropped before it had answered'))),
    );
    return this.#within(race(answer, dropped$));
  }

  #within<T>(answer$: Observable<T>): Promise<T> {
    const { scheduler } = this.#context;
    const late = () => throwError(() => noAnswer(`NATS did not answer within ${DEADLINE} ms`));
    return firstValueFrom(answer$.pipe(timeout({ first: DEADLINE, scheduler, with: late }), throwIfEmpty(closed)));
  }
}

function closed(): PrimusError {
  return new PrimusError('ERR_PRIMUS_DESTROYED', 'The connection to the backplane was closed');
}
