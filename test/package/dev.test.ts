import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { actionFor, develop } from '../../scripts/dev.mjs';
import { cleanup, until } from '../support/serve.js';

it.each([
  ['src/server/primus.ts', 'build'],
  ['client/tsconfig.json', 'build'],
  ['examples/chat/room.ts', 'build'],
  ['examples/chat/public/app.js', 'restart'],
  ['examples/switch/main.ts', undefined],
  ['src/server/.primus.ts.swp', undefined],
  ['src/server/primus.ts~', undefined],
])('answers a change of %s with: %s', (path, action) => {
  expect(actionFor(path)).toBe(action);
});

/** Runs in a folder of its own: the build appends a letter to `built`, or fails; the server prints `built` and its address. */
function project() {
  const folder = mkdtempSync(join(tmpdir(), 'dev-'));
  for (const name of ['src', 'examples/chat/public']) mkdirSync(join(folder, name), { recursive: true });
  const write = (name: string, content: string) => writeFileSync(join(folder, name), content);
  const build = `const fs = require('fs'); if (fs.existsSync('src/broken.ts')) process.exit(1); fs.appendFileSync('built', 'b')`;
  const server = `require('http').createServer().listen(process.env.PORT, function () {
    console.log([fs.readFileSync('built'), process.pid, process.env.BUILD_ID, 'http://localhost:' + this.address().port].join(' '));
  })`;
  const abort = new AbortController();
  const output: string[] = [];
  const done = develop({
    folder,
    build: ['-e', build],
    server: ['-e', server],
    signal: abort.signal,
    port: '0',
    log: (message) => output.push(message),
  });
  const end = () => {
    abort.abort();
    return done;
  };
  cleanup(async () => {
    await end();
    rmSync(folder, { recursive: true });
  });
  const printed = async (count: number) => {
    await until(() => output.length >= count);
    return (output[count - 1] as string).split(' ');
  };
  return { write, printed, output, end };
}

const alive = (pid: string | undefined) => {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
};

it('builds and restarts the server on change, on the same port and with another build id', { timeout: 60_000 }, async () => {
  const { write, printed } = project();
  const [built, pid, id, url] = await printed(1);
  expect(built).toBe('b');
  write('src/changed.ts', '');
  const second = await printed(2);
  expect(second).toEqual(['bb', expect.not.stringMatching(`^${pid}$`), expect.not.stringMatching(`^${id}$`), url]);
  expect(alive(pid)).toBe(false);
  write('examples/chat/public/app.js', '');
  expect((await printed(3))[0]).toBe('bb');
});

it('keeps the server when the build fails, and leaves no process when it ends', { timeout: 60_000 }, async () => {
  const { write, printed, end } = project();
  const [, pid] = await printed(1);
  write('src/broken.ts', '');
  expect((await printed(2)).join(' ')).toMatch(/build failed/);
  expect(alive(pid)).toBe(true);
  await end();
  expect(alive(pid)).toBe(false);
});
