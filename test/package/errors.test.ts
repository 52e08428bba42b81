import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { page, target } from '../../scripts/errors.mjs';

it('has every error code, as `node scripts/errors.mjs` writes it', () => {
  expect(readFileSync(target, 'utf8')).toBe(page());
  expect(page().match(/`ERR_PRIMUS_\w+` \| \w/g)?.length).toBeGreaterThan(20);
});
