import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { kill, start } from '../../scripts/processes.mjs';
import { until } from './wait.js';

const module = new URL('../../scripts/processes.mjs', import.meta.url);

/** A program that starts a shell, which starts another program and waits for it, and that makes a folder. Polite signals do not end it. */
const PARENT = `
  import { start, temporaryFolder } from '${module}';
  process.on('SIGTERM', () => {});
  process.on('message', () => process.exit());
  const shell = start('sh', ['-c', 'sleep 600 & echo $!; wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
  shell.stdout.on('data', (data) => {
    console.log(JSON.stringify({ shell: shell.pid, sleeper: Number(data), folder: temporaryFolder('orphan') }));
  });
`;

let parent: ReturnType<typeof start>;
afterEach(() => kill(parent));

/** Starts that program, and returns what it has started and made. */
async function family() {
  parent = start(process.execPath, ['--input-type=module', '-e', PARENT], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const [output] = await once(createInterface({ input: parent.stdout as Readable }), 'line');
  const made = JSON.parse(output) as { shell: number; sleeper: number; folder: string };
  expect(left(made)).toEqual({ shell: true, sleeper: true, folder: true });
  return made;
}

function left({ shell, sleeper, folder }: { shell: number; sleeper: number; folder: string }) {
  return { shell: runs(shell), sleeper: runs(sleeper), folder: existsSync(folder) };
}

/** Whether a process runs. One that has ended may still be listed, as a zombie, until its parent asks how. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !existsSync('/proc/self/stat') || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

it.each([
  ['is killed', () => void parent.kill('SIGKILL')],
  ['exits', () => void parent.send('exit')],
])('ends the processes that a process started, and removes its temporary folders, when it %s', async (_how, end) => {
  const made = await family();
  end();
  await until(() => !Object.values(left(made)).includes(true));
  expect(left(made)).toEqual({ shell: false, sleeper: false, folder: false });
});

it.skipIf(process.platform !== 'linux')('does so when the process that watches over them was killed before', async () => {
  const made = await family();
  const { pid } = parent;
  const wardens = () =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter((child) => runs(Number(child)) && readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('warden.mjs'));
  const [first] = wardens();
  process.kill(Number(first), 'SIGKILL');
  await until(() => wardens().length > 0 && wardens()[0] !== first);
  parent.kill('SIGKILL');
  await until(() => !Object.values(left(made)).includes(true));
});

it('ends the processes that a program left behind', async () => {
  const made = await family();
  process.kill(made.shell, 'SIGTERM');
  await until(() => !runs(made.sleeper));
  expect(left(made)).toEqual({ shell: false, sleeper: false, folder: true });
});
