import { asError } from '../core/errors.js';
import { type Eventual, isPromise } from '../core/eventual.js';
import { Lane } from '../core/lane.js';
import type { Frame } from '../core/link.js';
import { decoded, encoded } from '../core/parser.js';
import type { LinkGroup } from '../core/transformer.js';
import type { Server } from '../server/primus.js';
import type { Spark } from '../server/spark.js';
import { nodeOf, type ParsedAddressees } from './addressees.js';
import { type ClusterBus, senderOf } from './cluster-bus.js';
import type { Handovers } from './handover/handover.js';
import type { BufferedMessage } from './handover/topic-buffer.js';
import type { Memberships } from './memberships.js';
import { ALL, roomOf, topicOfNode, topicOfRoom } from './names.js';
import type { Nodes } from './nodes.js';
import { integerOf, isListOfStrings, type Packet } from './packets.js';

/** The part of a cluster that its messages use. */
export interface MessagesParts {
  readonly primus: Server;
  readonly bus: ClusterBus;
  readonly nodes: Nodes;
  readonly rooms: Memberships;
  /** Whether the id of a spark names its node: not where the application makes the ids. */
  readonly namesNodes: boolean;
}

/** The messages to connections, wherever they are: those that this node writes, and those that arrive from other nodes. */
export class Messages {
  /** The sessions that move between nodes, if the server has sessions. */
  handovers: Handovers | undefined;
  readonly #parts: MessagesParts;
  /** Takes the messages in order that a parser encodes later. Most parsers encode at once. */
  #encoding: Lane | undefined;

  constructor(parts: MessagesParts) {
    this.#parts = parts;
  }

  /** Resolves when everything written so far is published; `undefined` with a parser that encodes at once. */
  get written(): Promise<void> | undefined {
    const lane = this.#encoding;
    return lane && new Promise((resolve) => lane.add(resolve));
  }

  /** Sends a message to connections of all nodes. Returns false when it cannot be encoded. */
  write(to: ParsedAddressees, data: unknown): boolean {
    const { host, parser } = this.#parts.primus;
    let frame: Eventual<Frame>;
    try {
      const { sparks, group } = this.#local(to);
      frame = host.registry.broadcast(data, sparks, group) ?? encoded(parser, this.#parts.primus, data);
    } catch (error) {
      host.log('error', error);
      return false;
    }
    const buffered = this.#keepOwn(to, frame);
    if (!isPromise(frame)) this.#publish(to, frame, buffered);
    else {
      // It may fail before its turn.
      frame.catch(() => {});
      this.#encoding ??= new Lane();
      this.#encoding.add(() =>
        frame.then(
          (made) => this.#publish(to, made, buffered),
          () => {},
        ),
      );
    }
    return true;
  }

  /** Publishes a message to the connections of the other nodes. */
  #publish(to: ParsedAddressees, frame: Frame, buffered: BufferedMessage | undefined): void {
    this.#publishTo(to, frame);
    if (buffered !== undefined) buffered.n = this.#parts.bus.written(buffered.topic);
  }

  #publishTo({ rooms, sparks: addressed, except }: ParsedAddressees, frame: Frame): void {
    const bus = this.#parts.bus;
    const sparks = this.handovers === undefined ? addressed : addressed.map((id) => this.handovers?.placeOf(id)?.id ?? id);
    const [room] = rooms;
    const fields = except.length > 0 ? { except } : {};
    if (sparks.length === 0 && rooms.length === 1) return bus.publish(topicOfRoom(room as string), 'write', fields, frame);
    if (sparks.length === 0) return bus.publish(ALL, 'write', rooms.length > 0 ? { ...fields, rooms } : fields, frame);
    const remote = sparks.filter((id) => !this.#parts.primus.host.registry.byId.has(id) && !except.includes(id));
    for (const [node, ids] of groupBy(remote, (id) => (this.#parts.namesNodes ? nodeOf(id) : undefined))) {
      if (node === this.#parts.bus.node || (node !== undefined && !this.#parts.nodes.has(node)))
        bus.lose(topicOfNode(node), ids.length, 'gone');
      else bus.publish(node === undefined ? ALL : topicOfNode(node), 'write', { sparks: ids }, frame);
    }
    if (rooms.length > 0) bus.publish(ALL, 'write', { ...fields, rooms, except: [...except, ...sparks] }, frame);
  }

  /** Keeps a message of this node for the sparks that move. */
  #keepOwn({ rooms, sparks, except }: ParsedAddressees, frame: Frame | Promise<Frame>): BufferedMessage | undefined {
    const handovers = this.handovers;
    if (handovers === undefined || handovers.buffers.size === 0 || (rooms.length === 0 && sparks.length > 0)) return undefined;
    const [room] = rooms;
    const topic = room !== undefined && rooms.length === 1 && sparks.length === 0 ? topicOfRoom(room) : ALL;
    const buffered = { topic, sender: this.#parts.bus.sender, n: Infinity, frame, isWord: false, except: [...except, ...sparks] };
    handovers.keep(rooms, buffered);
    return buffered;
  }

  /** The connections of this node. Those that move get what other nodes get as well from the node that they move to. */
  #all(): readonly Spark[] {
    const { sparksNow } = this.#parts.primus.host.registry;
    const { given } = this.handovers ?? {};
    return given === undefined || given.size === 0 ? sparksNow : sparksNow.filter((spark) => !given.has(spark));
  }

  /** Returns the connections of this node among the addressees, and their group if they are exactly the members of a room. */
  #local({ rooms, sparks, except }: ParsedAddressees): { readonly sparks: Iterable<Spark>; readonly group?: LinkGroup | undefined } {
    const { byId } = this.#parts.primus.host.registry;
    const [room] = rooms;
    if (except.length === 0 && sparks.length === 0 && rooms.length < 2) {
      if (room === undefined) return { sparks: this.#all() };
      const topic = topicOfRoom(room);
      return { sparks: this.#parts.rooms.of(topic), group: this.#parts.rooms.groupOf(topic) };
    }
    const found = new Set<Spark>(rooms.length === 0 && sparks.length === 0 ? this.#all() : []);
    for (const name of rooms) for (const spark of this.#parts.rooms.of(topicOfRoom(name))) found.add(spark);
    for (const id of sparks) if (byId.has(id)) found.add(byId.get(id) as Spark);
    for (const id of except) found.delete(byId.get(id) as Spark);
    return { sparks: found };
  }

  /** Sends what another node has written to the connections of this one. */
  deliver({ header }: Packet, topic: string, frame: Frame): void {
    const list = (value: unknown) => (isListOfStrings(value) ? value : []);
    const to = {
      rooms: topic === ALL || topic.startsWith('node:') ? list(header.rooms) : [roomOf(topic)],
      sparks: list(header.sparks),
      except: list(header.except),
    };
    const { sparks: addressed, group } = this.#local(to);
    const sparks = [...addressed];
    const found = sparks.length + this.#forward(to.sparks, frame);
    if (topic.startsWith('node:') && found < to.sparks.length) this.#parts.bus.lose(topic, to.sparks.length - found, 'gone');
    if (this.handovers !== undefined && this.handovers.buffers.size > 0 && to.sparks.length === 0) {
      const sender = senderOf(header.from, header.instance);
      this.handovers.keep(to.rooms, { topic, sender, n: integerOf(header.n), frame, isWord: false, except: to.except });
    }
    if (sparks.length > 0) this.#share(sparks, frame, group);
  }

  /** Sends a message on to sparks that have moved to other nodes. Returns to how many. */
  #forward(ids: readonly string[], frame: Frame): number {
    let count = 0;
    for (const id of ids) {
      const place = this.handovers?.placeOf(id);
      if (place === undefined || this.#parts.primus.host.registry.byId.has(id)) continue;
      this.#parts.bus.publish(topicOfNode(place.node), 'write', { sparks: [place.id] }, frame);
      count += 1;
    }
    return count;
  }

  /** Sends a message that was kept for a spark that moves. */
  deliverBuffered(spark: Spark, { frame, isWord, except }: BufferedMessage): void {
    if (except.includes(spark.id)) return;
    if (isPromise(frame)) spark.connection.relay(undefined, frame);
    else if (isWord) spark.connection.post(frame);
    else this.#share([spark], frame);
  }

  #share(sparks: readonly Spark[], frame: Frame, group?: LinkGroup): void {
    const { host, transformers, parser } = this.#parts.primus;
    if (transformers.outgoing.length === 0) {
      host.registry.share(frame, sparks, write, group);
      return;
    }
    for (const spark of sparks) write(spark);

    // A connection with message transformers, or whose `write` a plug-in has replaced, gets the message itself.
    function write(spark: Spark): void {
      const data = decoded(parser, spark, frame);
      if (!isPromise(data)) spark.write(data);
      else
        void data.then(
          (late) => spark.write(late),
          (error) => host.warn(asError(error)),
        );
    }
  }
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
