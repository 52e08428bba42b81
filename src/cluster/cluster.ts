import { nanoid } from 'nanoid';
import { interval, type Observable, type ObservableInput, Subscription } from 'rxjs';
import { describe, PrimusError } from '../core/errors.js';
import { invalid } from '../core/options.js';
import type { Server } from '../server/primus.js';
import type { Spark } from '../server/spark.js';
import { type Addressees, parseAddressees } from './addressees.js';
import { memory } from './backplanes/memory.js';
import type { Backplane, Delivery, Position } from './bus.js';
import type { ChannelOptions } from './channel-options.js';
import { Channels } from './channels.js';
import { ClusterBus, type ClusterState, type Loss } from './cluster-bus.js';
import { Handovers } from './handover/handover.js';
import { Memberships } from './memberships.js';
import { Messages } from './messages.js';
import { ALL, channelOf, checkName, roomOf, topicOfNode, topicOfRoom } from './names.js';
import { LEASE_BEATS, Nodes } from './nodes.js';
import { type ClusterOptions, clusterOptions } from './options.js';
import type { Packet } from './packets.js';
import { Presence, type Present } from './presence.js';
import { type Answer, type AskOptions, type Handler, Questions } from './questions.js';

/** Writes to the addressees of `cluster.to()`. */
export interface Target<Out> {
  /** Sends a message to all addressees. Returns `false` when it cannot be encoded: then the log of the server says why. */
  write(data: Out): boolean;
}

/** The clusters of servers, so that a server has one. */
const clusters = new WeakMap<object, unknown>();

/**
 * Makes a server a node of a cluster: what is written reaches the connections of all nodes. With the memory backplane, which is the default, a
 * single server has rooms, channels and presence.
 *
 * @throws ERR_PRIMUS_OPTION when an argument is invalid, or the server is a node already
 *
 * @example
 * import { clustered, memory } from 'primus-rx/cluster';
 *
 * const cluster = clustered(primus, memory());
 * primus.on('connection', (spark) => {
 *   cluster.join(spark, 'lobby');
 *   cluster.to({ room: 'lobby', except: spark.id }).write('A member has joined');
 * });
 */
export function clustered<In, Out>(
  primus: Server<In, Out>,
  backplane: Backplane = memory(),
  options: ClusterOptions = {},
): Cluster<In, Out> {
  if (!(Object(primus).host?.registry instanceof Object))
    throw new PrimusError('ERR_PRIMUS_OPTION', `clustered: \`primus\` must be a server of this package, got ${describe(primus)}`);
  if (clusters.has(primus)) throw new PrimusError('ERR_PRIMUS_OPTION', 'The server is a node of a cluster already');
  const cluster = new Cluster<In, Out>(primus, backplane, options);
  clusters.set(primus, cluster);
  return cluster;
}

/**
 * A node of a cluster: rooms, channels, presence, and questions to other nodes.
 *
 * Without a history, a message arrives at most once, in the order of its node and room, and every loss that is known is on `lost$`. With a
 * history, a subscriber gets every message once, in one order for all, or a gap is reported.
 *
 * @example
 * import { clustered, memory } from 'primus-rx/cluster';
 *
 * const cluster = clustered(primus, memory(), { node: 'n1' });
 * console.log(cluster.node, cluster.nodes, cluster.primus === primus); // n1 ['n1'] true
 * console.log(cluster.state); // down, until the engine has answered
 * cluster.state$.subscribe((state) => console.log(`The cluster is ${state}`));
 * cluster.nodes$.subscribe((nodes) => console.log(`${nodes.length} nodes`));
 * await cluster.close();
 *
 * @typeParam In the type of the messages that clients send
 * @typeParam Out the type of the messages that the server sends
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export class Cluster<In = any, Out = any> {
  /** The name of this node. */
  readonly node: string;
  /** The server of this node. */
  readonly primus: Server<In, Out>;
  readonly #primus: Server;
  readonly #bus: ClusterBus;
  readonly #nodes: Nodes;
  readonly #rooms: Memberships;
  readonly #messages: Messages;
  readonly #channels: Channels;
  readonly #subscribers: Memberships;
  readonly #presence: Presence;
  readonly #questions: Questions;
  /** The sessions that move between nodes, if the server has sessions. */
  readonly #handovers: Handovers | undefined;
  readonly #subscription = new Subscription();
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(primus: Server<In, Out>, backplane: Backplane, options: ClusterOptions) {
    const { node, lease, outbox, maxChannels } = clusterOptions(options);
    if (typeof backplane?.open !== 'function') throw invalid('backplane', 'memory(), redis(client) or nats(connection)', backplane);
    const server = primus as unknown as Server;
    const { scheduler, registry } = server.host;
    const warn = (error: unknown) => server.host.warn(error);
    const report = (error: Error) => server.host.log('error', error);
    const instance = nanoid(8);
    const beat = lease / LEASE_BEATS;
    this.node = node;
    this.primus = primus;
    this.#primus = server;
    this.#rooms = new Memberships(registry);
    this.#subscribers = new Memberships(registry);
    this.#bus = new ClusterBus({
      backplane,
      node,
      instance,
      scheduler,
      outbox,
      beat,
      receive: (packet, delivery) => this.#receive(packet, delivery),
      report,
    });
    this.#nodes = new Nodes(node, warn);
    this.#presence = new Presence({ bus: this.#bus, node, report: warn });
    this.#questions = new Questions({ bus: this.#bus, nodes: this.#nodes, node, scheduler, report });
    this.#channels = new Channels({ primus: server, bus: this.#bus, members: this.#subscribers, presence: this.#presence, maxChannels });
    const namesNodes = server.options.idGenerator === undefined;
    this.#messages = new Messages({ primus: server, bus: this.#bus, nodes: this.#nodes, rooms: this.#rooms, namesNodes });
    const { sessions } = server.host;
    this.#handovers =
      sessions &&
      new Handovers({
        sessions,
        bus: this.#bus,
        nodes: this.#nodes,
        node,
        scheduler,
        rooms: this.#rooms,
        channels: this.#channels.subscriptions,
        deliver: (spark, buffered) => this.#messages.deliverBuffered(spark, buffered),
        encoding: () => this.#messages.written,
      });
    this.#messages.handovers = this.#handovers;
    // The id of a spark names its node, so that every node knows where it is.
    server.options.idGenerator ??= () => `${node}.${nanoid()}`;
    registry.removed = (spark) => this.#forget(spark);
    if (sessions !== undefined)
      this.#subscription.add(server.host.announced$.subscribe((spark) => this.#channels.subscriptions.announced(spark)));
    const bus = this.#bus;
    this.#subscription.add(
      bus.state.value$.subscribe((state) => {
        if (state !== 'up') this.#channels.suspect();
      }),
    );
    this.#subscription.add(
      bus.restored$.subscribe(() => {
        this.#beat();
        this.#channels.refresh();
        this.#presence.refresh();
      }),
    );
    this.#subscription.add(
      interval(beat, scheduler).subscribe(() => {
        for (const dead of this.#nodes.tick()) this.#forgetNode(dead);
        this.#beat();
        if (bus.state.value === 'up') this.#presence.tick();
      }),
    );
    this.#subscription.add(primus.close$.subscribe(() => void this.close()));
    void bus.listen(ALL);
    void bus.listen(topicOfNode(node));
    bus.open();
  }

  /** Emits the state of the cluster, as this node sees it: the present one at once, then every change. */
  get state$(): Observable<ClusterState> {
    return this.#bus.state.value$;
  }

  /** The state of the cluster, as this node sees it. */
  get state(): ClusterState {
    return this.#bus.state.value;
  }

  /** Emits the names of the nodes that are alive, this one included, in order: at once, and at every change. */
  get nodes$(): Observable<readonly string[]> {
    return this.#nodes.names$;
  }

  /** The names of the nodes that are alive, this one included, in order. */
  get nodes(): readonly string[] {
    return this.#nodes.names;
  }

  /**
   * Emits the messages that were lost between nodes, as far as that is known. Hot.
   *
   * @example
   * cluster.lost$.subscribe(({ topic, count, reason }) => console.error(`${count} messages to ${topic} were lost: ${reason}`));
   */
  get lost$(): Observable<Loss> {
    return this.#bus.lost$;
  }

  /**
   * Sends a message to all connections of all nodes. Returns `false` when it cannot be encoded: then the log of the server says why.
   *
   * @example
   * cluster.write({ news: 'The servers restart at noon' });
   */
  write(data: Out): boolean {
    return this.#messages.write({ rooms: [], sparks: [], except: [] }, data);
  }

  /**
   * Returns the addressees of a message, wherever they are.
   *
   * @throws ERR_PRIMUS_CHANNEL when the name of a room is invalid, or `undefined`
   * @throws ERR_PRIMUS_OPTION when another addressee is invalid
   *
   * @example
   * cluster.to({ room: 'lobby', except: spark.id }).write('A member has joined');
   * cluster.to({ spark: 'node-1.V1StGXR8_Z5jdHi6B-myT' }).write('only for you');
   */
  to(addressees: Addressees): Target<Out> {
    const parsed = parseAddressees(addressees);
    return { write: (data) => parsed === undefined || this.#messages.write(parsed, data) };
  }

  /**
   * Adds a connection to a room, until it ends. Resolves to whether the engine has confirmed that the messages of other nodes arrive; when it
   * does not answer, they arrive as soon as it does. Resolves to `false` as well when the connection has ended.
   *
   * @throws ERR_PRIMUS_CHANNEL when the name is invalid
   *
   * @example
   * primus.on('connection', async (spark) => {
   *   await cluster.join(spark, 'lobby');
   *   spark.write('You are in the lobby');
   * });
   */
  join(spark: Spark<In, Out>, room: string): Promise<boolean> {
    const topic = topicOfRoom(checkName('room', room));
    if (this.#primus.host.registry.byId.get(spark.id) !== (spark as unknown)) return Promise.resolve(false);
    return this.#rooms.add(spark as Spark, topic) === true ? this.#bus.listen(topic) : this.#bus.whenListening(topic);
  }

  /**
   * Removes a connection from a room, or from all rooms.
   *
   * @throws ERR_PRIMUS_CHANNEL when the name is invalid
   *
   * @example
   * cluster.leave(spark, 'lobby');
   */
  leave(spark: Spark<In, Out>, room?: string): void {
    const topics = room === undefined ? this.#rooms.topicsOf(spark as Spark) : [topicOfRoom(checkName('room', room))];
    for (const topic of topics) if (this.#rooms.remove(spark as Spark, topic)) this.#bus.unlisten(topic);
  }

  /**
   * Returns the names of the rooms that a connection is in.
   *
   * @example
   * cluster.rooms(spark); // ['lobby']
   */
  rooms(spark: Spark<In, Out>): readonly string[] {
    return this.#rooms.topicsOf(spark as Spark).map(roomOf);
  }

  /**
   * Returns the connections of this node that are in a room.
   *
   * @throws ERR_PRIMUS_CHANNEL when the name is invalid
   *
   * @example
   * cluster.members('lobby').length;
   */
  members(room: string): readonly Spark<In, Out>[] {
    return [...this.#rooms.of(topicOfRoom(checkName('room', room)))] as Spark<In, Out>[];
  }

  /**
   * Lets clients subscribe to the channels whose name matches. Call it once for each kind of channel, on every node in the same way.
   *
   * @throws ERR_PRIMUS_OPTION when a setting is invalid
   *
   * @example
   * cluster.channels({
   *   name: /^news\/\w+$/,
   *   history: { size: 100, ttl: '1 hour' },
   *   allow: (spark, channel, action) => action === 'subscribe',
   * });
   */
  channels(options: ChannelOptions): this {
    this.#channels.add(options);
    return this;
  }

  /**
   * Publishes a message to the subscribers of a channel, on all nodes. Resolves to its position, when the channel has a history; and rejects, with
   * `ERR_PRIMUS_BACKPLANE`, when the engine has not taken it in time: then it may or may not be published. Without a history, resolves at once.
   *
   * @throws ERR_PRIMUS_CHANNEL when the name is invalid; rejects with it when no settings match the name
   *
   * @example
   * await cluster.publish('news/sports', { title: 'A goal' });
   */
  publish(channel: string, data: unknown): Promise<Position | undefined> {
    const published = this.#channels.publish(checkName('channel', channel), data);
    // One that is not waited for must not end the process.
    published.catch(() => {});
    return published;
  }

  /**
   * Emits who is subscribed to a channel: what the setting `presence` returned for each connection, by the id of its spark. Emits at once, and at
   * every change.
   *
   * @throws ERR_PRIMUS_CHANNEL when the name is invalid
   *
   * @example
   * cluster.presence('news/sports').subscribe((present) => console.log(`${present.size} readers`));
   */
  presence(channel: string): Observable<Present> {
    return this.#presence.watch(checkName('channel', channel));
  }

  /**
   * Asks all nodes, this one too, a question that they handle. Emits each answer, and at last, if there are any, the nodes that are `missing`: they
   * have left, failed, have no handler or were too slow. Always completes, and never errors. Questions and answers are values that JSON can carry.
   * Cold: asks at each subscription.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid
   *
   * @example
   * cluster.handle('connected', () => [primus.connected]);
   * cluster.ask<number>('connected', null, { timeout: '1 s' }).subscribe((answer) => console.log(answer));
   */
  ask<T = unknown>(name: string, question?: unknown, options?: AskOptions): Observable<Answer<T>> {
    return this.#questions.ask<T>(name, question, options);
  }

  /**
   * Handles the questions of a name: returns the answers, which may be a list, a promise or an Observable. Unsubscribing removes the handler.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid, or the name has a handler
   *
   * @example
   * const handling = cluster.handle('connected', () => [primus.connected]);
   * handling.unsubscribe();
   */
  handle<Question = unknown, T = unknown>(
    name: string,
    handler: (question: Question, from: { readonly node: string }) => ObservableInput<T>,
  ): Subscription {
    return this.#questions.handle(name, handler as Handler<unknown>);
  }

  /** Leaves the cluster: other nodes know at once. The server does this when it is destroyed. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#subscription.unsubscribe();
    this.#questions.close();
    this.#handovers?.close();
    this.#channels.close();
    this.#nodes.close();
    this.#presence.close();
    this.#bus.publish(ALL, 'bye', {});
    await this.#bus.close();
  }

  #beat(): void {
    if (this.#bus.state.value !== 'down') this.#bus.publish(ALL, 'beat', { present: this.#presence.digest() });
  }

  /** Forgets what a node has said and asked: it has left, or another process, `instance`, has its name. */
  #forgetNode(node: string, instance?: string): void {
    this.#presence.forget(node);
    this.#questions.forget(node, instance);
  }

  #forget(spark: Spark): void {
    this.leave(spark as never);
    this.#channels.forget(spark);
  }

  // Packets of the nodes.

  #receive(packet: Packet, delivery: Delivery): void {
    const { header, frame } = packet;
    const { topic } = delivery;
    const { kind, from, instance } = header;
    try {
      if (from === this.node) this.#receiveOwn(packet, delivery);
      else if (kind === 'message' || kind === 'entry') this.#channels.deliver(channelOf(topic), frame, delivery, header);
      else if (kind === 'write' && frame !== undefined) this.#messages.deliver(packet, topic, frame);
      else if (kind === 'beat') {
        if (this.#nodes.heard(from, instance)) {
          this.#forgetNode(from, instance);
          this.#presence.refresh(from);
          // So that the new one knows this one before a whole beat has passed.
          this.#beat();
        }
        this.#presence.compare(from, header.present);
      } else if (kind === 'bye') {
        if (this.#nodes.remove(from, instance)) this.#forgetNode(from);
      } else if (this.#handovers?.receive(header, frame) || this.#questions.receive(header)) return;
      // Nothing of a process that has left may return. One that is not known yet is asked when it beats.
      else if (kind === 'who' || this.#nodes.is(from, instance)) this.#presence.receive(header);
    } catch (error) {
      this.#primus.host.warn(error);
    }
  }

  /** Handles what this node has published itself, or another one of its name. */
  #receiveOwn({ header, frame }: Packet, delivery: Delivery): void {
    const { kind, instance } = header;
    if (kind === 'entry') this.#channels.deliver(channelOf(delivery.topic), frame, delivery, header);
    else if (kind === 'beat' && instance === this.#bus.instance) this.#bus.heard();
    else if (kind === 'beat')
      this.#primus.host.log('error', new PrimusError('ERR_PRIMUS_OPTION', `Another node of the cluster has the name '${this.node}', too`));
  }
}
