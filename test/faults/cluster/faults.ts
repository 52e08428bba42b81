import type { ClusterNode, ClusterScene } from './scene.js';

/** How long noticing is waited for, in ms. */
const LIMIT = 20_000;

/** How long a flood lasts, in s, and the number of calls for it: each must be answered soon. */
const FLOOD = 60;
const FLOOD_PARTS = 6;

/** The longest times of a run, in ms. */
export interface Noticed {
  /** Until all other nodes know that a node is dead. */
  death: number;
  /** Until a node knows that nothing reaches it any more. */
  silence: number;
}

/** The cost of a node that publishes without an engine: the most of a run. */
export interface Flooded {
  /** The memory before, and how much more there was, in bytes. */
  first: number;
  memory: number;
  /** The messages that were lost, and known to be. */
  lost: number;
}

/** A fault of a cluster. It begins and ends within `run`. */
export interface ClusterFault {
  readonly name: string;
  /** Whether the engine can have it. */
  readonly appliesTo?: (scene: ClusterScene) => boolean;
  /** Whether it is played only when its name is asked for. */
  readonly isRare?: boolean;
  run(scene: ClusterScene, figures: { noticed: Noticed; flooded: Flooded }): Promise<void>;
}

const engineKilled: ClusterFault = {
  name: 'engine killed',
  async run(scene) {
    await scene.engine.server.kill();
    await scene.pause(0, 1_500);
    await scene.engine.server.restart();
  },
};

const engineStopped: ClusterFault = {
  name: 'engine stopped',
  async run(scene) {
    await scene.engine.server.stop();
    await scene.pause(200);
    scene.engine.server.continue();
  },
};

const historiesLost: ClusterFault = {
  name: 'histories lost',
  run: (scene) => scene.engine.loseHistories(),
};

const metaLost: ClusterFault = {
  name: 'meta keys lost',
  appliesTo: ({ engine }) => engine.loseMeta !== undefined,
  run: async (scene) => scene.engine.loseMeta?.(),
};

/** Messages in one direction, or in both, do not pass between a node and the engine. */
const blackhole: ClusterFault = {
  name: 'black hole',
  async run(scene, { noticed }) {
    const node = scene.random.pick(scene.nodes);
    node.lab.blackhole(scene.random.pick(['toServer', 'toClient', undefined] as const));
    const lasts = scene.random.int(500, scene.longest);
    const time = await scene.timeUntil(async () => (await node.child.call('view')).state !== 'up', lasts);
    if (time < lasts) {
      noticed.silence = Math.max(noticed.silence, time);
      await scene.pause(0, lasts - Math.round(time));
    }
    node.lab.heal();
  },
};

const broken: ClusterFault = {
  name: 'connection broken',
  async run(scene) {
    scene.random.pick(scene.nodes).lab.break({ reset: scene.random.chance(0.5) });
  },
};

const halfOpen: ClusterFault = {
  name: 'connection half-open',
  async run(scene) {
    scene.random.pick(scene.nodes).lab.halfOpen();
  },
};

const slow: ClusterFault = {
  name: 'slow network',
  async run(scene) {
    const { lab } = scene.random.pick(scene.nodes);
    lab.delay(scene.random.int(20, 500));
    await scene.pause(500, 3_000);
    lab.heal();
  },
};

const nodeKilled: ClusterFault = {
  name: 'node killed',
  async run(scene, { noticed }) {
    const node = scene.random.pick(scene.nodes);
    await scene.kill(node);
    // At times another process has the name before the death is noticed.
    if (scene.random.chance(0.6)) {
      const time = await scene.timeUntil(() => isGone(scene, node), LIMIT);
      noticed.death = Math.max(noticed.death, time);
    }
    await scene.restart(node);
  },
};

const nodeStopped: ClusterFault = {
  name: 'node stopped',
  async run(scene) {
    const node = scene.random.pick(scene.nodes);
    node.isPaused = true;
    node.child.process.kill('SIGSTOP');
    await scene.pause(200);
    node.child.process.kill('SIGCONT');
    node.isPaused = false;
  },
};

const rolling: ClusterFault = {
  name: 'rolling replacement',
  async run(scene) {
    for (const node of scene.nodes) {
      await node.child.call('leave');
      await scene.kill(node);
      await scene.restart(node);
    }
  },
};

/** Two nodes reach the engine, and two do not. */
const splitBrain: ClusterFault = {
  name: 'split brain',
  async run(scene) {
    const off = [...scene.nodes].sort(() => scene.random.real() - 0.5).slice(0, 2);
    for (const { lab } of off) lab.blackhole();
    await scene.pause(1_000);
    for (const { lab } of off) lab.heal();
  },
};

/** A node goes on publishing 10,000 messages a second while the engine is stopped. */
const flood: ClusterFault = {
  name: 'flood of a stopped engine',
  isRare: true,
  async run(scene, { flooded }) {
    const [node] = scene.nodes;
    await scene.engine.server.stop();
    for (let part = 0; part < FLOOD_PARTS; part++) {
      const { before, most, lost } = await (node as ClusterNode).child.call('flood', 10_000, FLOOD / FLOOD_PARTS);
      flooded.first ||= before;
      flooded.memory = Math.max(flooded.memory, most - flooded.first);
      flooded.lost = lost;
    }
    scene.engine.server.continue();
  },
};

export const CLUSTER_FAULTS: readonly ClusterFault[] = [
  engineKilled,
  engineStopped,
  historiesLost,
  metaLost,
  blackhole,
  broken,
  halfOpen,
  slow,
  nodeKilled,
  nodeStopped,
  rolling,
  splitBrain,
  flood,
];

/** Whether no other node knows a node any more. */
async function isGone(scene: ClusterScene, gone: ClusterNode): Promise<boolean> {
  const views = await Promise.all(scene.nodes.filter((node) => node !== gone).map((node) => node.child.call('view')));
  return views.every(({ nodes }) => !nodes.includes(gone.name));
}
