import { type EmitsArguments, type EmitsParser, emits } from './events.js';
import { guard } from './guard.js';

type Reporting = Parameters<typeof emits>[0];

/** The documented `emits`. What its parser throws or rejects with, and what the listeners throw that its `next` calls, is reported. */
export function guardedEmits(emitter: Reporting, report: (error: unknown) => void, event: string, bound: EmitsArguments) {
  const parser = bound.at(-1) as EmitsParser;
  if (typeof parser !== 'function') return emits(emitter, event, ...bound);
  const guarded: EmitsParser = (next, ...args) =>
    guard(() => parser.call(emitter, (...answer) => guard(() => next(...answer), report), ...args), report);
  return emits(emitter, event, ...bound.slice(0, -1), guarded);
}
