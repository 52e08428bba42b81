import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Primus as Client } from '../../client/primus.js';
import { CLIENT_DEFAULTS, RECONNECT_DEFAULTS, SERVER_DEFAULTS } from '../../src/core/options.js';
import { CORS_DEFAULTS } from '../../src/server/middleware/cors.js';
import { defaultLayers } from '../../src/server/middleware/defaults.js';
import { Server } from '../../src/server/primus.js';
import { Spark } from '../../src/server/spark.js';
import { documented } from './documented.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(`${root}docs/COVERAGE.md`, 'utf8');

interface Row {
  chapter: string;
  name: string;
  links: { title: string; file: string }[];
}

/** The rows of the page: `| name | [title](../file); [title](../file) |`, below the headings of their chapters. */
function rowsOf(markdown: string): Row[] {
  return markdown.split(/^## /m).flatMap((section) => {
    const [chapter = '', ...lines] = section.split('\n');
    const rows = lines.map((line) => /^\| (.+?) \| (.+) \|$/.exec(line)).filter((match) => match !== null);
    return rows
      .filter(([, name]) => name !== 'documented')
      .map(([, name = '', links = '']) => ({ chapter, name: plain(name), links: linksOf(links) }));
  });
}

function linksOf(cell: string): Row['links'] {
  return [...cell.matchAll(/\[(.+?)\]\(\.\.\/(test\/[^)]+)\)/g)].map(([, title = '', file = '']) => ({ title, file }));
}

function plain(text: string): string {
  return text.replace(/^`(.*)`$/, '$1');
}

/** Whether a file has a test, or a scenario, of that title or, for a title in code style, that very call. */
function holds(file: string, title: string): boolean {
  const source = sourceOf(file);
  if (title.startsWith('`contract(')) return source.includes(plain(title));
  const wanted = title.replaceAll('\\<', '<').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const calls = [...source.matchAll(new RegExp(`(?:(\\w*)\\(\\s*|\\bname: )(['"\`])${wanted}\\2\\s*,`, 'g'))];
  return calls.some(([, called]) => called !== 'describe');
}

const sources = new Map<string, string>();

function sourceOf(file: string): string {
  let source = sources.get(file);
  if (source === undefined) {
    try {
      source = readFileSync(root + file, 'utf8');
    } catch {
      source = '';
    }
    sources.set(file, source);
  }
  return source;
}

/** Lists the problems of a page: rows that are missing, unknown or without a test. */
function problems(markdown: string): string[] {
  const rows = rowsOf(markdown);
  const key = (chapter: string, name: string) => `${chapter}: ${name}`;
  const have = new Set(rows.map(({ chapter, name }) => key(chapter, name)));
  const wanted = new Set(Object.entries(documented).flatMap(([chapter, names]) => names.map((name) => key(chapter, name))));
  return [
    ...[...wanted].filter((row) => !have.has(row)).map((row) => `no row for ${row}`),
    ...[...have].filter((row) => !wanted.has(row)).map((row) => `no document has ${row}`),
    ...rows.filter(({ links }) => links.length === 0).map(({ chapter, name }) => `nothing shows ${key(chapter, name)}`),
    ...rows
      .flatMap(({ links }) => links)
      .filter(({ title, file }) => !holds(file, title))
      .map(({ title, file }) => `${file} has no test '${title}'`),
  ];
}

describe('docs/COVERAGE.md', () => {
  it('has a row for everything that is documented, with a test that exists', () => {
    expect(rowsOf(page).length).toBeGreaterThan(200);
    expect(problems(page)).toEqual([]);
  });

  it('has every option that has a default, every layer and every public event', () => {
    const names = new Set(Object.values(documented).flatMap((chapter) => chapter.map((name) => name.replace(/ \(\w+\)$/, ''))));
    const options = [SERVER_DEFAULTS, CLIENT_DEFAULTS, RECONNECT_DEFAULTS, CORS_DEFAULTS].flatMap((defaults) => Object.keys(defaults));
    const events = [Server, Spark, Client].flatMap(({ prototype }) => Object.keys(prototype.reserved.events));
    const layers = defaultLayers({ authorizationTimeout: false }).map(([name]) => name);
    expect([...options, ...events, ...layers].filter((name) => !names.has(name))).toEqual([]);
  });

  it.each([
    ['a row that is gone', (text: string) => text.replace(/^\| `idGenerator`.*\n/m, ''), 'no row for'],
    ['a row that no document has', (text: string) => text.replace('| `maxAge` |', '| `minAge` |'), 'no document has'],
    ['a test that is gone', (text: string) => text.replace('[takes ids from idGenerator]', '[takes ids from elsewhere]'), 'no test'],
    ['a file that is gone', (text: string) => text.replaceAll('test/server/cors.test.ts', 'test/server/gone.test.ts'), 'no test'],
    ['a heading instead of a test', (text: string) => text.replace('[takes ids from idGenerator]', '[the policy]'), 'no test'],
    ['a row without a link', (text: string) => text.replace(/(\| `maxLength` \| ).*( \|)/, '$1soon$2'), 'nothing shows'],
  ])('reports %s', (_what, change, problem) => {
    const changed = change(page);
    expect(changed).not.toBe(page);
    expect(problems(changed).join()).toContain(problem);
  });
});
