// Finds the proxies for the deployment tests. As a program: installs Debian's when they are missing and it can.
import { pathToFileURL } from 'node:url';
import { aptInstall, findProgram } from './apt.mjs';

const names = ['nginx', 'haproxy', 'openssl'];

/** The reason why a proxy cannot be tested; `undefined` when it can. */
export function missingProxy(name) {
  const missing = [name, 'openssl'].filter((program) => findProgram(program) === undefined);
  return missing.length > 0 ? `${missing.join(' and ')} not found; node scripts/proxies.mjs installs it on Debian` : undefined;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) aptInstall(...missing);
  for (const name of ['nginx', 'haproxy']) {
    const why = missingProxy(name);
    console.log(why ? `The tests of ${name} are SKIPPED: ${why}` : `Deployment is tested behind ${findProgram(name)}`);
  }
}
