import { describe, expect, it } from 'vitest';
import { pages, read } from './blocks.js';
import { check, report } from './check.js';

describe('the pages', () => {
  it('have examples that compile, run and print what they say, and links that lead somewhere', { timeout: 240_000 }, async () => {
    const problems = await check(pages().map((page) => [page, read(page)]));
    expect(report(problems)).toBe('');
  });
});
