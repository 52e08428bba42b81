import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Transformer } from '../../src/index.js';
import { contract } from '../transformers/contract.js';
import { blocksOf, read, root } from './blocks.js';

/** The files of the example transformer, by path: each block names its own in its first comment. */
const files = new Map(
  blocksOf('CONTRIBUTING.md', read('CONTRIBUTING.md')).flatMap(({ code }) => {
    const [, path] = /^\/\/ (transformers\/\S+)\n/.exec(code) ?? [];
    return path === undefined ? [] : [[path, code]];
  }),
);

// Outside the source tree: other tests list that, and compile it.
const parent = join(root, 'dist/docs');
mkdirSync(parent, { recursive: true });
const folder = mkdtempSync(join(parent, 'toy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const [path, code] of files) {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    code.replace(/from '(\.[^']+)'/g, (_, specifier) => `from '${located(path, specifier)}'`),
  );
}

/** Where an import of the example leads: to another file of the example, or into the source tree. */
function located(path: string, specifier: string): string {
  const target = join(dirname(path), specifier);
  return join(files.has(target.replace(/\.js$/, '.ts')) ? folder : root, target);
}

const { toy } = (await import(join(folder, 'transformers/toy/index.ts'))) as { toy: Transformer };

it('has the files of a whole transformer in CONTRIBUTING.md, and they compile', { timeout: 60_000 }, () => {
  expect([...files.keys()]).toEqual(['options', 'client', 'server/link', 'server', 'index'].map((name) => `transformers/toy/${name}.ts`));
  const compilerOptions = { composite: false, incremental: false, declaration: false, declarationMap: false, noEmit: true };
  const config = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: { ...compilerOptions, lib: ['ES2022', 'DOM'], types: ['node'] },
    include: ['transformers'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], { encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
});

contract({ transformer: toy.name, by: 'as in CONTRIBUTING.md', options: () => ({ transformer: toy }) });
