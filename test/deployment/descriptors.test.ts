import { type ChildProcess, spawnSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import type { Socket as Engine } from 'engine.io-client';
import { afterEach, describe, expect, it } from 'vitest';
import { kill, start } from '../../scripts/processes.mjs';
import { Primus } from '../../src/index.js';
import { event, eventually, until } from '../support/wait.js';

// In one file: the loader opens the modules of a program all at once.
const library = new URL('../../dist/commonjs/index.mjs', import.meta.url).href;

/** A server that echoes, and reports what it logs, and on demand the time that it has used the processor. */
const PROGRAM = `
  import { createServer } from 'node:http';
  import { Primus } from '${library}';
  const server = createServer();
  const primus = new Primus(server, { transformer: process.env.TRANSFORMER, iknowclusterwillbreakconnections: true });
  primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
  primus.on('log', (level, message) => process.send({ log: level + ': ' + message }));
  process.on('message', (word) => (word === 'used' ? process.send({ used: process.cpuUsage() }) : primus.write(word)));
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
`;

/** A report of the server. */
interface Message {
  port?: number;
  log?: string;
  used?: NodeJS.CpuUsage;
}

/** Whether a socket of engine.io-client, or of socket.io-client, has a WebSocket. */
function hasUpgraded(socket: unknown): boolean {
  const { io } = socket as { io?: { engine: unknown } };
  return ((io?.engine ?? socket) as Engine).transport.name === 'websocket';
}

/** More than it may have open. */
const MANY = 150;

let child: ChildProcess;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  return kill(child as never);
});

describe.skipIf(spawnSync('sh', ['-c', 'ulimit -n']).status !== 0)('a process without file descriptors left', () => {
  it.each(['websockets', 'faye', 'uws', 'engine.io', 'socket.io', 'sockjs', 'browserchannel'])(
    'is idle, serves its connections, says so once and recovers, with %s',
    async (transformer) => {
      const shell = ['-c', 'ulimit -n 100 && exec "$0" --input-type=module -e "$1"', process.execPath, PROGRAM];
      child = start('sh', shell, { env: { ...process.env, TRANSFORMER: transformer }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
      const logs: string[] = [];
      const ports: number[] = [];
      const times: number[] = [];
      // One listener for all: several messages may arrive in one turn, and `once` would miss the second.
      child.on('message', ({ log, port, used }: Message) => {
        if (log !== undefined) logs.push(log);
        if (port !== undefined) ports.push(port);
        if (used !== undefined) times.push(used.user + used.system);
      });
      await until(() => ports.length === 1);
      const port = ports[0] as number;
      const used = async () => {
        const before = times.length;
        child.send('used');
        await until(() => times.length > before);
        return times.at(-1) as number;
      };
      const url = `http://127.0.0.1:${port}`;
      const Client = Primus.createSocket({ transformer });
      const friend = new Client(url, { reconnect: { retries: 0 } });
      await event(friend, 'open');
      // A client that still polls needs a new socket for each request.
      if (/^(?:engine|socket)\.io$/.test(transformer)) await until(() => hasUpgraded(friend.socket));

      let flooding = true;
      const flood = (): unknown => {
        const socket = connect(port, '127.0.0.1').on('error', () => {});
        sockets.push(socket);
        // One that is dropped tries again, as clients do.
        return socket.on('close', () => flooding && setTimeout(() => flooding && flood(), 50));
      };
      for (let count = 0; count < MANY; count++) flood();
      await until(() => logs.length > 0);
      expect(logs).toEqual([expect.stringMatching(/^error: The process has no file descriptors left/)]);
      const before = await used();
      const since = performance.now();
      // A busy loop would use all of the time that its core has.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const elapsed = (performance.now() - since) * 1_000;
      expect((await used()) - before).toBeLessThan(elapsed / 3);
      // A client of browserchannel needs a new socket for each request, which it does not get before the others give up.
      if (transformer !== 'browserchannel') {
        const news = event(friend, 'data');
        child.send('news');
        expect((await news)[0]).toBe('news');
        const echo = event(friend, 'data');
        friend.write('still there?');
        expect((await echo)[0]).toBe('still there?');
      }
      expect(logs).toHaveLength(1);

      flooding = false;
      for (const socket of sockets) socket.destroy();
      await until(() => logs.length > 1);
      expect(logs[1]).toMatch(/^warning: The process has file descriptors again/);
      await eventually(async () => {
        const other = new Client(url, { reconnect: { retries: 0 } });
        await Promise.race([event(other, 'open'), event(other, 'end').then(() => Promise.reject(new Error('not yet')))]).finally(() =>
          other.destroy(),
        );
      });
      friend.destroy();
      expect(child.exitCode).toBeNull();
    },
  );
});
