import type * as operators from '../../operators/index.js';
import type { Policy } from '../../operators/policy.js';
import type { reconnect } from '../../operators/reconnect.js';
import type { randomFrom } from '../../src/testing/random.js';
import type { SimulatedServer, Storm } from './simulate.mjs';

export interface Scenario {
  server(clients: number): SimulatedServer;
  /** The longest time, in ms. */
  readonly limit: number;
  readonly figures: Readonly<Record<string, (storm: Storm) => string>>;
  readonly policies: Readonly<Record<string, (random: () => number) => Policy>>;
}

export type ScenarioName = 'restart' | 'retry-after' | 'crashes';

export function scenarios(module: typeof operators): Record<ScenarioName, Scenario>;
export function runs(
  scenario: Scenario,
  clients: number,
  parts: { reconnect: typeof reconnect; randomFrom: typeof randomFrom },
): Record<string, Storm>;
export function table(scenario: Scenario, results: Readonly<Record<string, Storm>>): string;
