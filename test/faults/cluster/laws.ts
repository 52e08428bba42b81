import type { NodeReport, NodeView } from './node.js';
import type { ClusterScene } from './scene.js';
import { HISTORIES, type Hole, ROOMS } from './sequence.js';
import type { Subscriber } from './subscriber.js';

/** The reports of the processes, by their names. */
export type Reports = ReadonlyMap<string, NodeReport>;

/** The part of a scene that is compared. */
export interface Compared {
  readonly subscribers: readonly Subscriber[];
  /** The last reports of the processes that were killed since the last check. */
  readonly dead: Reports;
}

/** Returns why the cluster is not yet as it was before a fault: every node knows every other one, and who is present. */
export function notConverged(scene: ClusterScene, views: readonly NodeView[]): string | undefined {
  const nodes = scene.nodes.map(({ name }) => name).join();
  const present = scene.subscribers
    .map(({ name }) => name)
    .sort()
    .join();
  const differs = (what: string, is: string, expected: string) => (is === expected ? undefined : `${what}: ${is} instead of ${expected}`);
  for (const [index, view] of views.entries()) {
    const name = scene.nodes[index]?.name;
    const wrong =
      differs(`${name} is`, view.state, 'up') ??
      differs(`${name} knows the nodes`, view.nodes.join(), nodes) ??
      differs(
        `${name} knows as present`,
        view.present
          .map(([, who]) => who)
          .sort()
          .join(),
        present,
      );
    if (wrong !== undefined) return wrong;
  }
  for (const subscriber of scene.subscribers) {
    const wrong = differs(`${subscriber.name} knows as present`, [...subscriber.present].sort().join(), present);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** Returns what has not arrived yet of what was published, when nothing is published any more. */
export function notArrived(
  scene: ClusterScene,
  living: Reports,
  rooms: (receiver: string, sender: string) => readonly number[],
): string | undefined {
  for (const [run, { published, written }] of living) {
    for (const topic of HISTORIES) {
      const { count = 0, open = [], rejected = [] } = published[topic] ?? {};
      if (open.length > 0) return `${run} waits for ${open.length} publications to ${topic}`;
      if (rejected.includes(count)) return `the last message of ${run} to ${topic} was rejected`;
      for (const subscriber of scene.subscribers) {
        if ((subscriber.sequence.last(run, topic) ?? 0) < count)
          return `${subscriber.name} has not got message ${count} of ${run} to ${topic}`;
      }
    }
    for (const receiver of living.keys()) {
      for (const [index, last] of rooms(receiver, run).entries()) {
        const count = written[ROOMS[index] as string] ?? 0;
        if (last < count) return `${receiver} has not got message ${count} of ${run} to ${ROOMS[index]}`;
      }
    }
  }
  return undefined;
}

/** Compares what was published with what has arrived. Returns the laws that were broken. */
export function check({ subscribers, dead }: Compared, living: Reports): string[] {
  const broken: string[] = [];
  const all = new Map([...living, ...dead]);
  const isConfirmed = ({ run, topic }: Hole, n: number): boolean => {
    const { count = 0, rejected = [], open = [] } = all.get(run)?.published[topic] ?? {};
    return n <= count && !rejected.includes(n) && !open.includes(n);
  };
  for (const subscriber of subscribers) {
    const { name, sequence, holes } = subscriber;
    for (const hole of holes) {
      const missing: number[] = [];
      for (let n = hole.after + 1; n < hole.before; n++) if (isConfirmed(hole, n)) missing.push(n);
      if (missing.length > 0) broken.push(`${name} misses ${listOf(missing)} of ${hole.run} in ${hole.topic} without a gap`);
    }
    // A process that was killed cannot publish a last message that shows the hole.
    for (const [run, { published }] of dead) {
      for (const [topic, { count }] of Object.entries(published)) {
        let last = count;
        while (last > 0 && !isConfirmed({ run, topic, after: 0, before: 0 }, last)) last--;
        if (!subscriber.isComplete(run, topic, last))
          broken.push(`${name} misses the last messages of ${run} in ${topic}, up to ${last}, without a gap`);
      }
    }
    if (sequence.doubled > 0) broken.push(`${name} got ${sequence.doubled} messages twice`);
    if (sequence.reordered > 0) broken.push(`${name} got ${sequence.reordered} messages out of order`);
  }
  broken.push(...compareOrders(subscribers));
  for (const [run, { rooms, holes, lost, asked }] of living) {
    if (rooms.doubled > 0) broken.push(`${run} got ${rooms.doubled} messages of rooms twice`);
    if (rooms.reordered > 0) broken.push(`${run} got ${rooms.reordered} messages of rooms out of order`);
    if (asked.completed < asked.started) broken.push(`${asked.started - asked.completed} questions of ${run} did not complete`);
    if (asked.wrong > 0) broken.push(`${asked.wrong} answers of ${run} are not of the nodes that were asked`);
    for (const room of ROOMS) {
      // A process that was killed took what it knew of its losses with it.
      const missing = sizeOf(holes.filter((hole) => hole.topic === room && living.has(hole.run)));
      const senders = [...living].filter(([sender]) => sender !== run).map(([, report]) => lossesOf(report.lost, room));
      const known = senders.reduce((sum, count) => sum + count, lossesOf(lost, room));
      if (missing > known) broken.push(`${run} misses ${missing} messages of ${room}, and ${known} are known to be lost`);
    }
  }
  return broken;
}

/** Messages arrive in the same order everywhere, and a late subscriber gets what the others have got. */
function compareOrders([first, ...others]: readonly Subscriber[]): string[] {
  const broken: string[] = [];
  for (const [topic, order] of first?.order ?? []) {
    const places = new Map(order.map((message, place) => [message, place]));
    for (const other of others) {
      const theirs = (other.order.get(topic) ?? []).map((message) => places.get(message)).filter((place) => place !== undefined);
      const wrong = theirs.findIndex((place, index) => index > 0 && place < (theirs[index - 1] as number));
      if (wrong >= 0) broken.push(`${first?.name} and ${other.name} got ${order[theirs[wrong] as number]} of ${topic} in another order`);
      const isWhole = first?.gaps.length === 0 && other.gaps.length === 0 && order.length < 1_000;
      if (isWhole && theirs.length < order.length)
        broken.push(`${other.name} has ${theirs.length} of ${order.length} messages of ${topic}`);
    }
  }
  return broken;
}

/** The number of messages that are missing. */
export function sizeOf(holes: readonly Hole[]): number {
  return holes.reduce((sum, { after, before }) => sum + before - after - 1, 0);
}

function lossesOf(lost: Record<string, number>, room: string): number {
  return Object.entries(lost).reduce((sum, [key, count]) => (key.startsWith(`room:${room} `) ? sum + count : sum), 0);
}

function listOf(numbers: readonly number[]): string {
  return numbers.length > 5 ? `${numbers.slice(0, 5).join(', ')} and ${numbers.length - 5} more` : numbers.join(', ');
}
