import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { CLIENT_DEFAULTS, RECONNECT_DEFAULTS, SERVER_DEFAULTS } from '../../src/core/options.js';
import { Primus } from '../../src/index.js';
import { CORS_DEFAULTS } from '../../src/server/middleware/cors.js';
import { pages, read } from './blocks.js';

/** The rows of all tables of a page whose first cell is one name in code, by that name; of several the first. */
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

/** The members that the reference lists of a thing. */
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

/** A default as the tables print it. */
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
  ])('of %s have every default as the code has it', (page, defaults) => {
    const table = rows(page);
    for (const [option, value] of Object.entries(defaults)) {
      const [, shown] = table.get(option) ?? [];
      expect(shown, option).toContain(printed(value));
    }
  });
});

describe('the pages mention every', () => {
  it.each([
    ['option of the server', 'ServerOptions', ['docs/server.md', 'docs/authorization.md', 'docs/migrating.md']],
    ['option of createServer', 'CreateServerOptions', ['docs/server.md', 'docs/https.md', 'docs/authorization.md', 'docs/migrating.md']],
    ['option of destroy', 'DestroyOptions', ['docs/server.md']],
    ['option of createSocket', 'CreateSocketOptions', ['docs/server.md', 'docs/client.md', 'docs/credentials.md', 'docs/migrating.md']],
    ['option of the client', 'ClientOptions', ['docs/client.md', 'docs/credentials.md', 'docs/migrating.md']],
    ['event of the server', 'PrimusEvents', ['docs/server.md', 'docs/plugins.md']],
    ['event of a spark', 'SparkEvents', ['docs/server.md', 'docs/streams.md']],
    ['event of the client', 'ClientEvents', ['docs/client.md']],
    ['part of an address', 'Address', ['docs/server.md']],
    ['part of an attempt', 'ReconnectAttempt', ['docs/client.md']],
    ['part of a plugin', 'Plugin', ['docs/plugins.md']],
    ['part of a packet', 'Packet', ['docs/middleware.md']],
    ['part of an error about a line', 'LinkError', ['docs/errors.md', 'docs/authorization.md']],
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

  it('layer there is by default', () => {
    const primus = new Primus(createServer());
    const table = rows('docs/middleware.md');
    // Two that are alike share a row.
    const shown = [
      ...table.keys(),
      ...[...read('docs/middleware.md').matchAll(/^\| `([\w-]+)`, `([\w-]+)`/gm)].flatMap(([, one, two]) => [one, two]),
    ];
    expect(primus.layers.map(({ name }) => name).filter((name) => !shown.includes(name))).toEqual([]);
    primus.destroy();
  });

  it('operator there is', () => {
    const operators = [...read('docs/reference/operators.md').matchAll(/^## ([a-z]\w*)$/gm)].map(([, name = '']) => name);
    expect(operators.length).toBeGreaterThan(5);
    expect(unmentioned(operators, 'docs/streams.md')).toEqual([]);
  });
});
