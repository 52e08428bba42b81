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

/** Whether a row of the table belongs to a member of a difference. A member includes its length and flags; `*` stands for anything. */
export function covers(member, row) {
  const name = member.split('*').map((part) => part.replace(/[^\w ]/g, '\\$&'));
  return new RegExp(`^${name.join('.*')}( length| flags)?$`).test(row);
}

/** The section of docs/migrating.md about the differences. */
export function section(differences) {
  const rows = differences.map(
    ({ members, here, reason }) => `| ${members.map((name) => `\`${name}\``).join(', ')} | ${here} | ${reason} |`,
  );
  return ['| Primus 8 | primus-rx | reason |', '|---|---|---|', ...rows].join('\n');
}

const DIFFERENCES = join(root, 'test/compat/differences.json');
const PAGE = join(root, 'docs/migrating.md');

if (process.argv[1] === import.meta.filename) {
  const rows = await surfaceOf(createRequire(import.meta.url)('primus'));
  writeFileSync(target, `${JSON.stringify(rows, null, 2)}\n`);
  const page = readFileSync(PAGE, 'utf8');
  const table = section(JSON.parse(readFileSync(DIFFERENCES, 'utf8')));
  writeFileSync(
    PAGE,
    page.replace(/(## Members, events and options\n[^|]*)\|[\s\S]*?\n\n/, (_all, head) => `${head}${table}\n\n`),
  );
}
