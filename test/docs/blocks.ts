import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A fenced block of a page, with what its info string says of it: see `check.ts`. */
export interface Block {
  /** The page, relative to the root. */
  page: string;
  /** The line of the opening fence, from 1. */
  line: number;
  language: string;
  code: string;
  run: boolean;
  background: boolean;
  /** A bundler will have it for a page. */
  browser: boolean;
  /** The name its reader saves it under. */
  file: string | undefined;
  /** The file it is an excerpt of, relative to the page. */
  from: string | undefined;
  /** Why it is not checked. */
  unchecked: string | undefined;
}

/** A page that is wrong, and where. */
export interface Problem {
  page: string;
  line: number;
  message: string;
}

/** The pages whose examples and links are checked. */
export function pages(): string[] {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
  return [...readdirSync(root), ...docs.map((file) => join('docs', file))].filter((file) => file.endsWith('.md')).sort();
}

export function read(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

const WORD = /^(?:run|background|browser|file=\S+|from=\S+)$/;

/** The fenced blocks of a page. */
export function blocksOf(page: string, text: string): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; info: string; line: number; code: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, fence, info = ''] = /^\s*(`{3,}|~{3,})\s*(.*?)\s*$/.exec(line) ?? [];
    if (open === undefined) {
      if (fence !== undefined) open = { fence, info, line: index + 1, code: [] };
    } else if (fence !== undefined && info === '' && fence.startsWith(open.fence)) {
      blocks.push({ page, line: open.line, code: `${open.code.join('\n')}\n`, ...parseInfo(open.info) });
      open = undefined;
    } else {
      open.code.push(line);
    }
  }
  if (open !== undefined) throw new Error(`${page}:${open.line}: the block has no end`);
  return blocks;
}

function parseInfo(info: string): Omit<Block, 'page' | 'line' | 'code'> {
  const [, language = '', rest = ''] = /^(\S*)\s*(.*)$/.exec(info) ?? [];
  const unchecked = /^unchecked:\s*(.+)$/.exec(rest)?.[1];
  const words = unchecked === undefined ? rest.split(/\s+/).filter(Boolean) : [];
  const odd = words.find((word) => !WORD.test(word));
  const value = (name: string) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  return {
    language: odd === undefined ? language : `${language} ${odd}`,
    run: words.includes('run'),
    background: words.includes('background'),
    browser: words.includes('browser'),
    file: value('file'),
    from: value('from'),
    unchecked,
  };
}
