// The events of a server, its sparks and its clients in a set of standard runs, with the types of their arguments.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { typeOf } from './members.mjs';

const PRIVATE = ['open', 'data', 'end', 'error', 'id', 'ping', 'pong', 'reconnect'].flatMap((name) => [
  `incoming::${name}`,
  `outgoing::${name}`,
]);

/** Runs every standard run; returns the arguments of each event, by object and event. */
export async function eventsOf(Primus) {
  const events = { server: {}, spark: {}, client: {} };
  const add = (where, event, values) => {
    if (event === 'newListener' || event === 'removeListener') return;
    events[where][event] ??= new Set();
    events[where][event].add(`(${values.map(typeOf).join(', ')})`);
  };
  const record = (where, emitter) => {
    const { emit } = emitter;
    emitter.emit = function (event, ...values) {
      add(where, event, values);
      return emit.call(this, event, ...values);
    };
    // Emitted for those who listen.
    for (const event of PRIVATE) emitter.on(event, (...values) => add(where, event, values));
    // Not emitted with `emit`, as their listeners may be asynchronous.
    if (where === 'server') for (const event of ['connection', 'close']) emitter.on(event, (value) => add(where, event, [value]));
  };
  await Promise.all([conversation(Primus, record), silence(Primus, record), unreachable(Primus, record), mute(Primus, record)]);
  return Object.fromEntries(Object.entries(events).map(([where, found]) => [where, sorted(found)]));
}

function sorted(found) {
  return Object.fromEntries(
    Object.entries(found)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([event, signatures]) => [event, [...signatures].sort()]),
  );
}

/** A server on a free port, whose sparks are recorded. */
export async function listen(Primus, options, record) {
  const http = createServer();
  const primus = new Primus(http, { transformer: 'websockets', ...options });
  record('server', primus);
  primus.on('connection', (spark) => record('spark', spark));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return { primus, url: `http://127.0.0.1:${http.address().port}`, end: () => new Promise((resolve) => primus.destroy({}, resolve)) };
}

function connect(Socket, url, options, record) {
  const client = new Socket(url, { manual: true, reconnect: { min: 1, max: 5, retries: 2 }, ...options });
  record('client', client);
  return client;
}

/** Messages in both directions, frames that cannot be decoded, heartbeats, a reconnection and the end. */
async function conversation(Primus, record) {
  const { primus, url, end } = await listen(Primus, { pingInterval: 500 }, record);
  primus.plugin('mine', { client() {} });
  primus.plugout('mine');
  const client = connect(primus.Socket, url, { pingTimeout: false }, record);
  const [[spark]] = await Promise.all([once(primus, 'connection'), once(client, 'open'), client.open()]);
  client.write({ hello: 'server' });
  await once(spark, 'data');
  spark.write({ hello: 'client' });
  await once(client, 'data');
  await new Promise((resolve) => client.id(resolve));
  const errors = [once(spark, 'data').catch(() => {}), once(client, 'error').catch(() => {})];
  client.socket.send('{');
  spark.socket.send('{');
  await Promise.all(errors);
  if (spark.readyState === 3) await once(spark, 'heartbeat');
  spark.end(undefined, { reconnect: true });
  await once(client, 'reconnected');
  client.end();
  await once(primus, 'disconnection');
  client.destroy();
  await end();
}

/** A server that sends no pings: the client reconnects, and is destroyed. */
async function silence(Primus, record) {
  const { primus, url, end } = await listen(Primus, { pingInterval: false }, record);
  const client = connect(primus.Socket, url, { pingTimeout: 60 }, record);
  await Promise.all([once(client, 'open'), client.open()]);
  await once(client, 'reconnected');
  client.destroy();
  await end();
}

/** A port on which no server listens any more. */
async function unreachable(Primus, record) {
  const { primus, url, end } = await listen(Primus, {}, () => {});
  const { Socket } = primus;
  await end();
  const client = connect(Socket, url, {}, record);
  await new Promise((resolve) => client.on('reconnect failed', resolve).open());
  client.destroy();
}

/** A server that accepts connections and never answers. */
async function mute(Primus, record) {
  const sockets = [];
  const server = createTcpServer((socket) => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const reconnect = { min: 1, max: 5, retries: 2, 'reconnect timeout': 30 };
  const Socket = Primus.createSocket({ transformer: 'websockets' });
  const client = connect(Socket, `http://127.0.0.1:${server.address().port}`, { timeout: 30, reconnect }, record);
  await Promise.all([once(client, 'reconnect timeout'), client.open()]);
  client.destroy();
  for (const socket of sockets) socket.destroy();
  server.close();
}
