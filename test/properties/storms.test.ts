import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as operators from '../../operators/index.js';

import { plot } from '../../scripts/storm/plot.mjs';
import { runs, type ScenarioName, scenarios, table } from '../../scripts/storm/scenarios.mjs';
import { peak, type Storm, WINDOW } from '../../scripts/storm/simulate.mjs';
import { randomFrom } from '../../src/testing/random.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const CLIENTS = 1_000;
const all = scenarios(operators);

function storms(name: ScenarioName): Record<string, Storm> {
  return runs(all[name], CLIENTS, { reconnect: operators.reconnect, randomFrom });
}

const restart = storms('restart');
const retryAfter = storms('retry-after');
const crashes = storms('crashes');

const jittered = Object.entries(restart).filter(([name]) => !name.startsWith('constant'));

describe('a storm of a thousand clients', () => {
  it('is the same again for the same seed', () => {
    expect(storms('retry-after')).toEqual(retryAfter);
  });

  it.each(jittered)('ends with %s: all clients are connected, by at most ten attempts', (_name, storm) => {
    expect(storm.connected).toBe(CLIENTS);
    expect(storm.shares.at(-1)).toBe(1);
    expect(storm.total).toBeLessThan(10 * CLIENTS);
    expect(storm.gaveUp).toBe(0);
  });

  it.each(jittered)('has at most a quarter of the clients within 100 ms with %s', (_name, storm) => {
    expect(peak(storm)).toBeLessThanOrEqual(CLIENTS / 4);
  });

  it('is never over with a constant delay: all clients that are left come in the same window', () => {
    const storm = restart["constant('10 s', …)"] as Storm;
    expect(storm.attempts.filter(Boolean).length).toBe(12);
    expect(peak(storm)).toBe(CLIENTS);
    expect(storm.connected).toBeLessThan(CLIENTS / 10);
  });

  it('has no peak after Retry-After with `withRetryAfter`, and one of all clients with exactly that delay', () => {
    const [spread, wider, , exact] = Object.values(retryAfter) as [Storm, Storm, Storm, Storm];
    expect(peak(exact)).toBe(CLIENTS);
    // Spread over 5 s: 20 in each tenth of a second, and their chance.
    expect(peak(spread)).toBeLessThan(CLIENTS / 25);
    expect(peak(wider)).toBeLessThan(peak(spread));
    for (const { attempts } of [spread, wider, exact]) expect(attempts.findIndex(Boolean)).toBeGreaterThanOrEqual(10_000 / WINDOW);
  });

  it('is less with each failure of a server with `untilStable`, and always the same without', () => {
    const peaks = Object.values(crashes).map((storm) =>
      [0, 1, 2, 3, 4, 5].map((crash) => peak(storm, 20_000 * crash, 20_000 * (crash + 1))),
    );
    const [without = [], stable = []] = peaks;
    expect(Math.min(...without)).toBeGreaterThan(0.8 * Math.max(...without));
    for (const [index, most] of stable.slice(1).entries()) expect(most).toBeLessThan(0.75 * (stable[index] as number));
  });
});

describe('docs/reconnect.md', () => {
  const page = readFileSync(join(root, 'docs/reconnect.md'), 'utf8');

  it.each(['restart', 'retry-after', 'crashes'] as const)('has the table of the scenario %s', (name) => {
    const [, shown = ''] = new RegExp(`<!-- storm: ${name} -->\n\n([\\s\\S]*?)\n\n<!-- /storm -->`).exec(page) ?? [];
    const expected = table(all[name], { restart, 'retry-after': retryAfter, crashes }[name]);
    // That of the page is of more clients: its figures are others.
    const policies = (rows: string) => rows.split('\n').map((row) => row.split('|')[1]);
    expect(policies(shown)).toEqual(policies(expected));
    expect(shown.split('\n')[0]).toBe(expected.split('\n')[0]);
  });

  it('has a plot with a panel for each policy', () => {
    const drawn = readFileSync(join(root, 'docs/images/reconnect-storm.svg'), 'utf8');
    const names = (svg: string) => [...svg.matchAll(/class="name">(.*)<\/text>/g)].map(([, name]) => name);
    expect(names(drawn)).toEqual(Object.keys(restart));
    expect(names(plot(restart))).toEqual(names(drawn));
  });
});
