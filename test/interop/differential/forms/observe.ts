import { setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { type Any, pause } from '../../defects/stage.js';

/** Describes a value that a call returned. */
function describe(value: unknown, self: unknown): string {
  if (value === self) return 'itself';
  if (typeof value === 'function') return 'function';
  if (typeof value === 'string') return value.length > 100 ? 'a long string' : `'${value.replace(/_primuscb=[^&]+/, '_primuscb=…')}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  const maker = value.constructor?.name ?? 'Object';
  return maker === 'Object' || maker === 'Array' ? inspect(value, { depth: 1, breakLength: Infinity }).replace(/^\[.*?\] /, '') : 'object';
}

/** The object whose method is called. */
export interface Subject {
  readonly self: Any;
  /** Describes the state that the call may have changed. */
  readonly state?: () => unknown;
  readonly end: () => unknown;
}

/** The arguments of a call, whose functions report their calls. */
function watched(args: readonly unknown[], calls: string[]): unknown[] {
  return args.map((value) => {
    if (typeof value !== 'function') return value;
    const reporting = (...values: unknown[]): unknown => {
      calls.push(`calls(${values.map((argument) => (argument instanceof Error ? 'error' : typeof argument)).join(', ')})`);
      return value(...values);
    };
    return Object.defineProperties(reporting, { length: { value: value.length }, name: { value: value.name } });
  });
}

/** Calls a method; describes its result, the events and calls that it caused, and the state that it left. */
export async function observe({ self, state, end }: Subject, method: string, args: readonly unknown[]): Promise<string> {
  const caused: string[] = [];
  const { emit } = self;
  if (emit !== undefined) {
    const value = (event: string, ...values: unknown[]): unknown => {
      if (!/^(incoming|outgoing)::|Listener$|^initialised$/.test(String(event))) caused.push(String(event));
      return emit.call(self, event, ...values);
    };
    Object.defineProperty(self, 'emit', { configurable: true, writable: true, value });
  }
  let outcome: string;
  try {
    outcome = describe(self[method](...watched(args, caused)), self);
  } catch {
    outcome = 'throws';
  }
  for (let turns = 0; turns < 3; turns++) await turn();
  // Primus 8 destroys a server in several steps of timers.
  if (method === 'destroy' || method === 'end') await pause(15);
  const left = state === undefined ? '' : ` ${JSON.stringify(state())}`;
  const seen = outcome === 'throws' ? '' : caused.map((what) => `, ${what}`).join('');
  await end();
  return `${outcome}${seen}${left}`;
}
