import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { cleanup, serve } from '../support/serve.js';
import { watchForCrashes } from './crashes.js';

/** A connection that has sent these requests at once. */
async function send(port: number, ...requests: string[]): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  cleanup(() => socket.destroy());
  await once(socket, 'connect');
  socket.write(requests.join(''));
  return socket;
}

function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
}

const LAST = get('/primus/spec', 'Connection: close\r\n');

watchForCrashes();

describe('requests that a client pipelines', () => {
  it('are answered in order, up to 16 behind one that is not answered yet', async () => {
    const { port } = await serve();
    const paths = Array.from({ length: 16 }, (_, index) => (index % 2 ? '/primus/spec' : '/primus/primus.js'));
    const socket = await send(port, ...paths.map((path) => get(path)), LAST);
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    await once(socket, 'close');
    const types = [...text.matchAll(/^Content-Type: (\S+?)(?:;.*)?\r$/gm)].map(([, type]) => type);
    expect(types).toEqual([...paths, '/primus/spec'].map((path) => (path.endsWith('.js') ? 'text/javascript' : 'application/json')));
  });

  it.each(['/primus/primus.js', '/primus/spec', '/primus/none', '/elsewhere'])(
    'terminate the connection when there are more of %s, whose answers would fill the memory',
    async (path) => {
      const { port, url } = await serve();
      const sockets = await Promise.all(Array.from({ length: 10 }, () => send(port, get(path).repeat(1_000))));
      let answers = 0;
      // Reads, as otherwise the end would not be noticed.
      for (const socket of sockets)
        socket.on('data', (data) => {
          answers += data.toString('latin1').split('HTTP/1.1 ').length - 1;
        });
      await Promise.all(sockets.map((socket) => once(socket, 'close')));
      expect(answers).toBeLessThan(10 * 100);
      expect((await fetch(`${url}/primus/spec`)).status).toBe(200);
    },
  );

  it('are not even parsed behind the one that terminates the connection, which would stall all others', async () => {
    const { server, port, url } = await serve();
    let parsed = 0;
    const emit = server.emit as (name: string, ...args: unknown[]) => boolean;
    server.emit = (name: string, ...args: unknown[]) => {
      if (name === 'request') parsed++;
      return emit.call(server, name, ...args);
    };
    const socket = await send(port, get('/primus/none').repeat(1_000));
    socket.resume();
    await once(socket, 'close');
    expect(parsed).toBeGreaterThan(16);
    expect(parsed).toBeLessThan(20);
    // Node.js uses the parser again for other connections.
    for (let count = 0; count < 3; count++) expect((await fetch(`${url}/primus/spec`)).status).toBe(200);
  });
});
