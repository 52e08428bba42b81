// Free ports, for programs that need a number instead of 0. No dependencies.
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Finds a free port. It is below 32,768, where the system starts to choose ports, so no other socket gets it by chance before the program
 * does, nor while the program restarts.
 */
export async function freePort() {
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
