import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { CLIENT_DEFAULTS, RECONNECT_DEFAULTS, SERVER_DEFAULTS } from '../../src/core/options.js';
import { Primus } from '../../src/index.js';
import { CORS_DEFAULTS } from '../../src/server/middleware/cors.js';
import { pages, read } from './blocks.js';

/** The rows of all tables of a page whose first cell is one name in code, by that name; the first row of each name. */
function rows(page: string): Map<string, string[]> {
  const found = [...read(page).matchAll(/^\| `([^`]+)` (\|.*)$/gm)].reverse();
  return new Map(
    found.map(([, name = '', rest = '']) => [
      name,
      rest
        .split('|')
        .slice(1)
        .map((cell) => cell.trim()),
    ]),
  );
}

/** Every name in code in the first cell of a row of these pages. */
function rowNames(pages: readonly string[]): Set<string> {
  const cells = pages.flatMap((page) => [...read(page).matchAll(/^\| (.*?) \|/gm)].map(([, cell = '']) => cell));
  return new Set(cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)));
}

/** The members that the reference lists for an interface or class. */
function membersOf(page: string, thing: string): string[] {
  const [, section = ''] =
    new RegExp(`^## ${thing.replace('$', '\\$')}$([\\s\\S]*?)(?:^#{1,2} |$(?![\\s\\S]))`, 'm').exec(read(page)) ?? [];
  return [...section.matchAll(/^- `'?([\w$ ]+?)'?(?=[?:(<])/gm)].map(([, name = '']) => name);
}

function unmentioned(names: readonly string[], ...wanted: string[]): string[] {
  const text = pages()
    .filter((page) => wanted.includes(page))
    .map(read)
    .join('\n');
  return names.filter((name) => !new RegExp(`[\`'.(, ]${name.replace('$', '\\$')}[\`'(<, ):?]`).test(text));
}

/** A default value as the tables have it. */
function printed(value: unknown): string {
  if (typeof value === 'string') return `\`'${value}'\``;
  return typeof value === 'number' && Number.isFinite(value)
    ? value.toLocaleString('en-US')
    : `\`${typeof value === 'object' ? '{}' : value}\``;
}

describe('the tables of options', () => {
  it.each<[string, Record<string, unknown>]>([
    ['docs/server.md', SERVER_DEFAULTS],
    ['docs/authorization.md', CORS_DEFAULTS],
    ['docs/client.md', { ...CLIENT_DEFAULTS, ...RECONNECT_DEFAULTS }],
  ])('in %s have the defaults of the code', (page, defaults) => {
    const table = rows(page);
    expect(Object.keys(defaults).length).toBeGreaterThan(4);
    for (const [option, value] of Object.entries(defaults)) {
      const [, shown] = table.get(option) ?? [];
      expect(shown, option).toContain(printed(value));
    }
  });

  it.each([
    ['docs/reference/primus-rx.md', 'ServerOptions', ['docs/server.md']],
    ['docs/reference/primus-rx.md', 'CreateServerOptions', ['docs/server.md', 'docs/https.md']],
    ['docs/reference/primus-rx.md', 'DestroyOptions', ['docs/server.md']],
    ['docs/reference/primus-rx.md', 'ClientOptions', ['docs/client.md']],
  ])('have a row for every option of %s, %s', (page, type, tables) => {
    const options = membersOf(page, type);
    expect(options.length).toBeGreaterThan(2);
    const named = rowNames(tables);
    expect(options.filter((option) => !named.has(option))).toEqual([]);
  });
});

describe('the pages mention every documented', () => {
  it.each([
    ['option of the server', 'ServerOptions', ['docs/server.md', 'docs/authorization.md', 'docs/migrating.md']],
    ['option of createServer', 'CreateServerOptions', ['docs/server.md', 'docs/https.md', 'docs/authorization.md', 'docs/migrating.md']],
    ['option of destroy', 'DestroyOptions', ['docs/server.md']],
    ['option of createSocket', 'CreateSocketOptions', ['docs/server.md', 'docs/client.md', 'docs/credentials.md', 'docs/migrating.md']],
    ['option of the client', 'ClientOptions', ['docs/client.md', 'docs/credentials.md', 'docs/migrating.md']],
    ['event of the server', 'PrimusEvents', ['docs/server.md', 'docs/plugins.md']],
    ['event of a spark', 'SparkEvents', ['docs/server.md', 'docs/streams.md']],
    ['event of the client', 'ClientEvents', ['docs/client.md']],
    ['property of an address', 'Address', ['docs/server.md']],
    ['property of an attempt', 'ReconnectAttempt', ['docs/client.md']],
    ['part of a plugin', 'Plugin', ['docs/plugins.md']],
    ['property of a packet', 'Packet', ['docs/middleware.md']],
    ['property of a LinkError', 'LinkError', ['docs/errors.md', 'docs/authorization.md']],
  ])('%s', (_what, thing, pages) => {
    const members = membersOf('docs/reference/primus-rx.md', thing);
    expect(members.length).toBeGreaterThan(1);
    expect(unmentioned(members, ...pages)).toEqual([]);
  });

  it.each([
    ['docs/reference/primus-rx.md', 'Primus'],
    ['docs/reference/primus-rx.md', 'Spark'],
    ['docs/reference/client.md', 'Primus'],
  ])('stream of %s, %s', (page, thing) => {
    const streams = membersOf(page, thing).filter((name) => name.endsWith('$'));
    expect(streams.length).toBeGreaterThan(3);
    expect(unmentioned(streams, 'docs/streams.md')).toEqual([]);
  });

  it('default layer', () => {
    const primus = new Primus(createServer());
    const table = rows('docs/middleware.md');
    // Two layers share a row.
    const shown = [
      ...table.keys(),
      ...[...read('docs/middleware.md').matchAll(/^\| `([\w-]+)`, `([\w-]+)`/gm)].flatMap(([, one, two]) => [one, two]),
    ];
    expect(primus.layers.map(({ name }) => name).filter((name) => !shown.includes(name))).toEqual([]);
    primus.destroy();
  });

  it('operator', () => {
    const operators = [...read('docs/reference/operators.md').matchAll(/^## ([a-z]\w*)$/gm)].map(([, name = '']) => name);
    expect(operators.length).toBeGreaterThan(5);
    expect(unmentioned(operators, 'docs/streams.md')).toEqual([]);
  });
});
