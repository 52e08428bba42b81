import { execFileSync } from 'node:child_process';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';
import { read, root } from './blocks.js';
import { linksOf } from './links.js';

interface Report {
  files: { path: string }[];
}

it('ships everything that the pages in the tarball link to', { timeout: 60_000 }, () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8' });
  const [{ files }] = JSON.parse(output) as [Report];
  const shipped = new Set(files.map(({ path }) => path));
  const pages = [...shipped].filter((path) => path.endsWith('.md'));
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/README.md']));
  const missing = pages.flatMap((page) =>
    linksOf(read(page))
      .map(({ target }) => target.replace(/#.*$/, ''))
      .filter((target) => target !== '' && !/^[a-z]+:/.test(target) && !shipped.has(normalize(join(dirname(page), target))))
      .map((target) => `${page} links to ${target}`),
  );
  expect(missing).toEqual([]);
});
