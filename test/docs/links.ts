import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { type Problem, read, root } from './blocks.js';

/** Links and images that lead nowhere, within the project: a file, or a heading of a page. */
export function checkLinks(page: string, text: string): Problem[] {
  const problems: Problem[] = [];
  let fenced = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    if (fenced) continue;
    for (const [, target = ''] of line.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      const message = checkTarget(page, text, target);
      if (message) problems.push({ page, line: index + 1, message });
    }
  }
  return problems;
}

function checkTarget(page: string, text: string, target: string): string | undefined {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (file !== page && !existsSync(join(root, file))) return `There is no ${file}`;
  if (anchor === undefined) return undefined;
  return anchors(path === '' ? text : read(file)).includes(anchor) ? undefined : `${file} has no heading #${anchor}`;
}

/** The anchors of the headings, as GitHub makes them; those of the same name are numbered. */
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
