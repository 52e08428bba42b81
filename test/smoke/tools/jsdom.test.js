// Run by Jest in its environment jsdom: as an application tests its page, with a server of its own, or of another process.
const { once } = require('node:events');
const { join } = require('node:path');

/** Sends a message with a client of this class, and returns its echo. */
function echo(Client, url) {
  return new Promise((resolve, reject) => {
    const client = new Client(url);
    client.on('error', reject).on('data', (data) => {
      client.end();
      resolve(data);
    });
    client.write({ hello: 'jsdom' });
  });
}

const hello = { hello: 'jsdom' };
const saved = join(__dirname, 'saved.js');

test('the imported client', async () => {
  expect(await echo(require('primus-rx/client'), process.env.ECHO)).toEqual(hello);
});

test('a saved library that is required, as a stream', async () => {
  const Client = require(saved);
  expect(await echo(Client, process.env.ECHO)).toEqual(hello);
  expect(typeof Client.prototype.pipe).toBe('function');
});

test('a library that runs as a script', async () => {
  const textContent = require('node:fs').readFileSync(saved, 'utf8');
  document.head.append(Object.assign(document.createElement('script'), { textContent }));
  expect(await echo(window.Primus, process.env.ECHO)).toEqual(hello);
});

test('every other entry', () => {
  expect(typeof require('primus-rx/operators').reconnect).toBe('function');
  expect(require('primus-rx/parsers/msgpack').msgpack.decode(new Uint8Array([0xa1, 0x61]))).toBe('a');
});

const inNode = process.env.CONDITIONS === 'node' ? test : test.skip;

inNode('a server, whose packages are those of Node.js', async () => {
  const Primus = require('primus-rx');
  const server = require('node:http').createServer();
  const primus = new Primus(server);
  primus.on('connection', (spark) => spark.on('data', (data) => primus.write(data)));
  await once(server.listen(0), 'listening');
  expect(await echo(primus.Socket, `http://localhost:${server.address().port}`)).toEqual(hello);
  await new Promise((resolve) => primus.destroy({}, resolve));
});
