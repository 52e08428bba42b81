import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Primus, type Spark } from '../../src/index.js';
import { certificate } from '../support/certificate.js';
import { cleanup, event } from '../support/serve.js';

describe('an HTTPS server of the application', () => {
  it.for(['websockets', 'engine.io', 'socket.io', 'sockjs', 'faye', 'browserchannel'])(
    'carries %s over TLS, and other requests go to its own listener',
    async (transformer, { skip }) => {
      const root = certificate();
      if (root === undefined) return skip('there is no openssl');
      // The clients of engine.io and socket.io have an option for a certificate that no authority has signed, others follow Node.js.
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
      cleanup(() => vi.unstubAllEnvs());
      const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(join(root, name)));
      const server = createServer({ cert, key }, (request, response) => response.end(`app ${request.url}`));
      const primus = new Primus(server, { transformer });
      server.listen(0);
      await once(server, 'listening');
      cleanup(() => new Promise<void>((resolve) => primus.destroy(resolve)));
      const url = `https://localhost:${(server.address() as AddressInfo).port}`;
      const announced = event(primus, 'connection');
      const client = new primus.Socket(url, { transport: transformer.endsWith('.io') ? { rejectUnauthorized: false } : {} });
      cleanup(() => client.destroy());
      const [spark] = (await announced) as [Spark];
      spark.on('data', (data) => spark.write(data));
      const echo = event(client, 'data');
      client.write('over TLS');
      expect((await echo)[0]).toBe('over TLS');
      expect(spark.address.secure).toBe(true);
      expect(await (await fetch(`${url}/other`)).text()).toBe('app /other');
    },
  );
});
