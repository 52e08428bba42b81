import { setTimeout as pause } from 'node:timers/promises';
import { Target } from '../target.js';
import { Sockets } from '../wire/socket.js';
import { play } from './client.js';
import { frames } from './frames.js';
import { Random } from './random.js';
import { requests } from './requests.js';
import type { FuzzContext, Fuzzer, Script } from './script.js';
import { sessions } from './sessions.js';

const FUZZERS: readonly Fuzzer[] = [requests, frames, sessions];

/** The connections that are open at a time. */
const CONCURRENCY = 48;

/** A longer stall of the event loop, in ms, is a failure. Inputs of a few kB need nothing like it. */
const STALL = 2_000;

export interface FuzzSettings extends FuzzContext {
  seed: number;
  /** The index of the first case, and of the one behind the last. */
  from: number;
  until: number;
  /** How many inputs are enough, and when to stop, in ms of `performance.now()`. */
  inputs: number;
  deadline: number;
  /** Only fuzzers whose name contains this. */
  only: string;
}

export interface FuzzResult {
  inputs: number;
  cases: number;
  /** The longest stall of the event loop, in ms. */
  stall: number;
  seconds: number;
  failure?: string;
  /** The cases that were being played when it failed. */
  suspects: number[];
}

/** The script of a case: the same for the same seed and index. */
export function scriptOf({ seed, only, ...context }: FuzzContext & { seed: number; only: string }, index: number): Script {
  const random = new Random(seed, index);
  const able = FUZZERS.filter((fuzzer) => fuzzer.name.includes(only) && fuzzer.appliesTo(context));
  return random.pick(able).script(random, context);
}

/** Plays cases until there were enough inputs, the time is over, or the server fails. */
export async function fuzz(settings: FuzzSettings): Promise<FuzzResult> {
  const { transformer, parser, compression, from, until, inputs, deadline } = settings;
  // Dead sessions go soon.
  const target = await Target.start({ transformer, parser, compression, options: { pingInterval: 1_000 } });
  const sockets = new Sockets(target.port);
  const begin = performance.now();
  const result: FuzzResult = { inputs: 0, cases: 0, stall: 0, seconds: 0, suspects: [] };
  const playing = new Set<number>();
  const recent: number[] = [];
  let next = from;
  const goesOn = () => next < until && result.inputs < inputs && performance.now() < deadline && result.failure === undefined;
  const fail = (error: unknown) => {
    if (result.failure !== undefined) return;
    if (error === undefined) return;
    result.failure = (error as Error).message;
    // A crash may come a little after its cause.
    result.suspects = [...recent.slice(-200), ...playing];
  };
  void target.server.ended.then(() => fail(target.server.failure));

  async function playCases(): Promise<void> {
    while (goesOn()) {
      const index = next++;
      playing.add(index);
      const script = scriptOf(settings, index);
      await play(sockets, script);
      playing.delete(index);
      if (recent.push(index) > 2_000) recent.splice(0, 1_000);
      result.inputs += script.inputs;
      result.cases++;
    }
  }

  async function watch(): Promise<void> {
    do {
      await pause(500);
      const stall = await target.server.call('stall');
      result.stall = Math.max(result.stall, stall);
      if (stall > STALL) throw new Error(`The event loop stood still for ${Math.round(stall)} ms`);
      await target.serves();
    } while (goesOn());
  }

  try {
    await Promise.all([watch().catch(fail), ...Array.from({ length: CONCURRENCY }, playCases)]);
    await pause(200);
    if (result.failure === undefined) await target.serves();
  } catch (error) {
    fail(target.server.failure ?? error);
  } finally {
    sockets.destroy();
    await target.stop();
  }
  result.seconds = (performance.now() - begin) / 1_000;
  return result;
}

/** Plays suspects one by one, each against a new server, and returns the first that fails alone. */
export async function findCulprit(settings: FuzzSettings, suspects: readonly number[]): Promise<number | undefined> {
  // Halves first: most cases are harmless.
  let list = [...suspects].sort((a, b) => a - b);
  while (list.length > 1) {
    const half = list.slice(0, list.length >> 1);
    const rest = list.slice(list.length >> 1);
    if (await fails(settings, rest)) list = rest;
    else if (await fails(settings, half)) list = half;
    else return undefined;
  }
  const [index] = list;
  return index !== undefined && (await fails(settings, [index])) ? index : undefined;
}

async function fails(settings: FuzzSettings, indexes: readonly number[]): Promise<boolean> {
  const { transformer, parser, compression } = settings;
  const target = await Target.start({ transformer, parser, compression, options: { pingInterval: 1_000 } });
  const sockets = new Sockets(target.port);
  try {
    for (const index of indexes) await play(sockets, scriptOf(settings, index));
    await pause(1_500);
    if ((await target.server.call('stall')) > STALL) return true;
    await target.serves();
    return false;
  } catch {
    return true;
  } finally {
    sockets.destroy();
    await target.stop();
  }
}
