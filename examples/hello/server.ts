// Answers every message of every page: `npm run hello`, then open the address that it prints.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Primus from 'primus-rx';

/** From `dist/examples/hello/`, where this runs: the page is not compiled. */
const page = readFileSync(new URL('../../../examples/hello/index.html', import.meta.url));

const server = createServer((_request, response) => {
  response.setHeader('Content-Type', 'text/html; charset=utf-8').end(page);
});

const primus = new Primus(server, { transformer: 'websockets' });

primus.on('connection', (spark) => {
  spark.on('data', (name) => spark.write(`Hello, ${name}!`));
});

server.listen(Number(process.env.PORT ?? 8080), () => {
  console.log(`Open http://localhost:${(server.address() as AddressInfo).port}`);
});
