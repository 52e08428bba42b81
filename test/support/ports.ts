import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * A port of this machine for a program that must be told its own. The system gives none below 32,768 to whoever asks for any, so
 * nobody takes this one by chance before the program does, nor while the program is restarted.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
