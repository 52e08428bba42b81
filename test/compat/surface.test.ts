import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Difference, differencesOf, page, type Seen, section, surfaceOf } from '../../scripts/surface.mjs';
import { Primus } from '../../src/index.js';

const file = (...path: string[]) => readFileSync(join(import.meta.dirname, ...path), 'utf8');
/** The surface of 8.0.9, written by scripts/surface.mjs. */
const original = JSON.parse(file('surface.json')) as Record<string, Seen>;
const differences = JSON.parse(file('differences.json')) as Difference[];

describe('the surface of Primus 8', () => {
  it('is the same here, but for the listed differences, which are exactly as listed', async () => {
    const listed = Object.assign({}, ...differences.map(({ rows }) => rows)) as Record<string, unknown>;
    expect(differencesOf(original, await surfaceOf(Primus))).toEqual(listed);
  });

  it('has each difference in one group', () => {
    const rows = differences.flatMap(({ rows }) => Object.keys(rows));
    expect(rows).toEqual([...new Set(rows)]);
  });

  it('has its differences, with their reasons, in the docs', () => {
    expect(file('../../docs/migrating.md')).toContain(section(differences));
    expect(file('../../docs/differences.md')).toBe(page(original, differences));
  });
});
