import { once } from 'node:events';
import type { Sockets } from '../wire/socket.js';
import { readUntil } from '../wire/socket.js';
import type { Script } from './script.js';

/** How long a client waits for an answer, and for the server to close, in ms. The server may be busy with others. */
const TIMEOUT = 500;

/** Plays a script on a connection of its own; resolves when the connection is gone. */
export async function play(sockets: Sockets, { steps, leaves }: Script): Promise<void> {
  const socket = await sockets.connect();
  let answers = '';
  for (const { bytes, until } of steps) {
    if (!socket.writable) break;
    socket.write(typeof bytes === 'function' ? bytes(answers) : bytes);
    if (until !== undefined) answers += await readUntil(socket, until, TIMEOUT);
  }
  socket.resume();
  if (leaves === 'reset') return void socket.resetAndDestroy();
  if (leaves === 'end') socket.end();
  if (!socket.destroyed) await once(socket, 'close', { signal: AbortSignal.timeout(leaves === 'end' ? TIMEOUT : 50) }).catch(() => {});
  socket.resetAndDestroy();
}
