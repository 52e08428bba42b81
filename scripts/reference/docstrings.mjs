// Prints the tags of docstrings: `@returns`, `@defaultValue`, `@throws` and `@example`.
import { ts } from 'ts-morph';

/** The tags of a symbol, or of a signature, by name: each a list of strings. */
export function tagsOf(documented, checker) {
  const tags = new Map();
  for (const { name, text } of documented.getJsDocTags(checker))
    tags.set(name, [...(tags.get(name) ?? []), ts.displayPartsToString(text).trim()]);
  return (name) => tags.get(name) ?? [];
}

/** Prints a docstring in one paragraph, with a row for each tag, and its examples below. */
export function printMember(text, tag) {
  const rows = [flat(text), ...notes(tag)].filter(Boolean);
  return { said: rows.join('  \n'), examples: tag('example').map(printExample) };
}

/** Prints the docstring of an export: paragraphs, the type parameters, and a list of the other tags. */
export function printExport(text, tag) {
  const parameters = [...tag('typeParam'), ...tag('typeparam')].map((text) => flat(text).replace(/^(\w+)\s+/, '- `$1` '));
  const list = [...parameters, ...notes(tag).map((note) => `- ${note}`)].join('\n');
  const drawings = text.replace(/^```$([\s\S]*?)^```$/gm, '```text unchecked: a drawing from the docstring$1```');
  return [drawings, list, ...tag('example').map(printExample)]
    .filter(Boolean)
    .map((part) => `${part}\n\n`)
    .join('');
}

function notes(tag) {
  return [
    ...tag('returns').map((text) => `Returns ${flat(text)}.`),
    ...tag('defaultValue').map((text) => `Default: ${flat(text)}.`),
    ...tag('throws').map((text) => `Throws ${flat(text).replace(/^(\w+)/, '`$1`')}.`),
  ];
}

/** An example is a program in TypeScript, with or without a fence. Those of the pages are compiled. */
function printExample(text) {
  return text.includes('```') ? text : `\`\`\`ts\n${text}\n\`\`\``;
}

function flat(text) {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}

/** Indents what belongs to an item of a list. */
export function indent(text) {
  return text.replace(/^(?=.)/gm, '  ');
}
