// The same as ES modules.
import { createServer } from 'node:http';
import Primus from 'primus-rx';

const server = createServer();
const primus = new Primus(server);
primus.on('connection', (spark) => spark.on('data', (data) => spark.write({ echo: data })));

server.listen(0, async () => {
  const url = `http://localhost:${server.address().port}`;
  const library = await (await fetch(`${url}/primus/primus.js`)).text();
  const client = new primus.Socket(url);
  client.write(library.includes('PrimusClient.configure'));
  client.on('data', (data) => {
    console.log(JSON.stringify({ ...data, version: primus.version }));
    client.end();
    primus.destroy();
  });
});
