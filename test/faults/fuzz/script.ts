import type { Random } from './random.js';

/** A step of a raw client on its one connection. */
export interface Step {
  /** Bytes to write; made of the answers so far where they have the id of a session. */
  bytes: Buffer | ((answers: string) => Buffer);
  /** Waits for that in the answers before the next step. */
  until?: RegExp;
}

/** The steps of a raw client on one connection, and its end. */
export interface Script {
  steps: Step[];
  /** The number of requests, frames and messages in it. */
  inputs: number;
  /** How it leaves: with FIN, with RST, or by waiting for the server to close. */
  leaves: 'end' | 'reset' | 'wait';
}

export interface FuzzContext {
  transformer: string;
  parser: string;
  compression: boolean;
}

/** Makes scripts of one kind. */
export interface Fuzzer {
  name: string;
  appliesTo(context: FuzzContext): boolean;
  script(random: Random, context: FuzzContext): Script;
}

export function leaving(random: Random): Script['leaves'] {
  return random.chance(0.8) ? 'end' : random.pick(['reset', 'wait']);
}
