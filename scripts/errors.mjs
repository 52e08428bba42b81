// Writes docs/errors.md from the table in src/core/errors.ts.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

export const target = join(root, 'docs/errors.md');

/** The codes, each with its docstring. */
export function codes() {
  const source = readFileSync(join(root, 'src/core/errors.ts'), 'utf8');
  const [, table] = /export type ErrorCode =([\s\S]*?);\n/.exec(source);
  return new Map(
    [...table.matchAll(/\/\*\* ([\s\S]*?) \*\/\s*\| '(\w+)'/g)].map(([, text, code]) => [code, text.replace(/\s*\n\s*\* /g, ' ')]),
  );
}

/** The content of the page. */
export function page() {
  const rows = [...codes()].map(([code, text]) => `| \`${code}\` | ${text} |`);
  return `# Error codes

Every error of servers, clients and their plugins is a \`PrimusError\` with a \`code\`, a message that says what to do, and the \`cause\` where there is one. Only
\`primus-rx/operators\`, which works without the rest, throws a \`TypeError\` for a wrong argument, such as a time that is none.
What a listener, a subscriber or a message transformer of the application throws is emitted as it is.
\`data\` is the message that the error is about, \`issues\` are the places where it breaks a [contract](contracts.md). A \`LinkError\` is about a connection, and has \`closeCode\`, \`reason\`, \`status\` and \`retryAfter\` where they are known.

| code | when |
|---|---|
${rows.join('\n')}
`;
}

if (process.argv[1] === import.meta.filename) {
  mkdirSync(join(root, 'docs'), { recursive: true });
  writeFileSync(target, page());
}
