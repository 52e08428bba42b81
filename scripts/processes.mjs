// Child processes and temporary folders that end with the process that made them, however that ends. No dependencies: what uses this
// runs before `npm ci`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How long a child may take to end when it is asked to, in ms. */
const GRACE = 10_000;

let warden;
/** The groups and folders that end with this process: a warden that takes the place of another one gets them all. */
const kept = { group: new Set(), folder: new Set() };
/** How many wardens may be started: one that cannot run would be replaced again and again. */
let wardens = 10;

/** Starts a program in a process group of its own. What is left of the group is killed when the program or this process ends. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { ...options, detached: true });
  guard(child);
  return child;
}

/** Has the process group that a child leads end with the child and with this process. */
export function guard(child) {
  const { pid } = child;
  if (pid === undefined) return;
  report('add', 'group', pid);
  child.once('exit', () => {
    signal(child, 'SIGKILL');
    report('delete', 'group', pid);
  });
}

/** Sends a signal to the process group that a child leads. */
export function signal(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch {
    // It has ended already.
  }
}

/** Kills the process group that a child leads; resolves when the child has ended. */
export async function kill(child) {
  if (hasEnded(child)) return;
  const exit = once(child, 'exit');
  signal(child, 'SIGKILL');
  await exit;
}

/** Asks a child to end, which may wait for its own children; kills the group that it leads when it has not ended after a while. */
export async function stop(child) {
  const timer = setTimeout(() => signal(child, 'SIGKILL'), GRACE);
  const exit = hasEnded(child) ? undefined : once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
  clearTimeout(timer);
}

function hasEnded({ pid, exitCode, signalCode }) {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

/** Makes a temporary folder, which is removed when this process ends, or before by `removeFolder`. Its path has no symbolic link. */
export function temporaryFolder(name, parent = tmpdir()) {
  const folder = realpathSync(mkdtempSync(join(parent, `primus-rx-${name}-`)));
  report('add', 'folder', folder);
  return folder;
}

export function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
  report('delete', 'folder', folder);
}

function report(action, kind, value) {
  kept[kind][action](value);
  if (warden === undefined) startWarden();
  else send(action, kind, value);
}

function startWarden() {
  wardens -= 1;
  const program = fileURLToPath(new URL('./warden.mjs', import.meta.url));
  const begun = JSON.stringify({ group: [...kept.group], folder: [...kept.folder] });
  // Detached, so that a signal to the group of this process, such as Ctrl-C, does not end it before its work is done.
  warden = spawn(process.execPath, [program, begun], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  warden.unref();
  warden.stdin.unref();
  // `exit` follows.
  warden.stdin.on('error', () => {});
  warden.once('error', replaceWarden);
  warden.once('exit', replaceWarden);
}

function replaceWarden() {
  warden = undefined;
  if (wardens > 0 && kept.group.size + kept.folder.size > 0) startWarden();
}

function send(action, kind, value) {
  warden.stdin.write(`${JSON.stringify({ action, kind, value })}\n`);
}
