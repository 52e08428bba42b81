import { filter, firstValueFrom, from, type Observable, Subject, type Subscription, timeout } from 'rxjs';
import { exponential } from '../../../../operators/exponential.js';
import { reconnect } from '../../../../operators/reconnect.js';
import { PrimusError } from '../../../core/errors.js';
import { StateSubject } from '../../../core/streams/state-subject.js';
import type { Bus, BusContext, BusState, Delivery, Keep, Log, LogRead, Position } from '../../bus.js';
import { type ClusterClient, explain, type NodeClient } from './client.js';
import { decode, encode } from './messages.js';
import { channelOf } from './names.js';
import { connect, type RedisSession, type SessionHost } from './session.js';

/** How long connecting, and listening while Redis is away, may take, in ms. */
const DEADLINE = 5000;
/** The longest delay between two attempts to connect, in ms. */
const LONGEST_DELAY = 2000;
/** How long closing waits for the answers of Redis, in ms. */
const DRAIN = 1000;
/** The bytes of a message that are not its data: the header, and the framing of the command. */
const HEADER = 1024;
/** The memory that a command takes besides its data until it is answered, in bytes, as measured. Of small messages it is the most. */
const COMMAND = 1536;

/** The connection of one node to Redis. */
export class RedisBus implements Bus, Log, SessionHost {
  readonly message$: Observable<Delivery>;
  readonly #prefix: string;
  readonly #context: BusContext;
  readonly #messages = new Subject<Delivery>();
  readonly #state = new StateSubject<BusState>('down');
  /** The topics that the node listens to, by channel. */
  readonly #topics = new Map<string, string>();
  readonly #connection: Subscription;
  #session: RedisSession | undefined;
  #buffered = 0;
  /** The last error that was reported: a server that is away fails every attempt with the same one. */
  #reported = '';
  #closing: Promise<void> | undefined;

  constructor(client: NodeClient | ClusterClient, prefix: string, context: BusContext) {
    this.#prefix = prefix;
    this.#context = context;
    this.message$ = this.#messages.asObservable();
    const policy = exponential({ min: 50, max: LONGEST_DELAY, retries: Number.POSITIVE_INFINITY });
    const late = () => new Error(`Redis has not answered within ${DEADLINE} ms`);
    const sessions = connect(client, this, (session) => {
      this.#session = session;
    });
    this.#connection = sessions.pipe(reconnect({ policy, scheduler: context.scheduler, limit: DEADLINE, late })).subscribe((event) => {
      // The first value of a session says that it is connected, the second that it is ready.
      if (event.type === 'value') {
        this.#reported = '';
        this.#state.next('up');
      } else if (event.type === 'lost') {
        this.#report(event.error);
        if (this.#state.value === 'up') this.#state.next('down');
      }
    });
  }

  get state$(): Observable<BusState> {
    return this.#state.value$;
  }

  get log(): Log {
    return this;
  }

  get scheduler() {
    return this.#context.scheduler;
  }

  get bufferedAmount(): number {
    return this.#closing ? 0 : this.#buffered;
  }

  async listen(topics: readonly string[]): Promise<void> {
    this.#assertOpen();
    const channels = topics.map((topic) => this.#channelOf(topic));
    for (const [index, channel] of channels.entries()) this.#topics.set(channel, topics[index] as string);
    const session = this.#session;
    try {
      if (session?.isReady) await session.subscribe(channels);
      else await this.#within(DEADLINE, firstValueFrom(this.state$.pipe(filter((state) => state === 'up'))));
    } catch (error) {
      throw this.#failed(session, error);
    }
  }

  unlisten(topics: readonly string[]): void {
    const channels = topics.map((topic) => this.#channelOf(topic)).filter((channel) => this.#topics.delete(channel));
    if (!this.#closing) this.#session?.unsubscribe(channels);
  }

  publish(topic: string, data: Uint8Array): void {
    const session = this.#session;
    if (this.#closing || !session?.isReady) {
      this.#context.lost(topic, 1, this.#closing ? 'closed' : 'disconnected');
      return;
    }
    try {
      this.#assertLength(session, data);
    } catch (error) {
      this.#context.report(error as Error);
      this.#context.lost(topic, 1, 'too large');
      return;
    }
    const length = COMMAND + data.length;
    this.#buffered += length;
    session.publish(this.#channelOf(topic), encode(data), (error) => {
      this.#buffered -= length;
      if (error) this.#context.lost(topic, 1, this.#reasonOf(this.#failed(session, error)));
    });
  }

  async append(topic: string, data: Uint8Array, keep: Keep): Promise<Position> {
    const session = this.#ready();
    this.#assertLength(session, data);
    const length = COMMAND + data.length;
    this.#buffered += length;
    try {
      return await session.append(this.#channelOf(topic), Buffer.from(data), keep);
    } catch (error) {
      throw this.#failed(session, error);
    } finally {
      this.#buffered -= length;
    }
  }

  async read(topic: string, since: Position | 'head', limit: number): Promise<LogRead> {
    const session = this.#ready();
    try {
      return await session.read(topic, this.#channelOf(topic), since, limit);
    } catch (error) {
      throw this.#failed(session, error);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  channels(): Iterable<string> {
    return this.#topics.keys();
  }

  receive(channel: string, message: Buffer): void {
    const topic = this.#topics.get(channel);
    if (topic === undefined || this.#closing) return;
    const delivery = decode(topic, message);
    if (delivery) this.#messages.next(delivery);
    else this.#context.lost(topic, 1, 'malformed');
  }

  async #close(): Promise<void> {
    const session = this.#session;
    if (session?.isReady) await this.#within(DRAIN, session.drain()).catch(() => {});
    this.#connection.unsubscribe();
    this.#topics.clear();
    this.#messages.complete();
    this.#state.complete();
  }

  /** Explains why a command has failed. The session ends when the error says that it is connected to the wrong server. */
  #failed(session: RedisSession | undefined, error: unknown): PrimusError {
    if (this.#closing) return closed();
    session?.judge(error);
    const explained = explain(error);
    if (/^(?:NOPERM|OOM)/.test((explained.cause as Error | undefined)?.message ?? '')) this.#report(explained);
    return explained;
  }

  /** Returns why a message was lost: Redis has answered with an error, which begins with its code, or not at all. */
  #reasonOf({ cause }: PrimusError): string {
    if (this.#closing) return 'closed';
    return /^[A-Z]{2,} /.test((cause as Error | undefined)?.message ?? '') ? 'refused' : 'disconnected';
  }

  #report(error: unknown): void {
    const explained = explain(error);
    if (this.#closing || explained.message === this.#reported) return;
    this.#reported = explained.message;
    this.#context.report(explained);
  }

  #ready(): RedisSession {
    this.#assertOpen();
    if (this.#session?.isReady) return this.#session;
    throw new PrimusError('ERR_PRIMUS_BACKPLANE', 'Redis is not connected');
  }

  #assertOpen(): void {
    if (this.#closing) throw closed();
  }

  #assertLength({ longest }: RedisSession, { length }: Uint8Array): void {
    if (length + HEADER <= longest) return;
    const advice = 'Send less, or raise proto-max-bulk-len and client-output-buffer-limit of Redis';
    throw new PrimusError('ERR_PRIMUS_TOO_LARGE', `A message of ${length} bytes is longer than Redis takes (${longest} bytes). ${advice}`);
  }

  #within<T>(ms: number, promise: Promise<T>): Promise<T> {
    const expired = () => {
      throw new Error(`Redis has not answered within ${ms} ms`);
    };
    return firstValueFrom(from(promise).pipe(timeout({ first: ms, scheduler: this.#context.scheduler, with: expired })));
  }

  #channelOf(topic: string): string {
    return channelOf(this.#prefix, topic);
  }
}

function closed(): PrimusError {
  return new PrimusError('ERR_PRIMUS_DESTROYED', 'The connection to Redis was closed');
}
