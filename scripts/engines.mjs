// Finds the engines of clusters for their tests. As a program: installs Debian's when they are missing and it can.
import { pathToFileURL } from 'node:url';
import { aptInstall, findProgram } from './apt.mjs';

const names = ['redis-server', 'nats-server'];

/** The reason why an engine cannot be tested; `undefined` when it can. */
export function missingEngine(name) {
  return findProgram(name) === undefined ? `${name} not found; node scripts/engines.mjs installs it on Debian` : undefined;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) aptInstall(...missing);
  for (const name of names) {
    const why = missingEngine(name);
    console.log(why ? `The tests of ${name} are SKIPPED: ${why}` : `Clusters are tested with ${findProgram(name)}`);
  }
}
