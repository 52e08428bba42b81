import { defer, from, merge, NEVER, Observable, retry, type SchedulerLike, timer } from 'rxjs';
import { asError, PrimusError } from '../../../core/errors.js';

/** A message, as the client of NATS delivers it. */
export interface NatsMessage {
  /** The bytes. */
  readonly data: Uint8Array;
  /** The headers, where there are any. `get` returns the first value of one, or an empty string. */
  readonly headers?: { get(name: string): string } | undefined;
}

/** A subscription of the client of NATS. */
export interface NatsSubscription {
  /** Unsubscribes. */
  unsubscribe(): void;
}

/** The parts of a connection of `@nats-io/transport-node` that are used. */
export interface NatsConnection {
  /** The information that the server has sent, while there is a connection: among others, its version and the length of its longest message. */
  readonly info?: { readonly max_payload: number; readonly version?: string } | undefined;
  /** Publishes a message. */
  publish(subject: string, payload: Uint8Array): void;
  /** Subscribes to a subject. */
  subscribe(subject: string, options: { callback(error: Error | null, message: NatsMessage): void }): NatsSubscription;
  /** Pings; resolves when the server has answered. */
  flush(): Promise<void>;
  /** The changes of the connection: `disconnect`, `reconnect`, `close`, `error` and others. */
  status(): AsyncIterable<{ readonly type: string; readonly error?: Error }>;
  /** Resolves when it is closed for good, to the cause if there is one. */
  // biome-ignore lint/suspicious/noConfusingVoidType: the client declares it so.
  closed(): Promise<void | Error>;
  /** Closes it for good. */
  close(): Promise<void>;
  /** Whether it is closed for good. */
  isClosed(): boolean;
}

/** The settings of a connection that a node of a cluster needs. Spread them into the options of `connect`. */
export interface NatsSettings {
  /** The name of the connection, for the monitoring of NATS. */
  name: string;
  /** Never gives up. The client would after 10 attempts. */
  maxReconnectAttempts: number;
  /** The time between two attempts, in ms. */
  reconnectTimeWait: number;
  /** Goes on when the server refuses the password: it may be about to be changed. */
  ignoreAuthErrorAbort: boolean;
  /** The time-out of an attempt, in ms. */
  timeout: number;
  /** The time between two pings, in ms. The client would take 2 minutes. */
  pingInterval: number;
  /** The number of pings without an answer after which the client connects anew. */
  maxPingOut: number;
  /** Takes no stack trace for each request, which only an error would show. */
  noAsyncTraces: boolean;
}

/** Connects to NATS. It is called again when the connection was closed for good. */
export type NatsConnect = (settings: NatsSettings) => Promise<NatsConnection>;

const SETTINGS = {
  maxReconnectAttempts: -1,
  reconnectTimeWait: 500,
  ignoreAuthErrorAbort: true,
  timeout: 5000,
  pingInterval: 5000,
  maxPingOut: 1,
  noAsyncTraces: true,
};

/** The wait before the next attempt to connect, in ms. */
const RETRY = 1000;

/** How long the function that connects may take, in ms. The client itself gives up before. */
const CONNECT_LIMIT = 15_000;

/** The oldest version that republishes the entries of a stream. */
const [MAJOR, MINOR] = [2, 9];

/** Whether a value has the methods of a connection. */
export function isConnection(value: unknown): value is NatsConnection {
  const methods = ['publish', 'subscribe', 'flush', 'status', 'closed', 'close', 'isClosed'] as const;
  return typeof value === 'object' && value !== null && methods.every((name) => typeof (value as NatsConnection)[name] === 'function');
}

/** The options of `connections`. */
interface ConnectionsOptions {
  readonly node: string;
  readonly scheduler: SchedulerLike;
  report(error: Error): void;
}

/** Emits each connection when it is open, and connects again when it is closed for good. A connection of the caller is emitted once, and stays open. */
export function connections(source: NatsConnection | NatsConnect, options: ConnectionsOptions): Observable<NatsConnection> {
  const { node, scheduler, report } = options;
  if (typeof source !== 'function') {
    const old = tooOld(source);
    if (old === undefined) return merge([source], closing(source, report));
    report(old);
    return NEVER;
  }
  return dial(source, { ...SETTINGS, name: `primus-rx ${node}` }, scheduler).pipe(
    retry({
      delay(error) {
        report(refused(error));
        return timer(RETRY, scheduler);
      },
    }),
  );
}

/** Reports when a connection of the caller is closed; emits nothing. */
function closing(connection: NatsConnection, report: (error: Error) => void): Observable<never> {
  return new Observable<never>((subscriber) => {
    void connection.closed().then((cause) => subscriber.closed || report(closedForGood(cause)));
  });
}

/**
 * Connects when it is subscribed to. Errors when the connection cannot be opened, or was closed; unsubscribing closes it. A function that never
 * answers is called again: a connection that it returns after that is closed.
 */
function dial(connect: NatsConnect, settings: NatsSettings, scheduler: SchedulerLike): Observable<NatsConnection> {
  return new Observable((subscriber) => {
    let connection: NatsConnection | undefined;
    const late = () => subscriber.error(new Error(`The function did not return a connection within ${CONNECT_LIMIT} ms`));
    const deadline = scheduler.schedule(late, CONNECT_LIMIT);
    const open = async () => {
      const opened = await connect(settings);
      deadline.unsubscribe();
      if (!isConnection(opened)) throw new Error('The function did not return a connection of @nats-io/transport-node');
      if (subscriber.closed) return opened.close();
      connection = opened;
      const old = tooOld(opened);
      if (old !== undefined) throw old;
      subscriber.next(opened);
      throw (await opened.closed()) ?? new Error('The connection was closed');
    };
    open().catch((error) => subscriber.error(error));
    return () => {
      deadline.unsubscribe();
      void connection?.close().catch(() => {});
    };
  });
}

/** Returns the error of a server that is too old. */
function tooOld({ info }: NatsConnection): PrimusError | undefined {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(info?.version ?? '') ?? [];
  if (major === undefined || Number(major) > MAJOR || (Number(major) === MAJOR && Number(minor) >= MINOR)) return undefined;
  return new PrimusError('ERR_PRIMUS_BACKPLANE', `NATS must be of version ${MAJOR}.${MINOR} or newer, got ${info?.version}`);
}

/** Creates the error of a server that cannot be reached, or that refuses the connection. */
export function refused(thrown: unknown): PrimusError {
  if (thrown instanceof PrimusError) return thrown;
  const cause = asError(thrown);
  return new PrimusError('ERR_PRIMUS_BACKPLANE', `There is no connection to NATS: ${cause.message}. The backplane tries again`, { cause });
}

function closedForGood(cause: unknown): PrimusError {
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new PrimusError(
    'ERR_PRIMUS_BACKPLANE',
    `The connection that nats() was called with is closed for good${why}. Connect with maxReconnectAttempts: -1, or pass a function that ` +
      'connects: nats((settings) => connect({ ...settings, servers }))',
    { cause },
  );
}

/** Emits the type and error of each change of a connection. Unsubscribing ends the iterator that the connection keeps. */
export function statuses(connection: NatsConnection): Observable<{ readonly type: string; readonly error?: Error }> {
  return defer(() => {
    const iterator = connection.status() as ReturnType<NatsConnection['status']> & { stop?(): void };
    return new Observable<{ readonly type: string; readonly error?: Error }>((subscriber) => {
      subscriber.add(from(iterator).subscribe(subscriber));
      return () => iterator.stop?.();
    });
  });
}
