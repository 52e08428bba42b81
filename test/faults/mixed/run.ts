import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '../fuzz/random.js';
import { Target } from '../target.js';
import { Sockets } from '../wire/socket.js';
import { FAULTS, type Fault } from './faults.js';
import { Scene } from './scene.js';

/** The faults at a time. */
const CONCURRENCY = 24;

/** Faults before the memory is measured for the first time: code is compiled, and frameworks are loaded. */
const WARM_UP = 100;

/** How much more memory or descriptors there may be afterwards. */
const TOLERANCE = 1.1;

export interface MixedSettings {
  transformer: string;
  compression: boolean;
  seed: number;
  from: number;
  faults: number;
  deadline: number;
  only: string;
}

export interface MixedResult {
  faults: number;
  /** How many there were of each kind. */
  kinds: Record<string, number>;
  seconds: number;
  stall: number;
  /** The connections that the innocent client lost. */
  lost: number;
  heap: { before: number; after: number };
  descriptors: { before: number; after: number };
  failure?: string;
  /** The fault in which it failed, where that is known. */
  index?: number;
}

/** Plays faults against a server, and compares its memory and its descriptors before and after. */
export async function playFaults(settings: MixedSettings): Promise<MixedResult> {
  const { transformer, compression, from, faults, deadline } = settings;
  const target = await Target.start({ transformer, compression, options: { pingInterval: 500 } });
  const begin = performance.now();
  const result: MixedResult = {
    faults: 0,
    kinds: {},
    seconds: 0,
    stall: 0,
    lost: 0,
    heap: { before: 0, after: 0 },
    descriptors: { before: 0, after: 0 },
  };
  // A client throws in its listener when a message is not whole; the library reports that as an uncaught error.
  const uncaught = (error: unknown) => {
    result.failure ??= String(error);
  };
  process.on('uncaughtException', uncaught);
  let index = from;
  const playUntil = (last: number) =>
    Promise.all(
      Array.from({ length: CONCURRENCY }, async () => {
        while (index < last && performance.now() < deadline && result.failure === undefined) await play(index++);
      }),
    );

  async function play(at: number): Promise<void> {
    const sockets = new Sockets(target.port);
    const scene = new Scene(target, sockets, new Random(settings.seed, at));
    const fault = faultOf(scene, settings.only);
    try {
      await fault.run(scene);
      result.faults++;
      result.kinds[fault.name] = (result.kinds[fault.name] ?? 0) + 1;
    } catch (error) {
      result.failure ??= String((error as Error).stack);
    } finally {
      scene.close();
      sockets.destroy();
    }
    if (target.server.failure !== undefined) {
      result.failure ??= target.server.failure.message;
      result.index ??= at;
    }
  }

  try {
    await playUntil(from + Math.min(WARM_UP, faults / 10));
    const before = await settled(target);
    await playUntil(from + faults);
    const after = await settled(target);
    result.heap = { before: before.heap, after: after.heap };
    result.descriptors = { before: before.descriptors, after: after.descriptors };
    result.stall = await target.server.call('stall');
    const { corrupt } = await target.server.call('counters');
    if (corrupt > 0) result.failure ??= `${corrupt} messages arrived in part`;
    for (const name of ['heap', 'descriptors'] as const) {
      if (result[name].after > result[name].before * TOLERANCE)
        result.failure ??= `${name}: ${result[name].before} before, ${result[name].after} after`;
    }
    await target.serves();
  } catch (error) {
    result.failure ??= (error as Error).message;
  } finally {
    process.off('uncaughtException', uncaught);
    await target.stop();
  }
  result.seconds = (performance.now() - begin) / 1_000;
  return result;
}

function faultOf(scene: Scene, only: string): Fault {
  return scene.random.pick(FAULTS.filter((fault) => fault.name.includes(only) && fault.appliesTo?.(scene) !== false));
}

/** Measures the server when only the innocent client is left; sessions over requests end by time-outs. */
async function settled(target: Target): Promise<{ heap: number; descriptors: number }> {
  const deadline = performance.now() + 60_000;
  while ((await target.server.call('connected')) > 1) {
    if (performance.now() > deadline) throw new Error(`${await target.server.call('connected')} connections are left after 60 s`);
    await pause(100);
  }
  // Sockets and timers behind connections that have ended.
  await pause(3_000);
  let best = await target.server.call('usage');
  for (let turn = 0; turn < 3; turn++) {
    await pause(300);
    const usage = await target.server.call('usage');
    best = { heap: Math.min(best.heap, usage.heap), descriptors: Math.min(best.descriptors, usage.descriptors) };
  }
  return best;
}
