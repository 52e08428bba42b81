// An echo server that also serves two pages: one with a bundled client, one with the client the server makes.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Primus, { Spark } from 'primus-rx';

const server = createServer((request, response) => {
  response.setHeader('Content-Type', request.url.endsWith('.js') ? 'text/javascript' : 'text/html');
  if (request.url === '/page.js') response.end(readFileSync(new URL('page.js', import.meta.url)));
  else if (request.url === '/bundled') response.end('<!doctype html><link rel="icon" href="data:,"><script src="/page.js"></script>');
  else response.end('<!doctype html><link rel="icon" href="data:,"><script src="/primus/primus.js"></script>');
});

const primus = new Primus(server);
primus.connection$.subscribe((spark) => {
  if (!(spark instanceof Spark)) throw new Error('connection$ gave something else than a spark');
  spark.on('data', (data) => spark.write({ echo: data }));
});

server.listen(0, () => process.send(server.address().port));
process.on('disconnect', () => primus.destroy({ timeout: 100 }, () => process.exit()));
