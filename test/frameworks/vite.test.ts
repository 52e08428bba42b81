import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'vite';
import { expect, it } from 'vitest';
import { testFolder } from '../support/folder.js';
import { cleanup, event, serve } from '../support/serve.js';

it.each(['websockets', 'engine.io'])('passes the connections of a page on to another server in development, by %s', async (transformer) => {
  const { primus, url } = await serve({ transformer });
  primus.on('connection', (spark) => spark.on('data', (data) => spark.write({ echo: data })));
  const root = testFolder('vite');
  writeFileSync(join(root, 'index.html'), '<title>page</title>');
  const vite = await createServer({
    root,
    configFile: false,
    logLevel: 'error',
    // As docs/bundling.md has it.
    server: { port: 0, hmr: false, proxy: { '/primus': { target: url, ws: true } } },
  });
  cleanup(() => vite.close());
  await vite.listen();
  const page = vite.resolvedUrls?.local[0] as string;
  expect(await (await fetch(page)).text()).toContain('<title>page</title>');
  const client = new primus.Socket(page);
  cleanup(() => client.destroy());
  client.write('hello');
  expect((await event(client, 'data'))[0]).toEqual({ echo: 'hello' });
});
