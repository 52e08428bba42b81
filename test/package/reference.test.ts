import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../../scripts/processes.mjs';
import { folder, reference } from '../../scripts/reference.mjs';

describe('the reference', () => {
  const { pages, undocumented, violations } = reference();

  it('is as `node scripts/reference.mjs` writes it after a build', () => {
    expect(readdirSync(folder).sort()).toEqual([...pages.keys()].sort());
    for (const [file, text] of pages) expect(readFileSync(join(folder, file), 'utf8'), file).toBe(text);
  });

  it('has a docstring for everything that is public', () => {
    expect(undocumented).toEqual([]);
  });

  it('has an example for everything that is called, the default of every option, and the errors that are thrown', () => {
    expect(violations).toEqual([]);
  });

  it('has the main entries', () => {
    const page = pages.get('primus-rx.md');
    for (const member of ['connection$', 'destroy', 'trustProxy', 'createServer', 'duplex', 'heartbeat$'])
      expect(page).toContain(`- \`${member}`);
    expect(pages.get('client.md')).toMatch(/- `state\$: Observable<ClientState>` {2}\n {2}[A-Z].*\./);
    expect(pages.get('operators.md')).toContain('## reconnect\n');
    expect(pages.get('transformers.md')).toContain('## engineIO\n');
    expect([...pages.values()].join('')).not.toMatch(/registry|#private|import\(|`_\w/);
  });

  it('shows defaults, errors and examples', () => {
    const page = pages.get('primus-rx.md');
    expect(page).toContain(
      "- `pathname?: string`  \n  The path of the server. Requests on it, and below it, belong to Primus.  \n  Default: `'/primus'`.",
    );
    expect(page).toContain('Throws `ERR_PRIMUS_MIDDLEWARE` when the name or the function is invalid.');
    expect(page).toContain("\n\n  ```ts\n  primus.write({ news: 'The server restarts at noon' });\n  ```\n");
  });
});

describe('the check of the docstrings', () => {
  const home = temporaryFolder('reference');
  afterAll(() => removeFolder(home));

  /** The violations of a page with these declarations, and of a module with this source; those of the table of codes are left out. */
  function violationsOf(declarations: string, source = ''): string[] {
    mkdirSync(join(home, 'dist'), { recursive: true });
    writeFileSync(join(home, 'dist/page.d.ts'), declarations);
    writeFileSync(join(home, 'page.ts'), source);
    const page = { name: 'page', title: 'page', entries: [join(home, 'dist/page.d.ts')] };
    return reference([page], join(home, 'dist/')).violations.filter((violation) => !violation.startsWith('ERR_PRIMUS_'));
  }

  it('accepts members that stand in an example of their page', () => {
    const example = '/** Greets. @example\n * const greeter = new Greeter();\n * greeter.greet(greeter.name); greet();\n */';
    const members = '/** The name. */ name: string; /** Greets. */ greet(name: string): void;';
    expect(
      violationsOf(`${example} export declare class Greeter { ${members} }\n/** Greets. */ export declare function greet(): void;`),
    ).toEqual([]);
  });

  it('reports a class, a member and a function without an example', () => {
    const source =
      '/** Greets. */ export declare class Greeter { /** Greets. */ greet(): void; }\n/** Greets. */ export declare function hail(): void;';
    expect(violationsOf(source)).toEqual(
      ['hail', 'Greeter', 'Greeter.greet'].map((name) => `${name} (page.ts): has no \`@example\`, and stands in none on its page`),
    );
  });

  it('reports an option without a default', () => {
    const options = '/** Needed. */ port: number;\n/** Has one. @defaultValue 1 */ one?: number;\n/** Has none. */ none?: number;';
    expect(violationsOf(`/** Options. */ export interface GreeterOptions { ${options} }`)).toEqual([
      'GreeterOptions.none (page.ts): an option without `@defaultValue`',
    ]);
  });

  it('reports a function that throws, by its docstring or its source, without saying which error', () => {
    const example = '@example\n * a(); b(); c(); d();\n';
    const declare = (name: string, text: string) => `/** ${text} */ export declare function ${name}(): void;\n`;
    const declarations =
      declare('a', `Throws at noon. ${example}`) +
      declare('b', 'Never throws.') +
      declare('c', 'Runs.\n * @throws ERR_PRIMUS_OPTION at noon') +
      declare('d', 'Runs.\n * @throws ERR_PRIMUS_NOON at noon');
    const source = 'export function b() { try { throw 1; } catch {} [].map(() => { throw 2; }); }\nexport function c() { throw 3; }';
    expect(violationsOf(declarations, source)).toEqual([
      'a (page.ts): the docstring says that it throws, without `@throws ERR_PRIMUS_…`',
      'd (page.ts): `@throws ERR_PRIMUS_NOON at noon` must begin with a code, or with the class of an error',
    ]);
    expect(violationsOf(declare('a', `Runs. ${example}`), 'export function a() { if (1) throw 1; }')).toEqual([
      'a (page.ts): throws, without `@throws ERR_PRIMUS_…`',
    ]);
  });

  it('reports a code that calls throw and no docstring names', () => {
    expect(reference([], home).violations).toContain('ERR_PRIMUS_URL: no public name has a `@throws` for it');
  });
});
