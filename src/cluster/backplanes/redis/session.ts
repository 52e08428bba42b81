import { randomBytes } from 'node:crypto';
import { interval, Observable, type SchedulerLike, type Subscription } from 'rxjs';
import { PrimusError } from '../../../core/errors.js';
import type { Keep, LogRead, Position } from '../../bus.js';
import {
  BUFFERS,
  type ClusterClient,
  type ClusterNode,
  duplicate,
  explain,
  isCluster,
  isMisdirected,
  type NodeClient,
  type Reply,
} from './client.js';
import { Connection, SILENT_CHECKS } from './connection.js';
import { decodeEntry, parsePosition } from './messages.js';
import { entriesKey, slotOf, stateKey } from './names.js';
import { APPEND, READ, type Script } from './scripts.js';

/** How often the connections are checked, in ms. */
const CHECK = 1500;
/** The most channels in one command. */
const CHUNK = 1000;
/** The settings that limit a message. */
const LIMITS = ['proto-max-bulk-len', 'client-output-buffer-limit'];
/** The largest message that Redis passes to its subscribers, when it does not say: its default output buffer, less a header. */
const LONGEST = 32 * 2 ** 20;

/** The bus of a session, as far as the session needs it. */
export interface SessionHost {
  readonly scheduler: SchedulerLike;
  /** The channels that must be subscribed. */
  channels(): Iterable<string>;
  receive(channel: string, message: Buffer): void;
}

/** The two connections to one server: one that has subscribed takes no other commands with RESP 2. */
interface Shard {
  readonly publisher: Connection;
  readonly subscriber: Connection;
  /** Names the process of the server. */
  run: string;
  /** The number of appends so far. */
  appends: number;
}

/**
 * The connections to Redis: to one server, or to every master of a Redis Cluster. When one of them is lost, or leads to the wrong server,
 * all are closed, and `connect` makes others.
 */
export class RedisSession {
  /** Whether all channels are subscribed. */
  isReady = false;
  /** The most bytes that a message may have. */
  longest = Number.POSITIVE_INFINITY;
  readonly #host: SessionHost;
  readonly #isCluster: boolean;
  readonly #fail: (error: unknown) => void;
  readonly #clients = new Set<{ destroy(): unknown }>();
  readonly #subscribed = new Set<string>();
  readonly #name = randomBytes(9).toString('base64url');
  #shards: Shard[] = [];
  /** The shard of each slot, in a Redis Cluster. */
  #slots: Shard[] = [];
  /** The servers of all slots, as a string. */
  #layout: string | undefined;
  #watch: Subscription | undefined;
  #epochs = 0;
  #isDestroyed = false;

  constructor(host: SessionHost, isCluster: boolean, fail: (error: unknown) => void) {
    this.#host = host;
    this.#isCluster = isCluster;
    this.#fail = fail;
  }

  /** Connects. */
  async open(client: NodeClient | ClusterClient): Promise<void> {
    if (isCluster(client)) await this.#openCluster(client);
    else this.#shards = [await this.#openShard(client)];
    if (this.#isDestroyed) throw new Error('The session was closed');
    this.#watch = interval(CHECK, this.#host.scheduler).subscribe(() => this.#check());
  }

  /** Subscribes to all channels of the host. */
  async restore(): Promise<void> {
    // Channels may be added meanwhile.
    for (let missing = this.#missing(); missing.length > 0; missing = this.#missing()) await this.subscribe(missing);
    this.isReady = true;
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#subscribed.add(channel);
    const method = this.#isCluster ? 'sSubscribe' : 'subscribe';
    await Promise.all(this.#groups(channels).map(([{ client, heard }, group]) => client[method](group, this.#receive, true).then(heard)));
  }

  unsubscribe(channels: readonly string[]): void {
    const method = this.#isCluster ? 'sUnsubscribe' : 'unsubscribe';
    if (this.#isDestroyed) return;
    const known = channels.filter((channel) => this.#subscribed.delete(channel));
    for (const [{ client }, group] of this.#groups(known)) client[method](group, this.#receive, true).catch(() => {});
  }

  /** Publishes a message. A callback is cheaper than a promise, of which the client makes one for each command already. */
  publish(channel: string, message: Buffer, settled: (error?: unknown) => void): void {
    const { publisher } = this.#shardOf(channel);
    publisher.client.sendCommand([this.#isCluster ? 'SPUBLISH' : 'PUBLISH', channel, message]).then(() => {
      publisher.heard();
      settled();
    }, settled);
  }

  async append(channel: string, data: Buffer, { size, ttl }: Keep): Promise<Position> {
    const command = this.#isCluster ? 'SPUBLISH' : 'PUBLISH';
    const reply = await this.#run(APPEND, channel, [`${Math.floor(size)}`, `${Math.ceil(ttl)}`, command, channel, data]);
    return positionOf(reply);
  }

  async read(topic: string, channel: string, since: Position | 'head', limit: number): Promise<LogRead> {
    const { epoch, offset } = since === 'head' ? { epoch: '', offset: -1 } : since;
    const reply = await this.#run(READ, channel, [epoch, `${offset}`, `${limit}`]);
    const [at, whole, raw] = reply as unknown as [Buffer, number, Buffer[]];
    const head = positionOf(at);
    const entries = raw.flatMap((entry) => decodeEntry(topic, head.epoch, entry) ?? []);
    return { entries, head, whole: whole === 1 && entries.length === raw.length };
  }

  /** Resolves when everything that was published has been answered. */
  async drain(): Promise<void> {
    await Promise.all(this.#shards.map(({ publisher }) => publisher.client.sendCommand(['PING'])));
  }

  destroy(): void {
    this.isReady = false;
    this.#isDestroyed = true;
    this.#watch?.unsubscribe();
    for (const client of this.#clients) {
      try {
        client.destroy();
      } catch {
        // It has lost its connection already.
      }
    }
    this.#clients.clear();
  }

  /** Ends the session when an error of a command says that its connection leads nowhere. */
  judge(error: unknown): void {
    if (isMisdirected(error)) this.#fail(error);
  }

  /** Asks a cluster for its masters, and connects to each. */
  async #openCluster(client: ClusterClient): Promise<void> {
    const directory = this.#keep(client.duplicate({ minimizeConnections: true }));
    let cause: unknown;
    directory.on('error', (error) => {
      cause = error;
    });
    await directory.connect().catch((error) => {
      throw cause ?? error;
    });
    const masters = Array.from(directory.slots, (slot) => slot?.master);
    if (masters.length === 0 || masters.includes(undefined)) throw new Error('CLUSTERDOWN Some slots have no server');
    const nodes = new Map((masters as ClusterNode[]).map((node) => [node.address, node]));
    const open = async (node: ClusterNode) => [node.address, await this.#openShard(await directory.nodeClient(node))] as const;
    const shards = new Map(await Promise.all([...nodes.values()].map(open)));
    this.#shards = [...shards.values()];
    this.#slots = masters.map((master) => shards.get(master?.address as string) as Shard);
    this.#clients.delete(directory);
    directory.destroy();
    // Before anything is subscribed: what moves from now on is noticed, and what has moved meanwhile refuses the subscription.
    await this.#checkSlots();
  }

  async #openShard(client: NodeClient): Promise<Shard> {
    const [publisher, subscriber] = await Promise.all([this.#dial(client), this.#dial(client)]);
    const run = await this.#inspect(publisher.client);
    await Promise.all([APPEND, READ].map(({ source }) => publisher.client.sendCommand(['SCRIPT', 'LOAD', source])));
    return { publisher, subscriber, run, appends: 0 };
  }

  async #dial(client: NodeClient): Promise<Connection> {
    const own = this.#keep(duplicate(client));
    own.on('error', (error) => this.#fail(error));
    // A slot was moved to another server.
    own.on('sharded-channel-moved', () => this.#fail(new Error('MOVED Some slots have moved to another server')));
    await own.connect();
    return new Connection(own);
  }

  /** Has a client destroyed with the session. */
  #keep<Client extends NodeClient | ClusterClient>(client: Client): Client {
    if (this.#isDestroyed) throw new Error('The session was closed');
    this.#clients.add(client);
    return client;
  }

  /** Checks the version of the server, finds its limits, and returns the name of its process. */
  async #inspect(client: NodeClient): Promise<string> {
    const info = String(await client.sendCommand(['INFO', 'server']));
    const version = /^redis_version:(\d+)\.(\S+)/m.exec(info);
    const least = this.#isCluster ? 7 : 5;
    if (version && Number(version[1]) < least) {
      const what = this.#isCluster ? 'A Redis Cluster' : 'Redis';
      throw new PrimusError('ERR_PRIMUS_BACKPLANE', `${what} must be of version ${least} or newer, got ${version[1]}.${version[2]}`);
    }
    // Not every user may read the configuration: then the defaults are supposed.
    const [bulk, buffers] = await Promise.all(LIMITS.map((name) => client.sendCommand(['CONFIG', 'GET', name]).catch(() => '')));
    const hard = Number(/pubsub (\d+) /.exec(JSON.stringify(buffers ?? ''))?.[1] ?? LONGEST) || Number.POSITIVE_INFINITY;
    this.longest = Math.min(this.longest, Number(/\d+/.exec(JSON.stringify(bulk ?? ''))?.[0] ?? LONGEST), hard);
    return /^run_id:(\w+)/m.exec(info)?.[1] ?? '';
  }

  #missing(): string[] {
    return [...this.#host.channels()].filter((channel) => !this.#subscribed.has(channel));
  }

  #check(): void {
    for (const { publisher, subscriber } of this.#shards) {
      if (!publisher.check() || !subscriber.check()) this.#fail(new Error(`Redis has not answered for ${CHECK * SILENT_CHECKS} ms`));
    }
    if (this.#isCluster) this.#checkSlots().catch(() => {});
  }

  /** Ends the session when slots have moved. Redis ends their subscriptions then, which the client cannot always distinguish from a reply. */
  async #checkSlots(): Promise<void> {
    const [shard] = this.#shards;
    const rows = await shard?.publisher.client.sendCommand(['CLUSTER', 'SLOTS']);
    const masters = (rows as [from: number, to: number, master: Reply[]][]).map(([from, to, [, , id]]) => `${from}-${to} ${String(id)}`);
    const layout = masters.sort().join();
    this.#layout ??= layout;
    if (layout !== this.#layout) this.#fail(new Error('MOVED Some slots have moved to another server'));
  }

  readonly #receive = (message: Buffer, channel: Buffer): void => {
    this.#host.receive(channel.toString(), message);
  };

  #shardOf(channel: string): Shard {
    return (this.#isCluster ? this.#slots[slotOf(channel)] : this.#shards[0]) as Shard;
  }

  /** The channels by connection, as many as one command may have: in a Redis Cluster those of one slot. */
  #groups(channels: readonly string[]): [Connection, string[]][] {
    const slots = new Map<number, string[]>();
    for (const [index, channel] of channels.entries()) {
      const slot = this.#isCluster ? slotOf(channel) : Math.floor(index / CHUNK);
      const group = slots.get(slot);
      if (group) group.push(channel);
      else slots.set(slot, [channel]);
    }
    return [...slots.values()].map((group) => [this.#shardOf(group[0] as string).subscriber, group]);
  }

  async #run(script: Script, channel: string, args: readonly (string | Buffer)[]) {
    const shard = this.#shardOf(channel);
    const { publisher, run } = shard;
    this.#epochs += 1;
    const rest = ['2', stateKey(channel), entriesKey(channel), `${this.#name}-${this.#epochs}`, run, ...args];
    if (script === APPEND) shard.appends += 1;
    const number = shard.appends;
    try {
      return await this.#ask(publisher, ['EVALSHA', script.sha, ...rest]);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      // Those behind it may have been appended already, if another node has brought the script back.
      if (script === APPEND && number !== shard.appends) throw error;
      return this.#ask(publisher, ['EVAL', script.source, ...rest]);
    }
  }

  #ask(connection: Connection, args: readonly (string | Buffer)[]) {
    const reply = connection.client.sendCommand(args, BUFFERS);
    reply.then(connection.heard, () => {});
    return reply;
  }
}

function positionOf(reply: unknown): Position {
  const position = parsePosition(String(reply));
  if (position === undefined) throw explain(new Error(`The reply is invalid: ${String(reply).slice(0, 60)}`));
  return position;
}

/** Opens a session: emits it when it is connected and again when it is ready, and errors when it ends. Unsubscribing closes the connections. */
export function connect(
  client: NodeClient | ClusterClient,
  host: SessionHost,
  opening: (session: RedisSession) => void,
): Observable<RedisSession> {
  return new Observable((subscriber) => {
    const session = new RedisSession(host, isCluster(client), (error) => subscriber.error(error));
    opening(session);
    const run = async () => {
      await session.open(client);
      subscriber.next(session);
      await session.restore();
      subscriber.next(session);
    };
    run().catch((error) => subscriber.error(error));
    return () => session.destroy();
  });
}
