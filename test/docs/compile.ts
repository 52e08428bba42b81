import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../scripts/processes.mjs';
import { type Block, type Problem, root } from './blocks.js';

const EXTENSIONS: Record<string, string> = { js: 'mjs', mjs: 'mjs', cjs: 'cjs', ts: 'mts', html: 'html.mjs', prose: 'prose.mts' };

/** Whether a block is a program, and compiled as one. */
export function isProgram({ language }: Block): boolean {
  return Object.hasOwn(EXTENSIONS, language);
}

/** The compiled programs. */
export interface Compiled {
  folder: string;
  problems: Problem[];
  /** The file that Node runs for a block. */
  output(block: Block): string;
}

/** A user's own settings may be as strict as ours. */
const STRICT = {
  extends: '../../../tsconfig.base.json',
  compilerOptions: {
    composite: false,
    incremental: false,
    declaration: false,
    declarationMap: false,
    sourceMap: false,
    rootDir: '.',
    outDir: 'out',
    allowJs: true,
    checkJs: true,
    moduleDetection: 'force',
    lib: ['ES2022', 'ESNext.Disposable', 'DOM'],
    types: ['node'],
    // An example shows how a thing is got, not always what for.
    noUnusedLocals: false,
    noUnusedParameters: false,
    noImplicitReturns: false,
  },
};

/** JavaScript has no annotations of parameters. */
const LOOSE = { noImplicitAny: false, noImplicitThis: false };

/** Inline code takes names for granted that are declared nowhere. What is wrong: a member, an option or an argument that does not exist. */
// `name` is a global of pages, of the type void.
const WRONG_USE = /^TS(?:2339|2345(?!.*'void')|2353|2551|2554|2555|2561|2769):/;

/** A page on which `primus` is a client. */
const CLIENT = 'docs/reference/client.md';

/** The blocks that are compiled together: inline code for its members, TypeScript strictly, JavaScript loosely, and code for pages with the browser's exports. */
const GROUPS: Record<string, { options: object; ambient?: string; errors?: RegExp; has(block: Block): boolean }> = {
  prose: { options: LOOSE, ambient: 'ambient.prose.d.mts', errors: WRONG_USE, has: ({ language }) => language === 'prose' },
  ts: { options: {}, has: (block) => block.language === 'ts' && block.page !== CLIENT && !isForPage(block) },
  client: {
    options: {},
    ambient: 'ambient.client.d.mts',
    has: (block) => block.language === 'ts' && block.page === CLIENT && !isForPage(block),
  },
  js: { options: LOOSE, has: (block) => !['ts', 'prose'].includes(block.language) && !isForPage(block) },
  page: { options: { ...LOOSE, customConditions: ['browser'] }, has: isForPage },
};

function isForPage({ language, browser }: Block): boolean {
  return browser || language === 'html';
}

/** Compiles the programs against the package as it was built, each as a module of its own. */
export function compile(blocks: readonly Block[]): Compiled {
  // Inside the package: that is how `primus-rx` means this one.
  const parent = join(root, 'dist/docs');
  mkdirSync(parent, { recursive: true });
  const folder = temporaryFolder('blocks', parent);
  for (const file of ['ambient.server.d.mts', 'ambient.client.d.mts', 'ambient.prose.d.mts'])
    cpSync(join(root, 'test/docs', file), join(folder, file));
  const sources = new Map(blocks.filter(isProgram).map((block) => [sourceName(block), block]));
  for (const [name, block] of sources) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), sourceOf(block));
  }
  const problems = Object.entries(GROUPS).flatMap(([group, { options, ambient = 'ambient.server.d.mts', errors = /./, has }]) => {
    const files = [...sources].filter(([, block]) => has(block)).map(([name]) => name);
    if (files.length === 0) return [];
    const found = tsc(folder, group, [ambient, ...files], options).filter(({ message }) => errors.test(message));
    return found.map(({ file, line, message }) => {
      const block = sources.get(file);
      return block ? { page: block.page, line: block.line + line, message } : { page: file, line, message };
    });
  });
  return { folder, problems, output: (block) => join(folder, 'out', sourceName(block).replace(/\.mts$/, '.mjs')) };
}

/** Blocks of a page lie in one folder, so that those that have a name can import each other. */
function sourceName({ page, line, language, file }: Block): string {
  const name = file?.replace(/\.[cm]?[jt]s$/, '') ?? `line-${line}`;
  return join(page.replace(/\.md$/, ''), `${name}.${EXTENSIONS[language]}`);
}

function sourceOf({ language, code }: Block): string {
  if (language !== 'html') return code;
  // What the served library puts into the page; the lines stay where they are.
  const ambient = "import { Primus } from 'primus-rx/client'; ";
  let inside = false;
  const lines = code.split('\n').map((line) => {
    if (/<\/script>/.test(line)) inside = false;
    if (inside) return line;
    inside = /<script(?![^>]*\bsrc=)[^>]*>\s*$/.test(line);
    return '';
  });
  return ambient + lines.join('\n');
}

interface Diagnostic {
  file: string;
  line: number;
  message: string;
}

function tsc(folder: string, name: string, files: string[], options: object): Diagnostic[] {
  const config = { ...STRICT, compilerOptions: { ...STRICT.compilerOptions, ...options }, files };
  writeFileSync(join(folder, `tsconfig.${name}.json`), JSON.stringify(config));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', `tsconfig.${name}.json`, '--pretty', 'false'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const found = [...stdout.matchAll(/^(\S+?)\((\d+),\d+\): error (.*(?:\n {2,}.*)*)/gm)].map(([, file = '', line, message = '']) => ({
    file,
    line: Number(line),
    message,
  }));
  // A compiler that fails without a diagnostic must not read as a pass.
  if (status !== 0 && found.length === 0) throw new Error(`tsc ended with ${status}: ${stdout}${stderr}`);
  return found;
}
