import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '../fuzz/random.js';
import type { EngineName } from './engine.js';
import { CLUSTER_FAULTS, type ClusterFault, type Flooded, type Noticed } from './faults.js';
import { check, notArrived, notConverged, sizeOf } from './laws.js';
import type { NodeReport } from './node.js';
import { type ClusterNode, ClusterScene } from './scene.js';

/** How long the cluster may take to be whole again, in ms, before the run fails. */
const RECOVERY = 60_000;

/** The traffic before and after a fault, in ms. */
const FLOW = 300;

/** How long a message may take before another one is published behind it, in ms. */
const MARK = 500;

export interface ClusterSettings {
  engine: EngineName;
  seed: number;
  /** The number of faults, or Infinity with a deadline. */
  faults: number;
  deadline: number;
  only: string;
  /** How long a fault lasts at most, in ms. */
  longest?: number | undefined;
}

export interface ClusterResult {
  faults: number;
  kinds: Record<string, number>;
  seconds: number;
  noticed: Noticed;
  flooded: Flooded;
  /** The longest time after a fault until all nodes agreed on nodes and presence, in ms, and the fault. */
  converged: { time: number; fault: string };
  /** The messages that subscribers got of histories, and the nodes of rooms. */
  /** The messages of histories that were confirmed to their publishers. */
  confirmed: number;
  /** The messages of rooms that nodes did not get. */
  roomsLost: number;
  received: { histories: number; rooms: number };
  gaps: Record<string, number>;
  recovered: { times: number; messages: number };
  asked: number;
  /** The errors that the nodes have logged, with their numbers. */
  errors: Record<string, number>;
  failure?: string;
}

/** Plays faults on a cluster of four processes under traffic, and checks after each what was promised. */
export async function playCluster(settings: ClusterSettings): Promise<ClusterResult> {
  const { engine, seed, faults, deadline, only } = settings;
  const scene = await ClusterScene.start(engine);
  scene.longest = settings.longest ?? scene.longest;
  const begin = performance.now();
  const result: ClusterResult = {
    faults: 0,
    kinds: {},
    seconds: 0,
    noticed: { death: 0, silence: 0 },
    flooded: { first: 0, memory: 0, lost: 0 },
    converged: { time: 0, fault: '' },
    confirmed: 0,
    roomsLost: 0,
    received: { histories: 0, rooms: 0 },
    gaps: {},
    recovered: { times: 0, messages: 0 },
    asked: 0,
    errors: {},
  };
  let what = 'Before the first fault';
  try {
    await converge(scene);
    for (let index = 0; index < faults && performance.now() < deadline; index++) {
      scene.random = new Random(seed, index);
      const fault = faultOf(scene, only);
      what = `Fault ${index + 1}, ${fault.name}`;
      await everyNode(scene, (node) => node.child.call('busy', true));
      await pause(FLOW);
      await fault.run(scene, result);
      const healed = performance.now();
      result.faults++;
      result.kinds[fault.name] = (result.kinds[fault.name] ?? 0) + 1;
      const late = scene.subscribe();
      await pause(FLOW);
      await everyNode(scene, (node) => node.child.call('busy', false));
      await converge(scene);
      const time = performance.now() - healed;
      if (time > result.converged.time) result.converged = { time, fault: fault.name };
      const broken = await settle(scene, result);
      if (broken.length > 0) throw new Error(broken.join('\n  '));
      scene.unsubscribe(late);
    }
  } catch (error) {
    result.failure = `${what}: ${(error as Error).message}`;
    // A node may be what failed, and have no report.
    const reports = await Promise.allSettled(scene.nodes.map((node) => node.child.call('report')));
    for (const report of reports) if (report.status === 'fulfilled') count(result.errors, report.value.errors);
  } finally {
    await scene.close();
  }
  result.seconds = (performance.now() - begin) / 1_000;
  return result;
}

function faultOf(scene: ClusterScene, only: string): ClusterFault {
  const fitting = CLUSTER_FAULTS.filter(
    ({ name, appliesTo, isRare }) => name.includes(only) && appliesTo?.(scene) !== false && (isRare !== true || only !== ''),
  );
  if (fitting.length === 0) throw new Error(`There is no fault ${only}; there are ${CLUSTER_FAULTS.map(({ name }) => name).join(', ')}`);
  return scene.random.pick(fitting);
}

function everyNode<Value>(scene: ClusterScene, run: (node: ClusterNode) => Promise<Value>): Promise<Value[]> {
  return Promise.all(scene.nodes.map(run));
}

/** Waits until all nodes agree. */
function converge(scene: ClusterScene): Promise<void> {
  return passes(async () => notConverged(scene, await everyNode(scene, (node) => node.child.call('view'))));
}

/** Waits until all that was published has arrived, and compares. Returns what is wrong. */
async function settle(scene: ClusterScene, result: ClusterResult): Promise<string[]> {
  let reports = new Map<string, NodeReport>();
  let next = 0;
  await passes(async () => {
    // What was published last shows what is missing before it.
    if (performance.now() > next) {
      await everyNode(scene, (node) => node.child.call('mark'));
      next = performance.now() + MARK;
    }
    reports = new Map(await everyNode(scene, async (node) => [node.run, await node.child.call('report')] as const));
    for (const { errors } of reports.values()) count(result.errors, errors);
    const arrived = new Map<string, readonly number[]>();
    for (const receiver of scene.nodes)
      for (const sender of scene.nodes) arrived.set(`${receiver.run} ${sender.run}`, await receiver.child.call('arrived', sender.run));
    const missing = notArrived(scene, reports, (receiver, sender) => arrived.get(`${receiver} ${sender}`) ?? []);
    if (missing !== undefined) return missing;
    return [...reports.values()].some(({ asked }) => asked.completed < asked.started) ? 'questions are open' : undefined;
  });
  const broken = check(scene, reports);
  const all = [...reports.values(), ...scene.retired];
  result.confirmed = 0;
  for (const { published } of all)
    for (const { count, rejected, open } of Object.values(published)) result.confirmed += count - rejected.length - open.length;
  result.asked = all.reduce((sum, { asked }) => sum + asked.completed, 0);
  result.roomsLost = all.reduce((sum, { holes }) => sum + sizeOf(holes), 0);
  result.received.rooms = all.reduce((sum, { rooms }) => sum + rooms.received, 0);
  result.received.histories = 0;
  result.recovered = { times: 0, messages: 0 };
  for (const subscriber of scene.subscribers) {
    result.received.histories += subscriber.sequence.received;
    result.recovered.times += subscriber.recovered.times;
    result.recovered.messages += subscriber.recovered.messages;
    count(result.gaps, subscriber.gaps);
    subscriber.checked();
  }
  scene.retire();
  return broken;
}

function count(tally: Record<string, number>, values: readonly string[]): void {
  for (const value of values) tally[value] = (tally[value] ?? 0) + 1;
}

/** Waits until there is no objection any more; rejects with the last one. */
async function passes(objection: () => Promise<string | undefined>): Promise<void> {
  const limit = performance.now() + RECOVERY;
  for (;;) {
    const last = await objection();
    if (last === undefined) return;
    if (performance.now() > limit) throw new Error(`Not within ${RECOVERY} ms: ${last}`);
    await pause(20);
  }
}
