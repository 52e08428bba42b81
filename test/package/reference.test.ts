import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folder, reference } from '../../scripts/reference.mjs';

describe('the reference', () => {
  const { pages, undocumented } = reference();

  it('is as `node scripts/reference.mjs` writes it after a build', () => {
    expect(readdirSync(folder).sort()).toEqual([...pages.keys()].sort());
    for (const [file, text] of pages) expect(readFileSync(join(folder, file), 'utf8'), file).toBe(text);
  });

  it('has a docstring for everything that is public', () => {
    expect(undocumented).toEqual([]);
  });

  it('has the main entries', () => {
    const page = pages.get('primus-rx.md');
    for (const member of ['connection$', 'destroy', 'trustProxy', 'createServer', 'duplex', 'heartbeat$'])
      expect(page).toContain(`- \`${member}`);
    expect(pages.get('client.md')).toContain('- `state$: Observable<ClientState>`  \n  The state now, and every change.');
    expect(pages.get('operators.md')).toContain('## reconnect\n');
    expect(pages.get('transformers.md')).toContain('## engineIO\n');
    expect([...pages.values()].join('')).not.toMatch(/registry|#private|import\(|`_\w/);
  });
});
