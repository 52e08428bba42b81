import { describe, expect, it } from 'vitest';
import { faults } from './faults.js';

function first(count: number, seed: number, only?: string): { name: string; lasts: number }[] {
  const source = faults(seed, only);
  return Array.from({ length: count }, () => source.next().value).map(({ name, lasts }) => ({ name, lasts }));
}

describe('the faults of a seed', () => {
  it('are the same each time, and others for another seed', () => {
    expect(first(50, 7)).toEqual(first(50, 7));
    expect(first(50, 7)).not.toEqual(first(50, 8));
  });

  it('are of all kinds, and none lasts longer than two seconds', () => {
    const many = first(1_000, 1);
    expect([...new Set(many.map(({ name }) => name))].sort()).toEqual([
      'FIN',
      'FIN at a byte toClient',
      'FIN at a byte toServer',
      'RST',
      'RST at a byte toClient',
      'RST at a byte toServer',
      'black hole in both directions',
      'black hole toClient',
      'black hole toServer',
      'broken again and again',
      'broken and refused',
      'delay',
      'half-open',
      'sleeping connection',
      'trickle',
    ]);
    expect(Math.max(...many.map(({ lasts }) => lasts))).toBeLessThanOrEqual(2_000);
  });

  it('can be limited to those of a name', () => {
    expect(first(20, 1, 'black hole').every(({ name }) => name.startsWith('black hole'))).toBe(true);
  });
});
