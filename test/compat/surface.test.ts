import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { covers, type Difference, type Seen, section, surfaceOf } from '../../scripts/surface.mjs';
import { Primus } from '../../src/index.js';

const file = (...path: string[]) => readFileSync(join(import.meta.dirname, ...path), 'utf8');
/** The surface of 8.0.9, written by scripts/surface.mjs. */
const original = JSON.parse(file('surface.json')) as Record<string, Seen>;
const differences = JSON.parse(file('differences.json')) as Difference[];

describe('the surface of Primus 8', () => {
  /** The rows in which this package is different. */
  let different: string[];

  beforeAll(async () => {
    const ours = await surfaceOf(Primus);
    different = Object.keys(original).filter((row) => ours[row] !== original[row]);
  });

  it('is the same here, but for the listed differences', () => {
    const listed = (row: string) => differences.some(({ members }) => members.some((member) => covers(member, row)));
    expect(different.filter((row) => !listed(row))).toEqual([]);
  });

  it('has no listed difference that no longer exists', () => {
    const members = differences.flatMap((difference) => difference.members);
    expect(members.filter((member) => !different.some((row) => covers(member, row)))).toEqual([]);
  });

  it('has its differences, with their reasons, in docs/migrating.md', () => {
    expect(file('../../docs/migrating.md')).toContain(section(differences));
  });
});
