import { setTimeout as pause } from 'node:timers/promises';
import { encode } from '../fuzz/values.js';
import { Target } from '../target.js';
import { readUntil } from '../wire/socket.js';
import { BINARY, frame } from '../wire/websocket.js';
import { type Attack, Attacker } from './attacker.js';

/** The limits for one attacker: bytes of memory, and ms for which others wait. */
export const LIMITS = { memory: 64 * 2 ** 20, stall: 250 };

/** The time of ordinary traffic before the memory is measured, in ms: the heap grows to what it needs for that. */
const WARM_UP = 800;

export interface Cost {
  transformer: string;
  parser: string;
  compression: boolean;
  attack: string;
  /** The peak of the resident memory above that before the attack, in bytes. */
  memory: number;
  /** The longest stall of the server's event loop in ms, without the time in which others had the processor. */
  stall: number;
  /** The longest time for which the innocent client waited for an answer, in ms. */
  latency: number;
  /** The connections that the innocent client lost. */
  lost: number;
  /** Descriptors that stayed open after the attacker had gone. */
  descriptors: number;
  failure?: string;
}

export function isWithinLimits({ memory, stall, latency, lost, descriptors, failure }: Cost): boolean {
  return (
    memory <= LIMITS.memory && stall <= LIMITS.stall && latency <= LIMITS.stall && lost === 0 && descriptors <= 0 && failure === undefined
  );
}

/** Measures an attack; the best of some tries when it is over a limit. `undefined` where it does not apply. */
export async function measure(attack: Attack, settings: AttackSettings): Promise<Cost | undefined> {
  let best: Cost | undefined;
  for (let tried = 0; tried < settings.tries; tried++) {
    const cost = await attempt(attack, settings);
    if (cost === undefined) return undefined;
    if (best === undefined) best = cost;
    else {
      best = {
        ...best,
        memory: Math.min(best.memory, cost.memory),
        stall: Math.min(best.stall, cost.stall),
        latency: Math.min(best.latency, cost.latency),
        lost: Math.min(best.lost, cost.lost),
        descriptors: Math.min(best.descriptors, cost.descriptors),
      };
    }
    if (isWithinLimits(best) || best.failure !== undefined) break;
    // Far over a limit is no noise.
    if (best.memory > 2 * LIMITS.memory || best.stall > 2 * LIMITS.stall) break;
  }
  return best;
}

export interface AttackSettings {
  transformer: string;
  parser?: string | undefined;
  compression: boolean;
  /** In ms. */
  duration: number;
  /** How often an attack that seems to cost too much is measured: other programs only ever add. */
  tries: number;
}

async function attempt(attack: Attack, { transformer, parser, compression, duration }: AttackSettings): Promise<Cost | undefined> {
  const target = await Target.start({
    transformer,
    parser,
    compression,
    ...(attack.application && { application: attack.application }),
    ...(attack.options && { options: attack.options }),
  });
  const cost: Cost = {
    transformer,
    parser: parser ?? 'json',
    compression,
    attack: attack.name,
    memory: 0,
    stall: 0,
    latency: 0,
    lost: 0,
    descriptors: 0,
  };
  try {
    if (attack.appliesTo?.(new Attacker(target, 0)) === false) return undefined;
    await warmUp(target);
    const before = await target.server.call('usage');
    await pause(100);
    await target.server.call('stall');
    await target.innocent.call('report');
    const { now } = target.memory();
    target.resetPeak();

    const attacker = new Attacker(target, duration);
    await attack.run(attacker);
    // What was sent is still being read.
    await pause(500);
    cost.memory = target.memory().peak - now;
    cost.stall = await target.server.call('stall');
    Object.assign(cost, pickInnocent(await target.innocent.call('report')));
    attacker.sockets.destroy();
    await target.serves();
    cost.descriptors = await leftDescriptors(target, before.descriptors, attack.settles ?? 10_000);
  } catch (error) {
    cost.failure = (error as Error).message;
  } finally {
    await target.stop();
  }
  return cost;
}

function pickInnocent({ latency, lost }: { latency: number; lost: number }): Pick<Cost, 'latency' | 'lost'> {
  return { latency, lost };
}

/** The descriptors above those before, once they are gone or the time in ms is over. */
async function leftDescriptors({ server }: Target, before: number, time: number): Promise<number> {
  const deadline = performance.now() + time;
  for (;;) {
    const left = (await server.call('usage')).descriptors - before;
    // The innocent client may have a request more or less under way.
    if (left <= 2) return 0;
    if (performance.now() > deadline) return left;
    await pause(200);
  }
}

/** Ordinary traffic: messages of 1 kB that are echoed and read, and a request for the client library. */
async function warmUp(target: Target): Promise<void> {
  const attacker = new Attacker(target, WARM_UP);
  const library = await attacker.sockets.connect();
  library.write('GET /primus/primus.js HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await readUntil(library, /^never$/, 10_000);
  const text = JSON.stringify('x'.repeat(1_000));
  const message = encode(target.settings.parser ?? 'json', 'x'.repeat(1_000));
  if (attacker.dialect !== undefined) {
    const sockets = await attacker.webSockets(5, '');
    const load = Buffer.concat(
      Array.from({ length: 20 }, () => (typeof message === 'string' ? attacker.message(message) : frame(BINARY, message))),
    );
    while (attacker.goesOn) {
      for (const socket of sockets) await attacker.write(socket, load);
      await pause(2);
    }
  } else {
    const sessions = await attacker.sessions(5, '');
    while (attacker.goesOn) {
      for (const session of sessions) await session.send(Array.from({ length: 20 }, () => text));
      await pause(5);
    }
  }
  attacker.sockets.destroy();
}
