// A peer under measure and its load, each in a process of its own.
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { text } from './message.mjs';
import { start } from './rpc.mjs';

const file = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

const MISSING = new Set(['ERR_MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED']);

/** The peer, or a package that it needs, is not installed: it is left out. */
export class NotInstalled extends Error {
  constructor(peer, cause) {
    super(`${peer} is not installed`, { cause });
    this.peer = peer;
  }
}

/** Starts a peer and its load, and checks that the peer echoes. */
export async function startPair(name, role = 'server', execArgv = []) {
  const { wire, wrap } = await import(`../peers/${name}.mjs`);
  const subject = start(file('subject.mjs'), [name], ['--expose-gc', ...execArgv]);
  const load = role === 'resume' ? start(file('clients.mjs'), [name]) : start(file('load.mjs'));
  const pair = { name, subject, load, wrap, stop: () => Promise.all([subject.stop(), load.stop()]) };
  try {
    if (role === 'client') {
      await subject.connect(await load.listen());
    } else if (role === 'resume') {
      await load.target(await subject.serve());
    } else {
      await load.target(await subject.serve(), wire);
      const reply = await load.check(wrap(text));
      if (!reply.includes(wrap(text))) throw new Error(`${name} must echo the message, but answered: ${reply}`);
    }
    return pair;
  } catch (error) {
    await pair.stop();
    throw MISSING.has(error.code) ? new NotInstalled(name, error) : error;
  }
}

/**
 * Measures the CPU time of `work` per unit, in µs, and the units per second. `system` is the part of `cpu` that the operating
 * system spent, which a library can only lower with fewer calls.
 *
 * @param work starts the work and resolves when the peer has done it
 */
export async function costOf({ subject, load }, units, work) {
  await settled();
  await load.wake();
  const started = performance.now();
  const before = await subject.cpu();
  await work();
  const after = await subject.cpu();
  const took = performance.now() - started;
  await load.sleep();
  const system = (after.system - before.system) / units;
  const user = (after.user - before.user) / units;
  return { cpu: user + system, system, rate: (units / took) * 1000 };
}

/** Waits for work left over from the round before. */
export const settled = (ms = 30) => delay(ms);

/** Resolves once so many sessions of the server have no connection. */
export async function sessionsAway(subject, count) {
  for (let attempts = 500; attempts > 0; attempts--) {
    if ((await subject.away()) === count) return;
    await delay(10);
  }
  throw new Error(`Of ${count} sessions, ${await subject.away()} have no connection`);
}

/** Resolves once the server has opened at least `least` sessions and all of them are closed. */
export async function sessionsOver(subject, least = 0) {
  for (let attempts = 500; attempts > 0; attempts--) {
    const { opened, closed } = await subject.sessions();
    if (opened === closed && opened >= least) return;
    await delay(10);
  }
  const { opened, closed } = await subject.sessions();
  throw new Error(`The server announced ${opened} sessions and the end of ${closed}; ${least} were opened and closed`);
}
