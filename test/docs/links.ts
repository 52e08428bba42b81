import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { type Problem, read, root } from './blocks.js';

export interface PageLink {
  target: string;
  /** From 1. */
  line: number;
}

/** The links and images of a page, without those inside code. */
export function linksOf(text: string): PageLink[] {
  let fenced = false;
  return text.split('\n').flatMap((line, index) => {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    if (fenced) return [];
    const links = line.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g);
    return [...links].map(([, target = '']) => ({ target, line: index + 1 }));
  });
}

/** The relative links of a page that do not resolve: to a file of the project, or to a heading of a page. */
export function checkLinks(page: string, text: string): Problem[] {
  return linksOf(text).flatMap(({ target, line }) => {
    const message = checkTarget(page, text, target);
    return message ? [{ page, line, message }] : [];
  });
}

function checkTarget(page: string, text: string, target: string): string | undefined {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (file !== page && !existsSync(join(root, file))) return `There is no ${file}`;
  if (anchor === undefined) return undefined;
  return anchors(path === '' ? text : read(file)).includes(anchor) ? undefined : `${file} has no heading #${anchor}`;
}

/** The anchors of the headings, as GitHub makes them; headings of the same text are numbered. */
export function anchors(text: string): string[] {
  const seen = new Map<string, number>();
  return [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}
