// Simulates storms of reconnecting clients, and writes their tables and the plot of docs/reconnect.md. `--clients 1000` prints the tables of
// fewer clients only.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as operators from 'primus-rx/operators';
import { randomFrom } from '../dist/src/testing/random.js';
import { root } from './run.mjs';
import { plot } from './storm/plot.mjs';
import { runs, scenarios, table } from './storm/scenarios.mjs';

const { values } = parseArgs({ options: { clients: { type: 'string' } } });
const clients = Number(values.clients ?? 100_000);
const path = join(root, 'docs/reconnect.md');
const isWritten = values.clients === undefined;
const tables = {};

for (const [name, scenario] of Object.entries(scenarios(operators))) {
  const results = runs(scenario, clients, { reconnect: operators.reconnect, randomFrom });
  tables[name] = table(scenario, results);
  console.log(`${name}, ${clients.toLocaleString('en-US')} clients\n\n${tables[name]}\n`);
  if (name === 'restart' && isWritten) writeFileSync(join(root, 'docs/images/reconnect-storm.svg'), plot(results));
}

if (isWritten) {
  const page = readFileSync(path, 'utf8');
  const marked = /(?<=<!-- storm: (\S+) -->\n)[\s\S]*?(?=<!-- \/storm -->)/g;
  writeFileSync(
    path,
    page.replace(marked, (_, name) => `\n${tables[name]}\n\n`),
  );
}
