// The measured process: one peer, as a server that echoes or as a client that counts.
import { once } from 'node:events';
import http from 'node:http';
import { message } from './lib/message.mjs';
import { answer } from './lib/rpc.mjs';

const [name] = process.argv.slice(2);
const peer = await import(`./peers/${name}.mjs`);

const sessions = { opened: 0, closed: 0 };
const app = {
  opened: () => sessions.opened++,
  closed: () => sessions.closed++,
};

let broadcast;
let away;
let received = 0;
let awaited = Infinity;
let complete;

const turn = () => new Promise((resolve) => setImmediate(resolve));

answer({
  /** Serves on a free port and returns it; a peer that has a server of its own has a port already. */
  async serve() {
    const server = http.createServer();
    const served = await peer.serve(server, app);
    broadcast = served.broadcast;
    away = served.away;
    if (served.port !== undefined) return served.port;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server.address().port;
  },

  /** Connects to a server on `port`; every message is counted once it is parsed. */
  async connect(port) {
    await peer.connect(port, (data) => {
      if (data.id !== message.id) throw new Error('The message differs from the one that was sent');
      if (++received === awaited) complete();
    });
  },

  /** Expects `count` messages from now on; `receipt` waits for the last. */
  expect(count) {
    received = 0;
    awaited = count;
    sessions.receipt = new Promise((resolve) => {
      complete = resolve;
    });
  },

  async receipt() {
    await sessions.receipt;
  },

  /** Sends `count` messages to all connections, in one turn of the event loop. */
  broadcast(count) {
    for (let i = 0; i < count; i++) broadcast(message);
  },

  /** CPU time used so far in µs, by all threads of the process, the garbage collector's included. */
  cpu: () => process.cpuUsage(),

  sessions: () => ({ opened: sessions.opened, closed: sessions.closed }),

  /** The number of sessions without a connection. */
  away: () => away(),

  /** The most bytes that the process has had so far. */
  peak: () => process.resourceUsage().maxRSS * 1_024,

  /** Bytes in use after a garbage collection. */
  async memory() {
    for (let i = 0; i < 4; i++) {
      await turn();
      globalThis.gc();
    }
    const { heapUsed, rss } = process.memoryUsage();
    return { heapUsed, rss };
  },
});
