import { once } from 'node:events';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { start } from '../../scripts/processes.mjs';
import { groups } from './cases.js';
import { callbacks } from './surface.js';

const root = join(import.meta.dirname, '../..');
const script = join(root, 'dist/test/callbacks.mjs');

/** Places without a case, with the reason. */
const WITHOUT: { readonly [place: string]: string } = {
  'ClientTransformer.load': 'called for the transformers of this package only',
  'CreateServerOptions.listening': "a listener of Node's own HTTP server",
  'Parser.load': 'called for the parsers of this package only',
  'ServerTransformer.createGroup': 'called by `cluster.join`, to which it throws',
  'ServerTransformer.listen': 'what it throws, the constructor of the server throws',
};

const cases = Object.values(groups).flat();

describe('every function of the application that the public types take', () => {
  it('has a case here, or a reason', () => {
    const covered = new Set([...cases.map(({ place }) => place), ...Object.keys(WITHOUT)]);
    const places = callbacks();
    expect(places.length).toBeGreaterThan(100);
    expect(places.filter((place) => !covered.has(place))).toEqual([]);
    expect(Object.keys(WITHOUT).filter((place) => !places.includes(place))).toEqual([]);
  });

  it('has one title for each case', () => {
    const titles = cases.map(({ place, name }) => `${place}, ${name}`);
    expect(new Set(titles).size).toBe(titles.length);
  });
});

describe('a function of the application that fails in any way', () => {
  beforeAll(() =>
    build({
      entryPoints: [join(import.meta.dirname, 'child.ts')],
      outfile: script,
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
    }),
  );

  it.each(Object.keys(groups))(
    'ends no process, is reported, and leaves no connection and no timer: %s',
    async (group) => {
      const child = start(process.execPath, ['--no-warnings', script, group], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
      let wrong: unknown;
      child.on('message', (message) => {
        wrong = message;
      });
      const [code] = await once(child, 'close');
      expect({ wrong, code }).toEqual({ wrong: [], code: 0 });
    },
    600_000,
  );
});
