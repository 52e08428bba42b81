import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { type Block, type Problem, root } from './blocks.js';

/** A piece of code in a sentence or a table. */
interface Span {
  code: string;
  line: number;
}

/** Words of others: of Node.js, of frameworks and programs, of protocols, and examples of mistakes. */
const FOREIGN = new Set(
  (
    'InjectionToken ngOnDestroy onMounted ref shallowRef TimeoutStopSec terminationGracePeriodSeconds least_conn appendfsync everysec ' +
    'maxmemory-policy noeviction volatile-ttl af b0 bb bf d8 d9 corsAllowCredentials flushHeaders handleProtocols skipUTF8Validation ' +
    'serverFactory isRoomEmpty node10 node16 nodenext unsafe-eval pingIntervall quueSize anonymous fortress-maximus mirage ' +
    'primus-analytics primus-cluster primus-emit primus-express-session primus-multiplex primus-redis-rooms primus-resource ' +
    'primus-responder primus-rooms-redis-adapter primus-spark-latency NameOptions domains skips toy'
  ).split(' '),
);

/** The sources of the words that a page may use. */
const SOURCES = [
  'src',
  'client',
  'operators',
  'transformers',
  'examples',
  'scripts',
  'bench',
  'test/faults',
  'test/support',
  'package.json',
];

/** Pages that a script writes, that list what is missing here, or that describe the past. */
const EXEMPT = /^(?:docs\/(?:reference\/.*|differences|COVERAGE)|CHANGELOG)\.md$/;

/** The objects and functions that the pages speak of by one name: see `ambient.prose.d.mts`. */
const ROOTED =
  /^(?:await |new |void )?(?:primus|spark|client|cluster|world|Primus|(?:flow|requests|channels|contract|withContract|createTestWorld|interactive|exponential|fullJitter|equalJitter|decorrelatedJitter|constant|composePolicy|withRetryAfter|untilStable|stopOn|clustered|redis|nats|roomsAdapter)(?=\())\b/;

/** An option with its value. */
const OPTION = /^(?:\{ )?(?:'[\w ]+'|\w+): .+$/;

/** Names that a reader replaces by a name of their own. */
const PLACEHOLDER = /\bNAME\b|\btoy\b/;

/** Names of files and subprotocols that look like members; members that only a served library has, types, and a member without a type. */
const NO_MEMBER =
  /^(?:\w+\.(?:[cm]?[jt]s|min\.js|refused)|Primus\.(?:requests|RequestError|channels|ServerOptions)\b.*|client\.plugin\(name\))$/;

/** Names that a path of the repository begins with. */
const FOLDERS = /^(?:src|client|operators|transformers|examples|scripts|bench|test|docs|dist)\/[\w./-]+$/;

/**
 * The problems of the inline code of a page that need no compiler to be found: words, codes, scripts, paths and imports that do not exist, or
 * no longer.
 */
export function checkProse(page: string, text: string): Problem[] {
  if (EXEMPT.test(page)) return [];
  return spansOf(text).flatMap(({ code, line }) => {
    const message = problemOf(code);
    return message === undefined ? [] : [{ page, line, message: `\`${code}\`: ${message}` }];
  });
}

/** The inline code of the pages that is an expression of a known object, as blocks to be compiled: one for each page, with its lines. */
export function expressionsOf(page: string, text: string): Block[] {
  // This one lists what is no longer there.
  if (EXEMPT.test(page) || page === 'docs/migrating.md') return [];
  const lines = text.split('\n').map(() => '');
  for (const { code, line } of spansOf(text)) {
    // Without arguments, it is the function that is meant.
    const whole = code.replaceAll('\\|', '|').replace(/(?<!^new .*)\(\)$/, '');
    if (OPTION.test(whole) && isExpression(`({ ${whole} })`)) lines[line - 1] += `async () => { settings({ ${whole} }); };`;
    if (!ROOTED.test(whole) || FOLDERS.test(whole) || NO_MEMBER.test(whole) || !isExpression(whole)) continue;
    lines[line - 1] += `async () => { void (${whole}); };`;
  }
  if (lines.every((line) => line === '')) return [];
  const info = { language: 'prose', run: false, background: false, browser: false, file: undefined, from: undefined, unchecked: undefined };
  return [{ page, line: 0, code: lines.join('\n'), ...info }];
}

/** Whether a piece of code is a whole expression: with nothing left out, and no signature. */
function isExpression(code: string): boolean {
  if (/…|\.\.\.|:\s*\w+\)|\?:|^new \w+$/.test(code)) return false;
  try {
    // Only parsed.
    new Function(`async () => { void (${code}); }`);
    return true;
  } catch {
    return false;
  }
}

function problemOf(code: string): string | undefined {
  const [, word] = /^([A-Za-z_$][\w$-]*)(?:\(\))?$/.exec(code) ?? [];
  if (word !== undefined) return known().has(word) || FOREIGN.has(word) ? undefined : 'nothing here has this name';
  const [, script] = /^npm run ([\w:-]+)/.exec(code) ?? [];
  if (script !== undefined && !(script in manifest.scripts)) return 'there is no such script';
  const [, options = ''] = /^npm run [\w:-]+ -- (.*)$/.exec(code) ?? [];
  const option = options.match(/--[\w-]+/g)?.find((name) => !known().has(name.slice(2)));
  if (option !== undefined) return `no program has the option ${option}`;
  if (FOLDERS.test(code) && !PLACEHOLDER.test(code)) return existsSync(join(root, code)) ? undefined : 'there is no such file';
  const [, entry] = /^primus-rx(\/[\w./-]+)?$/.exec(code) ?? [];
  if (entry !== undefined) return isExported(entry) ? undefined : 'the package does not export this';
  return undefined;
}

/** The inline code of a page, outside of blocks. */
function spansOf(text: string): Span[] {
  let fenced = false;
  return text.split('\n').flatMap((line, index) => {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    if (fenced) return [];
    return [...line.matchAll(/(`+)(.+?)\1(?!`)/g)].map(([, , code = '']) => ({ code: code.trim(), line: index + 1 }));
  });
}

function isExported(entry: string): boolean {
  return Object.keys(manifest.exports).some((path) => {
    const [before = '', after] = path.slice(1).split('*');
    return after === undefined ? entry === before : entry.startsWith(before) && entry.endsWith(after);
  });
}

let words: Set<string> | undefined;

/** All words of the sources. */
function known(): Set<string> {
  words ??= new Set(
    SOURCES.flatMap(filesOf)
      .flatMap((file) => readFileSync(file, 'utf8').match(/[\w$]+(?:-[\w$]+)*/g) ?? [])
      .flatMap((word) => [word, ...word.split('-')]),
  );
  return words;
}

function filesOf(source: string): string[] {
  const path = join(root, source);
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(?:[cm]?[jt]sx?|html|json|cfg|conf)$/.test(file))
    .map((file) => join(path, file));
}
