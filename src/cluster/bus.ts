import type { Observable, SchedulerLike } from 'rxjs';

/** Where an entry is in the history of a topic. */
export interface Position {
  /** Names the history. When the engine has lost it, another one begins, with another epoch. */
  readonly epoch: string;
  /** Grows with every entry of the topic within an epoch; 0 is before the first one. */
  readonly offset: number;
}

/** One message of a topic, as a bus delivers it. */
export interface Delivery {
  /** The topic. */
  readonly topic: string;
  /** The bytes that were published. They are not changed afterwards. */
  readonly data: Uint8Array;
  /** Where the message is in the history; missing for one that was published without. */
  readonly at?: Position;
  /** The offset of the entry before it in the history of the topic, for engines whose offsets have holes. @defaultValue `at.offset - 1` */
  readonly previous?: number;
}

/** The entries of a history behind a position. */
export interface LogRead {
  /** The entries, the oldest first. Each has its position. */
  readonly entries: readonly Delivery[];
  /** The position of the last entry of the topic. The offset is 0 when there is none. */
  readonly head: Position;
  /**
   * Whether nothing is missing between the position that was asked for and the last of `entries`; `false` when the epoch is another one, when
   * entries that should follow have been dropped, or when the position is ahead of `head`. Then `entries` begins with the oldest that is kept.
   */
  readonly whole: boolean;
}

/** How much of a topic's history is kept. */
export interface Keep {
  /** The number of entries. */
  readonly size: number;
  /** How long an entry is kept, in ms. */
  readonly ttl: number;
}

/** The history of topics, where an engine keeps one. Its promises reject when the engine does not answer; they always settle. */
export interface Log {
  /**
   * Appends an entry, and publishes it to all who listen to the topic, in one step. Resolves to the position of the entry. The entries of one node are
   * appended in the order of its calls.
   */
  append(topic: string, data: Uint8Array, keep: Keep): Promise<Position>;
  /**
   * Reads at most `limit` entries behind a position; `'head'` reads none, and gives the position of the last entry. Nothing is missed behind the
   * position that it gives for a topic without entries.
   */
  read(topic: string, since: Position | 'head', limit: number): Promise<LogRead>;
}

/** The state of a bus: whether the engine answers. */
export type BusState = 'up' | 'down';

/**
 * The connection of one node to its engine. Messages are published at most once, and delivered to every node that listens to the topic, also to
 * the publisher, in the order of each publisher and topic.
 */
export interface Bus {
  /** Emits the present state and every change. Never errors; completes when the bus is closed. */
  readonly state$: Observable<BusState>;
  /** Emits the messages of the topics that the node listens to. Hot; never errors. */
  readonly message$: Observable<Delivery>;
  /** The bytes that were published, and that the engine has not taken yet. */
  readonly bufferedAmount: number;
  /**
   * Listens to topics. Resolves when the engine has confirmed, and rejects when it does not. The bus listens again by itself after the engine was
   * away; what is published meanwhile is lost.
   */
  listen(topics: readonly string[]): Promise<void>;
  /** Stops listening to topics. Nothing of them is delivered afterwards. */
  unlisten(topics: readonly string[]): void;
  /**
   * Publishes a copy of the bytes. Never throws, and delivers nothing before it has returned. A message that cannot be delivered is reported to the
   * `lost` of the context.
   */
  publish(topic: string, data: Uint8Array): void;
  /** The history, where the engine keeps one. */
  readonly log?: Log;
  /** Ends the connection. Resolves when the engine has confirmed, or has not answered in time. */
  close(): Promise<void>;
}

/** The surroundings of a bus: the node, its clock, and where errors and losses are reported. */
export interface BusContext {
  /** The name of the node. */
  readonly node: string;
  /** The clock of all timers. */
  readonly scheduler: SchedulerLike;
  /** Reports an error of the engine: it refuses the connection, for example. The bus tries again. */
  report(error: Error): void;
  /** Reports messages that were lost. */
  lost(topic: string, count: number, reason: string): void;
}

/** An engine that connects the nodes of a cluster. */
export interface Backplane {
  /** The name of the engine, for messages. */
  readonly name: string;
  /** Connects. Never throws: an engine that does not answer is a bus in the state `down`. */
  open(context: BusContext): Bus;
}
