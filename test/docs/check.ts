import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeFolder } from '../../scripts/processes.mjs';
import { type Block, blocksOf, type Problem, root } from './blocks.js';
import { compile, isProgram } from './compile.js';
import { execute } from './execute.js';
import { checkLinks } from './links.js';
import { checkProse, expressionsOf } from './prose.js';
import { checkShell } from './shell.js';

/** A page, and its text. */
export type Page = readonly [page: string, text: string];

/**
 * All that is wrong with the pages: examples that do not compile, run or exist any more, and links that lead nowhere. The info string of a
 * block says how it is checked:
 *
 * | info | check |
 * |---|---|
 * | `js`, `cjs`, `ts`, `html` | compiled, with `ambient.server.d.mts` or `ambient.client.d.mts`; of a page, its scripts |
 * | … `run` | and run: it ends by itself, and asserts, or prints the text of its `// =>` comments |
 * | … `run background` | and run until the next block of the page that runs has ended; it listens on 8080 |
 * | … `browser` | compiled as for a page |
 * | … `file=server.mjs` | what its reader saves it as: other blocks of the page can import it, commands can name it |
 * | `json` | parsed |
 * | `sh` | its npm scripts, packages and files exist |
 * | any `from=path` | an excerpt of that file |
 * | any `unchecked: reason` | not at all |
 *
 * Inline code is checked by `prose.ts`: its words exist, and what it does with a server, a spark, a client or the functions of the package compiles, as do options with a value.
 */
export async function check(pages: readonly Page[]): Promise<Problem[]> {
  const blocks = pages.map(([page, text]) => blocksOf(page, text));
  const inTexts = [checkLinks, checkProse].flatMap((checkText) => pages.flatMap(([page, text]) => checkText(page, text)));
  const problems = [...inTexts, ...blocks.flatMap(checkOthers)];
  const prose = pages.flatMap(([page, text]) => expressionsOf(page, text));
  const compiled = compile([...prose, ...blocks.flat().filter(({ unchecked }) => unchecked === undefined)]);
  try {
    problems.push(...compiled.problems);
    // What does not compile was not written out whole.
    if (compiled.problems.length === 0) for (const page of blocks) problems.push(...(await execute(page, compiled)));
  } finally {
    removeFolder(compiled.folder);
  }
  return problems;
}

/** The problems as a string: one per line, with page and line number. */
export function report(problems: readonly Problem[]): string {
  return problems.map(({ page, line, message }) => `${page}:${line}: ${message}`).join('\n');
}

/** The checks of the blocks that are not compiled. */
function checkOthers(blocks: readonly Block[]): Problem[] {
  const files = blocks.flatMap(({ file }) => file ?? []);
  return blocks.flatMap((block) => checkOther(block, files).map((message) => ({ page: block.page, line: block.line, message })));
}

function checkOther(block: Block, files: readonly string[]): string[] {
  const { language, code, unchecked, from, run } = block;
  if (unchecked !== undefined) return unchecked.length < 10 ? [`Why is that unchecked? '${unchecked}' is no reason`] : [];
  if (run && !isProgram(block)) return ['Only js and ts can run'];
  if (from !== undefined) return checkExcerpt(block);
  if (isProgram(block)) return [];
  if (language === 'sh') return checkShell(block, files);
  if (language === 'json') return checkJson(code);
  return [`There is no check for '${language}'; name the file it is an excerpt of with from=file, or the reason with: unchecked: reason`];
}

function checkJson(code: string): string[] {
  try {
    JSON.parse(code);
    return [];
  } catch (error) {
    return [String(error)];
  }
}

/** An excerpt stands in its file as it is, but for the indentation. */
function checkExcerpt({ page, from = '', code }: Block): string[] {
  const path = join(root, dirname(page), from);
  if (!existsSync(path)) return [`There is no ${from}`];
  return flat(readFileSync(path, 'utf8')).includes(flat(code)) ? [] : [`That does not stand in ${from}`];
}

function flat(text: string): string {
  return `\n${text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .join('\n')}\n`;
}
