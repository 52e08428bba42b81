import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pages, read } from './blocks.js';
import { check, report } from './check.js';

describe('the pages', () => {
  it('have examples that compile, run and print what they say, and links with existing targets', { timeout: 600_000 }, async () => {
    const problems = await check(pages().map((page) => [page, read(page)]));
    expect(report(problems)).toBe('');
  });

  it('are linked from each other, all of them', () => {
    const links = pages().flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)\s#]+)/g)].map(([, target = '']) => normalize(join(dirname(page), target))),
    );
    // Not published, as it links to the tests: see `tarball.test.ts`.
    const unlinked = ['README.md', 'docs/COVERAGE.md'];
    expect(pages().filter((page) => !unlinked.includes(page) && !links.includes(page))).toEqual([]);
  });
});
