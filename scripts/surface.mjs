// Writes test/compat/surface.json: what programs see of Primus 8.0.9, observed while it runs.
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './run.mjs';
import { eventsOf, listen } from './surface/events.mjs';
import { emitterNames, membersOf } from './surface/members.mjs';
import { optionsOf } from './surface/options.mjs';
import { pageOf } from './surface/page.mjs';

export const target = join(root, 'test/compat/surface.json');

/** Observes a package: the members of its objects, its events and its options, as one flat table. */
export async function surfaceOf(Primus) {
  const members = await memberRows(Primus);
  // Behind the others, which block the loop longer than the time-outs of these runs.
  const events = await eventsOf(Primus);
  const options = optionsOf(Primus);
  const rows = [...members];
  for (const [object, found] of Object.entries(events))
    for (const [event, signatures] of Object.entries(found)) rows.push([`${object} event '${event}'`, signatures.join(' or ')]);
  for (const [object, found] of Object.entries(options))
    for (const [option, readings] of Object.entries(found))
      for (const [given, reading] of Object.entries(readings)) rows.push([`${object} option ${option}: ${given}`, reading]);
  return Object.fromEntries(rows);
}

/** The members of the objects that programs and plugins use, all of one server and one open client. */
async function memberRows(Primus) {
  const { primus, url, end } = await listen(Primus, {}, () => {});
  const { Socket } = primus;
  const client = new Socket(url);
  const [[spark]] = await Promise.all([once(primus, 'connection'), once(client, 'open')]);
  const plain = pageOf(Primus, {});
  const page = pageOf(Primus, { mine: { client: () => {} } });
  const objects = {
    Primus,
    'Primus.Spark': Primus.Spark,
    'Primus.Transformer': Primus.Transformer,
    primus,
    'primus.Spark': primus.Spark,
    'primus.Socket': Socket,
    'Primus.createSocket()': Primus.createSocket({ transformer: 'websockets' }),
    'primus.spec': primus.spec,
    'primus.parser': primus.parser,
    'primus.transformer': primus.transformer,
    'primus.transformers': primus.transformers,
    'primus.layers[0]': primus.layers[0],
    spark,
    'spark.address': spark.address,
    client,
    'client.url': client.url,
    'client.recovery': client.recovery,
    'client.timers': client.timers,
    'client.transformers': client.transformers,
    'page.Primus': page.Client,
    'page client': page.client,
    'page client.recovery': page.client.recovery,
    'page client.timers': page.client.timers,
    'page without plugins.Primus': plain.Client,
    'page without plugins client': plain.client,
  };
  const rows = Object.entries(objects).flatMap(([object, value]) => rowsOf(object, value));
  for (const created of [client, page.client, plain.client]) created.destroy();
  await end();
  return rows;
}

function rowsOf(object, value) {
  const rows = [];
  for (const [name, { type, value: constant, length, enumerable, assignable }] of Object.entries(membersOf(value))) {
    const member = `${object}.${name}`;
    rows.push([member, constant === undefined ? type : constant]);
    if (length !== undefined) rows.push([`${member} length`, length]);
    rows.push([`${member} flags`, `${enumerable ? 'enumerable' : 'hidden'}, ${assignable ? 'assignable' : 'constant'}`]);
  }
  if (typeof value.on === 'function') for (const name of emitterNames(value)) rows.push([`${object}.${name}`, 'function']);
  if (value.reserved?.events) rows.push([`${object}.reserved.events`, Object.keys(value.reserved.events).sort().join(', ')]);
  return rows;
}

/**
 * The rows in which a table is different from that of Primus 8, with what it has there, or `null`. The length and the flags of a member
 * are left out where one side has no such member.
 */
export function differencesOf(original, table) {
  const counts = (row) => !/ (length|flags)$/.test(row) || (original[row] !== undefined && table[row] !== undefined);
  const rows = [...new Set([...Object.keys(original), ...Object.keys(table)])];
  const different = rows.filter((row) => original[row] !== table[row] && counts(row));
  return Object.fromEntries(different.map((row) => [row, table[row] ?? null]));
}

/** A value of a table in a cell of Markdown. */
function cell(value) {
  return value === null || value === undefined ? 'none' : `\`${String(value).replaceAll('|', '\\|')}\``;
}

/** The section of docs/migrating.md about the differences. */
export function section(differences) {
  const rows = differences.map(({ title, rows, here, reason }) => {
    const members = title ?? Object.keys(rows).map(cell).join(', ');
    return `| ${members} | ${here} | ${reason} |`;
  });
  return ['| Primus 8 | primus-rx | reason |', '|---|---|---|', ...rows].join('\n');
}

/** The page docs/differences.md: every difference, with both values. */
export function page(original, differences) {
  const groups = differences.map(({ title, rows, here, reason }) => {
    const table = Object.entries(rows).map(([row, value]) => `| \`${row}\` | ${cell(original[row])} | ${cell(value)} |`);
    const heading = title === undefined ? '' : `${title[0].toUpperCase()}${title.slice(1)}: `;
    return [`${heading}${here}. Reason: ${reason}.`, '', '| | Primus 8 | primus-rx |', '|---|---|---|', ...table, ''].join('\n');
  });
  return `# Differences from Primus 8

\`node scripts/surface.mjs\` writes this page. It lists every member, event and option that is different from Primus 8.0.9, or that it does
not have, as a program sees them: the type or value of a member, the number of parameters of a function (\`length\`), whether it can be
assigned and is enumerable (\`flags\`), the arguments of an event, and what \`options\` has for a value that was given (\`class\`: to \`createSocket\`). \`page\` is the client
that a page loads. A test compares both packages with this list. [Migrating](migrating.md) has the summary.

${groups.join('\n')}`;
}

const DIFFERENCES = join(root, 'test/compat/differences.json');
const SUMMARY = join(root, 'docs/migrating.md');
const PAGE = join(root, 'docs/differences.md');

if (process.argv[1] === import.meta.filename) {
  const rows = await surfaceOf(createRequire(import.meta.url)('primus'));
  writeFileSync(target, `${JSON.stringify(rows, null, 2)}\n`);
  const differences = JSON.parse(readFileSync(DIFFERENCES, 'utf8'));
  writeFileSync(PAGE, page(rows, differences));
  const table = section(differences);
  writeFileSync(
    SUMMARY,
    readFileSync(SUMMARY, 'utf8').replace(/(## Members, events and options\n[^|]*)\|[\s\S]*?\n\n/, (_all, head) => `${head}${table}\n\n`),
  );
}
