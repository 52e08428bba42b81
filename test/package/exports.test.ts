import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('../../', import.meta.url));

type Target = string | { readonly [condition: string]: Target };

const exported = manifest.exports as Record<string, Target>;
const transformers = readdirSync(`${root}src/clients/browser`).map((file) => file.replace(/\.ts$/, ''));

/** Resolves an entry as runtimes and bundlers do: the first condition that holds, in the order of the package. */
function resolve(path: string, conditions: readonly string[]): string | undefined {
  const pattern = path.replace(/(?<=^\.\/(?:client|transformers)\/).*/, '*');
  const entry = exported[path] ?? exported[pattern];
  const found = entry && pick(entry, [...conditions, 'default']);
  return found?.replace('*', path.replace(pattern.replace('*', ''), ''));
}

function pick(target: Target, conditions: readonly string[]): string | undefined {
  if (typeof target === 'string') return target;
  for (const [condition, next] of Object.entries(target)) {
    const found = conditions.includes(condition) ? pick(next, conditions) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The conditions of each environment, beside `import` or `require`, as its documentation names them. */
const pages = {
  'a bundler for pages': ['browser', 'module'],
  'React Native (Metro)': ['react-native'],
  'React Native for the web': ['react-native', 'browser'],
  'webpack for web workers': ['worker', 'browser', 'module'],
  'Cloudflare Workers (wrangler)': ['workerd', 'worker', 'browser'],
  'Vercel and Next.js, edge': ['edge-light', 'worker', 'module'],
};

const servers = {
  'Node.js': ['node', 'node-addons'],
  Bun: ['bun', 'node'],
  Deno: ['deno', 'node'],
  'a bundler for servers': ['node', 'module'],
};

describe('the client', () => {
  it.each(Object.entries(pages))('is the one for pages in %s', (_name, conditions) => {
    expect(resolve('./client', ['import', ...conditions])).toBe('./dist/src/client-browser.js');
    expect(resolve('./client', ['require', ...conditions])).toBe('./dist/commonjs/client-browser.cjs');
    for (const name of transformers) {
      const path = resolve(`./client/${name}`, ['import', ...conditions]);
      expect(path).toBe(`./dist/src/clients/browser/${name}.js`);
      expect(existsSync(`${root}${path}`.replace('/dist/', '/').replace(/js$/, 'ts')), path).toBe(true);
    }
  });

  it.each(Object.entries(servers))('is the one for Node.js in %s', (_name, conditions) => {
    expect(resolve('./client', ['import', ...conditions])).toBe('./dist/commonjs/client.mjs');
    expect(resolve('./client', ['require', ...conditions])).toBe('./dist/commonjs/client.cjs');
    for (const name of transformers) {
      expect(resolve(`./client/${name}`, ['import', ...conditions])).toBe(`./dist/commonjs/clients/${name}.mjs`);
      expect(resolve(`./client/${name}`, ['require', ...conditions])).toBe(`./dist/commonjs/clients/${name}.cjs`);
    }
  });

  it('has types in every environment', () => {
    for (const conditions of [...Object.values(pages), ...Object.values(servers)])
      for (const path of ['./client', './client/sockjs'])
        for (const kind of ['import', 'require']) expect(resolve(path, ['types', kind, ...conditions])).toMatch(/\.d\.c?ts$/);
  });
});

describe('what runs anywhere', () => {
  it.each(Object.entries(pages))('needs nothing of Node.js in %s', (_name, conditions) => {
    for (const path of ['./operators', './channels', './parsers/msgpack'])
      expect(resolve(path, ['import', ...conditions])).not.toMatch(/commonjs/);
  });
});

describe('the types of the packed package', () => {
  it('are compiled for every entry', () => {
    const program = readFileSync(`${root}test/smoke/consumer/every.mts`, 'utf8');
    const compiled = [...program.matchAll(/from 'primus-rx(.*)'/g)].map(([, path]) => `.${path}`);
    const names: Record<string, string> = { './client/*': 'src/clients/browser', './transformers/*': 'transformers' };
    const entries = Object.keys(exported).flatMap((path) => {
      const folder = names[path];
      if (folder === undefined) return path;
      const all = readdirSync(root + folder).map((file) => file.replace(/\.ts$/, ''));
      // Without an entry of their own: parts that transformers share.
      return all
        .filter((name) => existsSync(`${root}${folder}/${name}.ts`) || existsSync(`${root}${folder}/${name}/index.ts`))
        .map((name) => path.replace('*', name));
    });
    expect(compiled.sort()).toEqual(entries.filter((path) => path !== './package.json').sort());
  });
});
