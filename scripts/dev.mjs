// Runs the chat and, when a source changes, builds and starts it again: `npm run dev`. Open pages reconnect and reload themselves.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { root } from './run.mjs';

const FOLDERS = ['client', 'operators', 'src', 'transformers', 'examples/chat'];

/** How long to wait for further changes, in ms: editors and Git write several files at once. */
const QUIET = 100;
/** How long the server may take to shut down, in ms, before it is killed. */
const GRACE = 5_000;

/** Whether a change of that file needs a build, or only a restart; `undefined` when it needs neither. */
export function actionFor(path) {
  if (/(^|\/)[.#][^/]*$|~$/.test(path)) return undefined;
  if (path.startsWith('examples/chat/public/')) return 'restart';
  return /^(client|operators|src|transformers|examples\/chat)\/(.*\/)?([^/]+\.ts|tsconfig[^/]*\.json)$/.test(path) ? 'build' : undefined;
}

/**
 * Builds, starts the server, and does so again on change, until the signal aborts. Resolves when every child has ended.
 * @param {{ folder: string; build: string[]; server: string[]; signal: AbortSignal; port?: string; log?: (message: string) => void }} options
 * `build` and `server` are the arguments of Node.
 */
export async function develop({ folder, build, server, signal, port = process.env.PORT, log = console.log }) {
  /** The most that the changes so far need. */
  let due = 'build';
  let wake = () => {};
  signal.addEventListener('abort', () => wake());
  const watchers = FOLDERS.map((name) => join(folder, name)).flatMap((path, index) =>
    existsSync(path) ? watch(path, { recursive: true }, (_, file) => changed(`${FOLDERS[index]}/${file}`)) : [],
  );
  let running;

  function changed(path) {
    const action = actionFor(path.replaceAll('\\', '/'));
    if (!action) return;
    if (due !== 'build') due = action;
    wake();
  }

  try {
    while (!signal.aborted) {
      const action = due;
      due = undefined;
      const ready = action && (action === 'restart' || (await succeeds(run(build))));
      if (signal.aborted) break;
      if (ready) {
        await stop(running);
        running = start();
      } else if (action) log('The build failed. The next change starts another one.');
      if (!due && !signal.aborted) {
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
      await setTimeout(QUIET, undefined, { signal }).catch(() => {});
    }
  } finally {
    for (const watcher of watchers) watcher.close();
    await stop(running);
  }

  function run(args, options = {}) {
    return spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'], ...options });
  }

  async function succeeds(child) {
    const abort = () => child.kill();
    signal.addEventListener('abort', abort);
    const [code] = await once(child, 'exit');
    signal.removeEventListener('abort', abort);
    return code === 0;
  }

  /** Starts the server with a new build id. It listens on the port of its predecessor, so that clients can reconnect. */
  function start() {
    const env = { ...process.env, BUILD_ID: String(Date.now()), ...(port && { PORT: port }) };
    const child = run(server, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.setEncoding('utf8').on('data', (output) => {
      port = /http:\/\/[^:/\s]+:(\d+)/.exec(output)?.[1] ?? port;
      log(output.trimEnd());
    });
    child.on('exit', (code) => code && log(`The server exited with code ${code}. The next change starts it again.`));
    return child;
  }
}

async function stop(child) {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill();
  const kill = globalThis.setTimeout(() => child.kill('SIGKILL'), GRACE);
  await exit;
  clearTimeout(kill);
}

if (process.argv[1] === import.meta.filename) {
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => abort.abort());
  await develop({ folder: root, build: ['scripts/build.mjs'], server: ['dist/examples/chat/server.js'], signal: abort.signal });
}
