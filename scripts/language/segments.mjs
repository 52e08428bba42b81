// The words of a file: its prose (comments, messages, titles, Markdown) and its names (identifiers, short strings).

/** @typedef {{ text: string; index: number }} Part */

/** Stands for a character that is not prose. It is no white space, so that no phrase reaches over it. */
const OTHER = '\0';

/**
 * Splits a file into its prose and its names.
 * `prose` is as long as the file, with `OTHER` for each character that is not prose: an index in one is an index in both.
 * @param {string} path
 * @param {string} source
 * @returns {{ prose: string; names: Part[]; openings: Part[]; headings: Part[] }} `openings` are the first words of docstrings
 */
export function segments(path, source) {
  const page = { source, prose: new Array(source.length).fill(OTHER), names: [], openings: [], headings: [] };
  const read = /\.md$/.test(path)
    ? markdown
    : /\.html$/.test(path)
      ? html
      : /\.css$/.test(path)
        ? css
        : /\.([cm]?[jt]s|json)$/.test(path)
          ? code
          : conf;
  read(page, 0, source.length);
  return { ...page, prose: page.prose.join('') };
}

/** The words of a name: `lineOf` -> `line of`, `HTTPServer` -> `http server`. */
export function words(name) {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .replace(/[^A-Za-z\d]+/g, ' ')
    .trim()
    .toLowerCase();
}

/** Copies a range; `decoration` in it (the `*` of a comment, the `#` of a heading) becomes blanks. */
function copy({ source, prose }, from, to, decoration) {
  let text = source.slice(from, to);
  if (decoration) text = text.replace(decoration, (mark) => mark.replace(/[^\n]/g, ' '));
  for (let i = 0; i < text.length; i++) prose[from + i] = text[i];
}

const TOKEN =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<string>'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*")|(?<name>[A-Za-z_$][\w$]*)|(?<number>\d[\w.]*)|(?<mark>[`{}/]|[^\s\w])/y;
/** A slash after one of these begins a regular expression. */
const BEFORE_REGEXP = /(?:^|[(,=:[!&|?{};<>+*%~^-]|\b(?:return|case|typeof|in|of|do|else))\s*$/;

/** JavaScript, TypeScript and JSON. */
function code(page, from, to) {
  const { source } = page;
  // The braces that are open; a template goes on behind the brace that ends its expression.
  const open = [];
  let last = from;
  for (let at = from; at < to; ) {
    if (/\s/.test(source[at])) {
      page.prose[at] = source[at++];
      continue;
    }
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(source);
    if (!token) return;
    const { comment, string, name, mark } = token.groups;
    let end = TOKEN.lastIndex;
    if (comment) {
      copy(page, at, end, /^\/\*\*?|\*\/$|^\/\/|^[ \t]*\*(?!\/)/gm);
      const opening = /^\/\*\*[\s*]+([^@\s][^\n]{0,40})/.exec(comment);
      if (opening) page.openings.push({ text: opening[1], index: at + opening[0].length - opening[1].length });
    } else if (string) literal(page, at + 1, end - 1);
    else if (name) page.names.push({ text: name, index: at });
    else if (mark === '{') open.push('{');
    else if (mark === '`' || (mark === '}' && open.pop() === '`')) {
      end = template(page, at + 1, open);
    } else if (mark === '/' && BEFORE_REGEXP.test(source.slice(Math.max(last - 12, from), at))) {
      end = at + /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*|^\//.exec(source.slice(at, to))[0].length;
    }
    if (!comment) last = end;
    at = end;
  }
}

/** A part of a template, up to the next expression or the end. Returns the index behind it. */
function template(page, from, open) {
  let end = from;
  for (; end < page.source.length; end++) {
    if (page.source[end] === '\\') end++;
    else if (page.source[end] === '`' || page.source.startsWith('${', end)) break;
  }
  literal(page, from, end);
  if (page.source[end] === '`') return end + 1;
  open.push('`');
  return end + 2;
}

/** A string of several words is prose; one of a single word is a name. */
function literal(page, from, to) {
  const text = page.source.slice(from, to);
  if (/\s/.test(text)) copy(page, from, to);
  else for (const name of text.matchAll(/[A-Za-z][\w-]*/g)) page.names.push({ text: name[0], index: from + name.index });
}

/** Prose, with names in `code` and, in fences, whole programs. */
function markdown(page, from, to) {
  copy(page, from, to, /^[ \t]*(?:#+|>|[-*]|\|[-|: ]+\|?$)|[*_]{1,2}(?=\w)|(?<=\w)\*{1,2}/gm);
  for (const heading of page.source.matchAll(/^#+ +(.+?) *$/gm)) page.headings.push({ text: heading[1], index: heading.index });
  for (const fence of page.source.matchAll(/^```(\w*)[^\n]*\n([\s\S]*?)^```/gm)) {
    page.prose.fill(OTHER, fence.index, fence.index + fence[0].length);
    const begin = fence.index + fence[0].indexOf('\n') + 1;
    if (/^([cm]?[jt]s|json|javascript|typescript)$/.test(fence[1])) code(page, begin, begin + fence[2].length);
  }
  for (const span of page.source.matchAll(/`[^`\n]+`|\]\([^)\n]*\)/g)) {
    if (page.prose[span.index] === OTHER) continue;
    page.prose.fill(OTHER, span.index, span.index + span[0].length);
    literal(page, span.index, span.index + span[0].length);
  }
}

/** Everything but the tags; of these, what readers see of their attributes. */
function html(page, from, to) {
  copy(page, from, to);
  for (const tag of page.source.matchAll(/<script>([\s\S]*?)<\/script>|<[a-z/!][^>]*>/gi)) {
    page.prose.fill(OTHER, tag.index, tag.index + tag[0].length);
    if (tag[1]) code(page, tag.index + 8, tag.index + 8 + tag[1].length);
    if (tag[0].startsWith('<!--')) copy(page, tag.index + 4, tag.index + tag[0].length - 3);
    for (const value of tag[0].matchAll(/\s(title|placeholder|alt|content|aria-label|id|class|name|for)="([^"]*)"/g)) {
      const begin = tag.index + value.index + value[0].length - value[2].length - 1;
      if (/^(id|class|name|for)$/.test(value[1])) page.names.push(...value[2].split(' ').map((text) => ({ text, index: begin })));
      else literal(page, begin, begin + value[2].length);
    }
  }
}

/** Comments, and the names of classes, ids and properties of one's own. */
function css(page) {
  for (const comment of page.source.matchAll(/\/\*[\s\S]*?\*\//g)) copy(page, comment.index + 2, comment.index + comment[0].length - 2);
  const rest = page.source.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '));
  for (const name of rest.matchAll(/[.#][a-z][\w-]*(?=[^;}]*\{)|--[a-z][\w-]*/gi)) page.names.push({ text: name[0], index: name.index });
}

/** Configuration files: their comments. */
function conf(page) {
  for (const comment of page.source.matchAll(/(?<=^|\s)#[^\n]*/g)) copy(page, comment.index, comment.index + comment[0].length, /^#+/);
}
