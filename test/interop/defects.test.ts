import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { kill, start } from '../../scripts/processes.mjs';
import { Primus } from '../../src/index.js';
import { watchForCrashes } from '../server/crashes.js';
import { defects } from './defects/all.js';
import { type Defect, Stage } from './defects/stage.js';

const root = join(import.meta.dirname, '../..');
const script = join(root, 'dist/test/defects.mjs');

let stage: Stage;
const children: ChildProcess[] = [];

afterEach(async () => {
  await stage?.leave();
  for (const child of children.splice(0)) await kill(child);
});

watchForCrashes();

describe('a defect of the original does not exist here', () => {
  it.each(named(defects))('%s: %s', async (_no, _name, { scenario, ours }) => {
    stage = new Stage('ours', Primus);
    expect(await scenario(stage)).toEqual(ours);
  });
});

// The controls: a scenario proves nothing here unless it shows the defect in the original.
describe('8.0.9', () => {
  const fatal = ({ original }: Defect) => original instanceof RegExp;

  beforeAll(() =>
    build({
      entryPoints: [join(import.meta.dirname, 'defects/child.ts')],
      outfile: script,
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
    }),
  );

  it('has all nineteen defects, each scenario with a name of its own', () => {
    expect(new Set(defects.map(({ name }) => name)).size).toBe(defects.length);
    const numbers = new Set(defects.map(({ no }) => Number.parseInt(no, 10)));
    expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 19 }, (_, index) => index + 1));
  });

  it.each(named(defects.filter((defect) => !fatal(defect))))('shows %s: %s', async (_no, _name, { scenario, original, ours }) => {
    expect(original).not.toEqual(ours);
    stage = new Stage('original', createRequire(import.meta.url)('primus'));
    expect(await scenario(stage)).toEqual(original);
  });

  it.each(named(defects.filter(fatal)))('crashes with %s: %s', async (_no, name, { original }) => {
    const child = start(process.execPath, [script, name], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    children.push(child);
    let said: unknown;
    let cry = '';
    child.on('message', (message) => {
      said = message;
    });
    child.stderr?.on('data', (data) => {
      cry += data;
    });
    const [code] = await once(child, 'close');
    expect({ said, code }).toEqual({ said: undefined, code: 1 });
    expect(cry).toMatch(original as RegExp);
  });
});

function named(list: readonly Defect[]) {
  return list.map((defect) => [defect.no, defect.name, defect] as const);
}
