import type { SchedulerLike } from 'rxjs';
import type { GapReason } from '../../core/session-words.js';
import type { Session } from '../../server/sessions/session.js';
import type { Sessions } from '../../server/sessions/sessions.js';
import type { Spark } from '../../server/spark.js';
import type { ClusterBus } from '../cluster-bus.js';
import type { Memberships } from '../memberships.js';
import type { Nodes } from '../nodes.js';
import type { Subscriptions } from './subscriptions.js';
import type { BufferedMessage, TopicBuffer } from './topic-buffer.js';

/** How long a client waits for the node that its session was on, in ms. */
export const DEADLINE = 2_000;

/** The parts of a node that sessions which move use. */
export interface HandoverParts {
  readonly sessions: Sessions;
  readonly bus: ClusterBus;
  readonly nodes: Nodes;
  readonly node: string;
  readonly scheduler: SchedulerLike;
  readonly rooms: Memberships;
  readonly channels: Subscriptions;
  /** Those that keep what is sent to all connections. */
  readonly buffers: Set<TopicBuffer>;
  /** The sparks whose sessions may go on elsewhere: they get nothing that other nodes get as well. */
  readonly given: Map<Spark, TopicBuffer>;
  /** The sessions that have come to this node, and that messages may follow. */
  readonly coming: Set<Session>;
  /** Whether a session may go on elsewhere. */
  isGiven(session: Session): boolean;
  /** Sends a message that was kept. */
  deliver(spark: Spark, message: BufferedMessage): void;
  /** Resolves when everything that this node has written is published; `undefined` when it is. */
  encoding(): Promise<unknown> | undefined;
}

const REASONS = new Set<unknown>(['expired', 'overflow', 'epoch', 'identity', 'taken', 'budget', 'stuck'] satisfies GapReason[]);

/** Whether a value of a packet is the reason of a gap. */
export function isGapReason(value: unknown): value is GapReason {
  return REASONS.has(value);
}
