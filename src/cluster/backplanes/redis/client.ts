import { asError, describe, PrimusError } from '../../../core/errors.js';

/** A client that `createClient` or `createCluster` of the package `redis` returns, as far as the backplane needs it. */
export interface RedisClient {
  duplicate(): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** A reply of Redis. */
export type Reply = Buffer | string | number | null | object | readonly Reply[];
type Listener = (message: Buffer, channel: Buffer) => void;

/** A client of one server. */
export interface NodeClient extends RedisClient {
  readonly options?: { readonly socket?: object };
  duplicate(overrides?: object): NodeClient;
  sendCommand(args: readonly (string | Buffer)[], options?: object): Promise<Reply>;
  subscribe(channels: readonly string[], listener: Listener, bufferMode: true): Promise<void>;
  unsubscribe(channels: readonly string[], listener: Listener, bufferMode: true): Promise<void>;
  sSubscribe(channels: readonly string[], listener: Listener, bufferMode: true): Promise<void>;
  sUnsubscribe(channels: readonly string[], listener: Listener, bufferMode: true): Promise<void>;
}

/** A server of a Redis Cluster. */
export interface ClusterNode {
  readonly address: string;
}

/** A client of a Redis Cluster. */
export interface ClusterClient extends RedisClient {
  /** By number; without entries for slots that have no server. */
  readonly slots: readonly ({ readonly master: ClusterNode } | undefined)[];
  duplicate(overrides?: object): ClusterClient;
  nodeClient(node: ClusterNode): Promise<NodeClient>;
}

/** Type mapping of the package `redis`: gives strings as Buffers. 36 is the `$` of RESP. */
export const BUFFERS = { typeMapping: { 36: Buffer } };

/**
 * Checks what was passed to `redis()`.
 *
 * @throws ERR_PRIMUS_BACKPLANE for what is no client of the package `redis`
 */
export function asClient(value: unknown): NodeClient | ClusterClient {
  const client = Object(value) as Partial<NodeClient & ClusterClient>;
  const isCluster = typeof client.nodeClient === 'function';
  const methods = ['duplicate', 'connect', 'destroy', 'on', ...(isCluster ? [] : ['sendCommand', 'subscribe', 'unsubscribe'])] as const;
  // The client of a Sentinel has the same methods, with other parameters.
  const isSentinel = 'getSentinelNode' in client;
  if (!isSentinel && methods.every((name) => typeof client[name as keyof typeof client] === 'function')) return client as NodeClient;
  const what = isSentinel ? 'a client of a Sentinel' : describe(value);
  throw new PrimusError(
    'ERR_PRIMUS_BACKPLANE',
    `redis() must get a client of createClient() or createCluster() of the package 'redis', got ${what}`,
  );
}

/** Whether a client is that of a Redis Cluster. */
export function isCluster(client: NodeClient | ClusterClient): client is ClusterClient {
  return 'nodeClient' in client;
}

/**
 * Duplicates a client of one server. A connection of it is used once: when it is lost, everything that waits is rejected, and a new duplicate is made.
 * So nothing waits in its queue without bounds.
 */
export function duplicate(client: NodeClient): NodeClient {
  return client.duplicate({
    disableOfflineQueue: true,
    // One time-out per command would cost a timer each. The session watches its connections.
    commandOptions: { timeout: undefined },
    commandsQueueMaxLength: undefined,
    clientSideCache: undefined,
    pingInterval: undefined,
    readonly: false,
    socket: { ...client.options?.socket, reconnectStrategy: false },
  });
}

/** Explains an error of Redis or of the connection to it. */
export function explain(thrown: unknown): PrimusError {
  if (thrown instanceof PrimusError) return thrown;
  const cause = asError(thrown);
  return new PrimusError('ERR_PRIMUS_BACKPLANE', `${adviceFor(cause.message)}: ${cause.message || cause.name}`, { cause });
}

function adviceFor(message: string): string {
  if (/^(?:WRONGPASS|NOAUTH|ERR (?:AUTH|invalid password|Client sent AUTH))/.test(message)) {
    return 'Redis refuses the connection. Check the username and password of the client that redis() gets';
  }
  if (/^NOPERM/.test(message)) {
    return 'The user of Redis needs more permissions: see "Permissions" in the documentation of the Redis backplane';
  }
  if (/unknown command.*HELLO/i.test(message))
    return 'Redis is too old for RESP 3. Upgrade it to 6 or newer, or create the client with RESP: 2';
  if (/unknown command.*S(?:SUBSCRIBE|PUBLISH)/i.test(message)) return 'A Redis Cluster must be of version 7 or newer';
  if (/^(?:MOVED|ASK|READONLY|CLUSTERDOWN|MASTERDOWN)/.test(message)) return 'The servers of Redis have changed. Connecting again';
  if (/^LOADING/.test(message)) return 'Redis is starting. Connecting again';
  if (/^OOM/.test(message)) return 'Redis has no memory left. Raise its maxmemory, or keep less history';
  return 'Redis cannot be used';
}

/** Whether an error means that this connection leads to the wrong server, or to one that cannot answer, so that another one may help. */
export function isMisdirected(error: unknown): boolean {
  return /^(?:MOVED|ASK|READONLY|LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|NOAUTH)/.test(asError(error).message);
}
