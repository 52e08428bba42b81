// Run by Jest with its defaults, which loads no ES modules from node_modules.
const { createServer } = require('node:http');
const Primus = require('primus-rx');
const { Primus: Client, configure } = require('primus-rx/client');
const { reconnect } = require('primus-rx/operators');
const { msgpack } = require('primus-rx/parsers/msgpack');
const { memory } = require('primus-rx/transformers/memory');

test('server and client', (done) => {
  const server = createServer();
  const primus = new Primus(server);
  primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
  server.listen(0, () => {
    const client = new Client(`http://localhost:${server.address().port}`);
    client.write({ hello: 'Jest' });
    client.on('data', (data) => {
      expect(data).toEqual({ hello: 'Jest' });
      client.end();
      primus.destroy(done);
    });
  });
});

test('every entry', () => {
  expect(typeof configure).toBe('function');
  expect(typeof reconnect).toBe('function');
  expect(memory.name).toBe('memory');
  expect(msgpack.decode(msgpack.encode(['text', 1]))).toEqual(['text', 1]);
});
