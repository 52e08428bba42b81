import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Primus } from '../../../src/index.js';
import { Stage } from '../defects/stage.js';

const original = createRequire(import.meta.url)('primus');
const migrating = readFileSync(join(import.meta.dirname, '../../../docs/migrating.md'), 'utf8');

/** A small program that runs with this package and with 8.0.9, and returns what it observed. */
export interface Scenario {
  readonly name: string;
  readonly run: (stage: Stage) => Promise<unknown>;
  /** Where the two differ on purpose: both outcomes, and the first cell of the row in docs/migrating.md that gives the reason. */
  readonly differs?: { readonly ours: unknown; readonly original: unknown; readonly row: string };
}

/** Tests that the outcome of each scenario is that of 8.0.9, or differs as it says. */
export function compare(title: string, scenarios: readonly Scenario[]): void {
  let stage: Stage | undefined;
  afterEach(() => stage?.leave());

  describe(title, () => {
    it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', async (_name, { run, differs }) => {
      stage = new Stage('original', original);
      const theirs = await run(stage);
      await stage.leave();
      stage = new Stage('ours', Primus);
      const ours = await run(stage);
      if (differs === undefined) {
        expect(ours).toEqual(theirs);
        return;
      }
      expect({ ours, original: theirs }).toEqual({ ours: differs.ours, original: differs.original });
      expect(ours).not.toEqual(theirs);
      expect(migrating).toContain(`| ${differs.row} |`);
    });
  });
}
