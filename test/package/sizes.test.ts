import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { imported, importedFeatures, served, tables, target, withTables } from '../../scripts/sizes.mjs';

const read = (page: string) => readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');

it('has the limits that `npm run size` checks in the docs, as `node scripts/sizes.mjs` writes them', () => {
  const page = readFileSync(target, 'utf8');
  expect(page).toBe(withTables(page));
  for (const table of Object.values(tables())) expect(page).toContain(table);
});

it('replaces a limit that is not true any more', () => {
  const page = readFileSync(target, 'utf8');
  const old = page.replaceAll(/\d+\.\d+ kB \|/g, '9.9 kB |');
  expect(old).not.toBe(page);
  expect(withTables(old)).toBe(page);
});

it('has the same limits on the other pages that name them', () => {
  const figures = (page: string) => [...read(page).matchAll(/(\d+\.\d+)\s+kB/g)].map(([, figure]) => Number(figure));
  const plain = Math.max(imported['esbuild, defaults'] as number, imported['Vite, defaults'] as number);
  const es2015 = Math.max(imported['esbuild, es2015'] as number, imported['Vite, es2015'] as number);
  expect(figures('README.md')).toEqual([served.websockets, plain, es2015]);
  expect(figures('docs/client.md')).toEqual([plain, es2015]);
  expect(figures('docs/reconnect.md')).toEqual([importedFeatures.interactive]);
});
