// Server and client as CommonJS, in one process: `require` gives the constructor itself.
const { deepStrictEqual, strictEqual } = require('node:assert');
const { createServer } = require('node:http');
const Primus = require('primus-rx');

strictEqual(typeof Primus, 'function');
strictEqual(typeof Primus.Spark, 'function');

const server = createServer();
const primus = new Primus(server, { pathname: '/common' });
primus.on('connection', (spark) => spark.on('data', (data) => spark.write({ echo: data })));

server.listen(0, () => {
  const client = new primus.Socket(`http://localhost:${server.address().port}`);
  client.write('from CommonJS');
  client.on('data', (data) => {
    deepStrictEqual(data, { echo: 'from CommonJS' });
    console.log(JSON.stringify(data));
    client.end();
    primus.destroy();
  });
});
