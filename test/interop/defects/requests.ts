import { once } from 'node:events';
import { type Any, type Defect, request, type Stage } from './stage.js';

/** Returns who answered: the server at /primus, or the application that shares its HTTP server. */
async function answering(stage: Stage, target: string): Promise<{ application: boolean }> {
  const { http, port } = await stage.serve();
  http.on('request', (_request, response) => !response.writableEnded && response.end('application'));
  return { application: (await stage.answer(port, request(target))).endsWith('application') };
}

export const requests: Defect[] = [
  {
    no: '13',
    name: 'the `origins` option is enforced on upgrades',
    async scenario(stage) {
      const { port } = await stage.serve({ origins: 'http://good.example' });
      const open = async (origin: string) => {
        const socket = await stage.stranger(port, { headers: { origin } });
        return socket.readyState === socket.OPEN;
      };
      return { good: await open('http://good.example'), evil: await open('http://evil.example') };
    },
    ours: { good: true, evil: false },
    original: { good: true, evil: true },
  },
  {
    no: '14a',
    name: 'a request for /primusfoo is left to the application',
    scenario: (stage) => answering(stage, '/primusfoo'),
    ours: { application: true },
    original: { application: false },
  },
  {
    no: '14b',
    name: 'an upgrade of /primusfoo is not accepted',
    async scenario(stage) {
      const { port } = await stage.serve();
      const socket = await stage.stranger(port, { pathname: '/primusfoo' });
      return { taken: socket.readyState === socket.OPEN };
    },
    ours: { taken: false },
    original: { taken: true },
  },
  ...['x-forwarded-for', 'x-real-ip'].map(
    (header): Defect => ({
      no: '15',
      name: `${header} of an untrusted client is ignored`,
      async scenario(stage) {
        // The client is on this machine, which is trusted by default.
        const { primus, port } = await stage.serve({ trustProxy: false });
        const announced = once(primus, 'connection');
        await stage.stranger(port, { headers: { [header]: '6.6.6.6' } });
        const [spark] = (await announced) as [Any];
        return { ip: spark.address.ip };
      },
      ours: { ip: '127.0.0.1' },
      original: { ip: '6.6.6.6' },
    }),
  ),
];
