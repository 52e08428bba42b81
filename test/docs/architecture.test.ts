import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ts } from 'ts-morph';
import { describe, expect, it } from 'vitest';
import { read, root } from './blocks.js';

/** The names that a source file declares: `name` of anything, and `Class.member` of members. */
function declarationsOf(source: string): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node, owner?: string): void => {
    const name = (node as { name?: ts.Node }).name?.getText();
    if (name !== undefined && !ts.isImportSpecifier(node) && !ts.isParameter(node)) {
      names.add(name);
      if (owner !== undefined) names.add(`${owner}.${name}`);
    }
    const inside = ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) ? name : undefined;
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(ts.createSourceFile('source.ts', source, ts.ScriptTarget.ES2022, true));
  return names;
}

const declared = new Map<string, Set<string>>();

function declares(file: string, name: string): boolean {
  const names = declared.get(file) ?? declarationsOf(readFileSync(join(root, file), 'utf8'));
  declared.set(file, names);
  return names.has(name);
}

const sources = ['operators', 'src', 'client', 'transformers'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file)),
);

const FILE = /^[\w.-]+(?:\/[\w.-]+)*\.(?:ts|mjs|json)$/;
const FOLDER = /^[\w.-]+(?:\/[\w.-]+)*\/$/;
const FUNCTION = /^(?:([A-Z]\w*)\.)?(#?\w+)\(\)$/;

/**
 * The files and functions that a page names in code, and that do not exist. A paragraph or row that names files has its functions in one
 * of them; elsewhere they may be in any file. Calls with arguments are examples.
 */
function problems(page: string): string[] {
  const text = page.replace(/^```[\s\S]*?^```/gm, '');
  return text.split(/\n(?=\n|\|)/).flatMap((part) => {
    const names = [...part.matchAll(/`([^`\n]+)`/g)].map(([, name = '']) => name);
    const paths = names.filter((name) => FILE.test(name) || FOLDER.test(name));
    const missing = paths.filter((path) => !existsSync(join(root, path)) && !sources.some((file) => file.endsWith(`/${path}`)));
    const files = paths.filter((path) => /\.ts$/.test(path) && existsSync(join(root, path)));
    const unknown = names.filter((name) => {
      if (!FUNCTION.test(name)) return false;
      return !(files.length > 0 ? files : sources).some((file) => declares(file, name.slice(0, -2)));
    });
    return [...missing.map((path) => `There is no ${path}`), ...unknown.map((name) => `${files.join(', ') || 'No file'} has no ${name}`)];
  });
}

describe('docs/architecture.md', () => {
  const page = read('docs/architecture.md');

  it('names files and functions that exist', () => {
    const names = [...page.matchAll(/`([^`\n]+)`/g)].map(([, name = '']) => name);
    expect(names.filter((name) => FILE.test(name)).length).toBeGreaterThan(40);
    expect(names.filter((name) => FUNCTION.test(name)).length).toBeGreaterThan(40);
    expect(problems(page)).toEqual([]);
  });

  it.each([
    ['Read `src/core/gone.ts`.', 'There is no src/core/gone.ts'],
    ['Read `src/gone/`.', 'There is no src/gone/'],
    ['It is `isNowhere()`.', 'No file has no isNowhere()'],
    ['| step | `client/session.ts` | `shutdown()` |', 'client/session.ts has no shutdown()'],
    ['`Spark.gone()` in `src/server/spark.ts`', 'src/server/spark.ts has no Spark.gone()'],
    ['`Server.pipe()` in `src/server/spark.ts`', 'src/server/spark.ts has no Server.pipe()'],
  ])('would be reported: %s', (text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });

  it('may have calls with arguments, code in blocks, and members of a class', () => {
    expect(problems('`spark.end(data)`\n\n```js\ngone();\n```\n\n`Spark.pipe()`')).toEqual([]);
  });
});
