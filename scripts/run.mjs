import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { signal, start } from './processes.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** How long what was interrupted may take to end by itself, in ms. */
const GRACE = 10_000;

const running = new Set();

// A second one ends this process at once; what still runs is killed even then.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, () => interrupt(name));

/**
 * Runs a command of this package or of the system in the root folder; whether it succeeded, and what it printed where that is kept.
 * It ends with this process, and everything it has started.
 */
export function run(command, args, { keep = false } = {}) {
  const PATH = `${root}/node_modules/.bin:${process.env.PATH}`;
  const stdio = keep ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'];
  const child = start(command, args, { cwd: root, stdio, env: { ...process.env, PATH } });
  running.add(child);
  let output = '';
  for (const stream of keep ? [child.stdout, child.stderr] : []) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  return new Promise((resolve) => {
    const finish = (ok) => {
      running.delete(child);
      resolve({ ok, output });
    };
    child.once('error', (error) => {
      output += error;
      finish(false);
    });
    child.once('close', (code) => finish(code === 0));
  });
}

/** Has what runs end, then this process, with the status that a shell gives to that signal. */
function interrupt(name) {
  for (const child of running) signal(child, name);
  const end = () => process.exit(128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[name]);
  setTimeout(end, GRACE);
  setInterval(() => running.size === 0 && end(), 50);
}
