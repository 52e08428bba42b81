// Lists the words that this project does not use, with the ones to use instead, and fails when there is one. The words are in language/rules.mjs.
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { rules } from './language/rules.mjs';
import { segments, words } from './language/segments.mjs';
import { root } from './run.mjs';

/**
 * A word, or a few that say the same; see language/rules.mjs.
 * @typedef {{ prose?: RegExp; names?: RegExp; exact?: RegExp; opening?: RegExp; heading?: RegExp; say: string; cased?: boolean; except?: RegExp[]; files?: Record<string, string> }} Rule
 */

/** Files without words of ours: generated ones, which follow from their sources, and those that quote. */
const SKIPPED = [
  /(^|\/)package-lock\.json$/,
  /^docs\/reference\//,
  /^docs\/errors\.md$/,
  /^LICENSE$/,
  /\.(png|svg)$/,
  // The words themselves.
  /^scripts\/language\/rules\.mjs$/,
  /^test\/package\/language\.test\.ts$/,
];

/**
 * Lists what is wrong in a file.
 * @param {string} path
 * @param {string} source
 * @returns {{ path: string; line: number; word: string; say: string }[]}
 */
export function check(path, source) {
  const { prose, names, openings, headings } = segments(path, source);
  const found = [];
  const add = (index, word, { say }) => found.push({ path, index, word: word.replace(/\s+/g, ' '), say });

  for (const rule of rules) {
    if (rule.files && path in rule.files) continue;
    const except = (rule.except ?? []).map((right) => spread(right));
    if (rule.prose) {
      const right = except.flatMap((pattern) => [...prose.matchAll(pattern)].map((match) => [match.index, match.index + match[0].length]));
      for (const { index, 0: word } of prose.matchAll(spread(rule.prose, rule.cased))) {
        if (!right.some(([from, to]) => index < to && from < index + word.length)) add(index, word, rule);
      }
    }
    for (const { text, index } of names) {
      if (!rule.exact?.test(text) && !rule.names?.test(words(text))) continue;
      const whole = source.slice(0, index).match(/[\w$.]*$/)[0] + text;
      if (!except.some((pattern) => [text, whole].some((name) => name.match(pattern)?.[0] === name))) add(index, text, rule);
    }
    for (const { text, index } of openings) if (rule.opening && spread(rule.opening).test(text)) add(index, text.slice(0, 20), rule);
    for (const { text, index } of headings) if (rule.heading && spread(rule.heading).test(text)) add(index, text, rule);
  }

  const name = path.split('/').at(-1);
  for (const rule of rules) {
    if (rule.files && path in rule.files) continue;
    if (rule.names?.test(words(name))) add(0, name, rule);
  }
  return found.sort((a, b) => a.index - b.index).map(({ index, ...hit }) => ({ ...hit, line: source.slice(0, index).split('\n').length }));
}

/** The pattern for all matches, where a blank stands for any white space. */
function spread(pattern, cased = false) {
  return new RegExp(pattern.source.replace(/(?<!\[[^\]]*) (?![?*{])/g, '\\s+'), cased ? 'g' : 'gi');
}

/** The files of the repository with words of ours, below the paths if there are any. */
function files(paths) {
  return (
    execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...paths], { cwd: root, encoding: 'utf8' })
      .split('\n')
      .filter((path) => path && !SKIPPED.some((pattern) => pattern.test(path)))
      // Git also lists files that were deleted just now, and links to folders.
      .filter((path) => statSync(join(root, path), { throwIfNoEntry: false })?.isFile())
  );
}

if (process.argv[1] === import.meta.filename) {
  const args = process.argv.slice(2);
  const found = files(args.filter((arg) => !arg.startsWith('--'))).flatMap((path) => check(path, readFileSync(join(root, path), 'utf8')));
  console.log('Some paths only: node scripts/language.mjs src/server docs; counts per folder: --summary');
  if (args.includes('--summary')) {
    const counts = {};
    for (const { path } of found) {
      const folder = path.split('/').slice(0, -1).slice(0, 2).join('/') || '.';
      counts[folder] = (counts[folder] ?? 0) + 1;
    }
    console.table(counts);
  } else for (const { path, line, word, say } of found) console.log(`${path}:${line} ${word} -> say ${say}`);
  console.log(`${found.length} to change`);
  if (found.length > 0) process.exitCode = 1;
}
