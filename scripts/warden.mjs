// Ends process groups and removes folders when the process at the other end of its standard input is gone. Even SIGKILL closes a pipe,
// so this works where no handler in that process would.
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const kept = { group: new Set(), folder: new Set() };

for await (const line of createInterface({ input: process.stdin })) {
  const { action, kind, value } = JSON.parse(line);
  kept[kind][action](value);
}

for (const group of kept.group) {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
for (const folder of kept.folder) rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
