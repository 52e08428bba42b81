// Ends process groups and removes folders when the process that writes to its standard input has ended. Even SIGKILL closes a pipe,
// so this works where no handler in that process would.
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

// What there is at its start comes as an argument: the writer may end before it has written.
const { group = [], folder = [] } = JSON.parse(process.argv[2] ?? '{}');
const kept = { group: new Set(group), folder: new Set(folder) };

// A signal to everything, such as when a machine stops, must not end this one before its work is done.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => {});

for await (const message of createInterface({ input: process.stdin })) {
  const { action, kind, value } = JSON.parse(message);
  kept[kind][action](value);
}

// First politely: a server that ends in order waits for its own children, which would stay behind as zombies otherwise.
let left = signal('SIGTERM');
for (let tries = 0; tries < 20 && left.length > 0; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  left = signal(0);
}
signal('SIGKILL');
for (const folder of kept.folder) rmSync(folder, { recursive: true, force: true, maxRetries: 20 });

/** Sends a signal to the groups; those that are there. */
function signal(name) {
  return [...kept.group].filter((group) => {
    try {
      return process.kill(-group, name);
    } catch {
      return false;
    }
  });
}
