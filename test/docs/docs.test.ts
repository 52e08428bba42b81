import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pages, read, root } from './blocks.js';
import { check, report } from './check.js';

/** Pages that are linked to and still being written. Off with those that are there. */
const AWAITED = ['docs/credentials.md', 'docs/https.md'];

describe('the pages', () => {
  it('have examples that compile, run and print what they say, and links that lead somewhere', { timeout: 240_000 }, async () => {
    const problems = await check(pages().map((page) => [page, read(page)]));
    const awaited = AWAITED.map((page) => `There is no ${page}`);
    expect(report(problems.filter(({ message }) => !awaited.includes(message)))).toBe('');
  });

  it('are linked from each other, all of them', () => {
    const links = pages().flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)\s#]+)/g)].map(([, target = '']) => normalize(join(dirname(page), target))),
    );
    expect(pages().filter((page) => page !== 'README.md' && !links.includes(page))).toEqual([]);
  });

  it('are awaited only while they are not there', () => {
    expect(AWAITED.filter((page) => existsSync(join(root, page)))).toEqual([]);
  });
});
