import { setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { type Any, pause } from '../../defects/stage.js';

/** Prints a value, with its members in the order of their names. */
function printed(value: unknown): string {
  return inspect(value, { depth: 3, breakLength: Infinity, sorted: true });
}

/** Describes a value that a call returned, or what it called a function with. */
export function describe(value: unknown, self: unknown): string {
  if (value === self) return 'itself';
  if (typeof value === 'function') return 'function';
  if (typeof value === 'string') return value.length > 100 ? 'a long string' : `'${value.replace(/_primuscb=[^&]+/, '_primuscb=…')}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  const maker = value.constructor?.name ?? 'Object';
  return maker === 'Object' || maker === 'Array' ? printed(value).replace(/^\[.*?\] /, '') : 'object';
}

/** The object whose method is called. */
export interface Subject {
  readonly self: Any;
  /** The state that the call may change, by name. */
  readonly state?: () => Readonly<Record<string, unknown>>;
  /** The time in ms after which the call has had its effects, where these need timers. */
  readonly settles?: number;
  readonly end: () => unknown;
}

/** The arguments of a call, whose functions report their calls. */
function watched(args: readonly unknown[], calls: string[], self: unknown): unknown[] {
  return args.map((value) => {
    if (typeof value !== 'function') return value;
    const reporting = function (this: unknown, ...values: unknown[]): unknown {
      const on = this === undefined ? '' : ` on ${describe(this, self)}`;
      calls.push(`calls(${values.map((argument) => (argument instanceof Error ? 'error' : typeof argument)).join(', ')})${on}`);
      return value(...values);
    };
    const source = { value: () => 'function () {}' };
    return Object.defineProperties(reporting, { length: { value: value.length }, name: { value: value.name }, toString: source });
  });
}

/** Calls a method; describes its result, the events and calls that it caused, and the state that it changed. */
export async function observe({ self, state, settles, end }: Subject, method: string, args: readonly unknown[]): Promise<string> {
  const caused: string[] = [];
  const { emit } = self;
  if (emit !== undefined) {
    const value = (event: string, ...values: unknown[]): unknown => {
      if (!/^(incoming|outgoing)::|Listener$|^initialised$/.test(String(event))) caused.push(String(event));
      return emit.call(self, event, ...values);
    };
    Object.defineProperty(self, 'emit', { configurable: true, writable: true, value });
  }
  const before = state?.() ?? {};
  let outcome: string;
  try {
    outcome = describe(self[method](...watched(args, caused, self)), self);
  } catch {
    outcome = 'throws';
  }
  for (let turns = 0; turns < 3; turns++) await turn();
  // Primus 8 destroys a server in several steps of timers.
  if (method === 'destroy' || method === 'end') await pause(15);
  else if (settles !== undefined) await pause(settles);
  const left = Object.entries(state?.() ?? {}).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]));
  const changed = left.map(([name, value]) => `, ${name}: ${printed(value)}`);
  // How often an interval runs depends on the machine.
  const reported = settles === undefined ? caused : caused.filter((what, at) => what !== caused[at - 1]);
  const seen = outcome === 'throws' ? [] : reported.map((what) => `, ${what}`);
  await end();
  return [outcome, ...seen, ...changed].join('');
}
