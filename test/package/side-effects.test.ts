import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { sideEffects } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { sideEffects: string[] };

/** How many bytes a page gets that has this code alone. */
async function weigh(contents: string): Promise<number> {
  const result = await build({ stdin: { contents, resolveDir: root }, bundle: true, minify: true, format: 'esm', write: false });
  return result.outputFiles[0]?.contents.length as number;
}

describe('a server', () => {
  it('loads nothing of the kit for tests', () => {
    const list =
      "Object.keys(require.cache).filter((file) => /testing.(index.)?c?js$/.test(file) || /createTestWorld/.test(fs.readFileSync(file, 'utf8')))";
    const loadedBy = (entry: string) =>
      execFileSync(process.execPath, ['-p', `require('${entry}'); ${list}.join()`], { cwd: root, encoding: 'utf8' }).trim();
    expect(['primus-rx', 'primus-rx/client', 'primus-rx/cluster', 'primus-rx/transformers/memory'].map(loadedBy)).toEqual(['', '', '', '']);
    expect(loadedBy('primus-rx/testing')).toMatch(/shared.testing\.cjs/);
  });
});

describe('a server without a cluster', () => {
  it('loads nothing of clusters and channels, nor of engines', () => {
    const list =
      "Object.keys(require.cache).filter((file) => /redis|nats|cluster/.test(file) || /class ClusterBus/.test(fs.readFileSync(file, 'utf8')))";
    const loadedBy = (entry: string) =>
      execFileSync(process.execPath, ['-p', `require('${entry}'); ${list}.length`], { cwd: root, encoding: 'utf8' }).trim();
    expect(['primus-rx', 'primus-rx/client'].map(loadedBy)).toEqual(['0', '0']);
    expect(loadedBy('primus-rx/cluster')).not.toBe('0');
  });
});

describe('a module for pages', () => {
  const modules = ['client', 'channels', 'contract', 'flow', 'request', ...['engine.io', 'sockjs'].map((name) => `client/${name}`)];
  // A timer or a socket would keep the process alive, and be listed.
  const idle = 'import(process.argv[1]).then(() => setImmediate(() => console.log(process.getActiveResourcesInfo().join())))';

  it.each([
    ['for pages', ['--conditions=browser']],
    ['for Node.js', []],
  ])('is loaded on a server without a connection or a timer: the build %s', (_build, conditions) => {
    for (const module of modules) {
      const args = [...conditions, '-e', idle, `primus-rx/${module}`];
      const listed = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).trim().split(',');
      expect(
        listed.filter((name) => /timeout|tcp|udp|dns|getaddrinfo/i.test(name)),
        module,
      ).toEqual([]);
    }
  });
});

describe('the field sideEffects', () => {
  it('names files that are there', () => {
    for (const file of sideEffects) {
      const names = file.includes('*') ? readdirSync(dirname(root + file)) : [basename(file)];
      expect(names.filter((name) => name.endsWith(extname(file)) && existsSync(join(dirname(root + file), name)))).not.toEqual([]);
    }
  });

  it('lets a bundler leave out what a page does not import', async () => {
    const whole = await weigh("export { Primus } from 'primus-rx/client'");
    expect(whole).toBeGreaterThan(20_000);
    expect(await weigh("export { PrimusError } from 'primus-rx/client'")).toBeLessThan(1_000);
    expect(await weigh("export { platform } from 'primus-rx/client'")).toBeLessThan(whole / 2);
  });
});
