// Many clients of this package with sessions, in a process of their own.
import { answer } from './lib/rpc.mjs';

const DIALLED_AT_ONCE = 50;

const { default: Primus } = await import('primus-rx');
const Socket = Primus.createSocket({ transformer: 'websockets', pathname: '/primus' });
const clients = [];
let url;
let left = 0;
let done;

/** Counts down; called for each message and each client that has resumed. */
function count() {
  if (--left === 0) done();
}

const several = (number) =>
  new Promise((resolve) => {
    left = number;
    done = resolve;
  });

function dial() {
  // Reconnects only when it is asked to.
  const client = new Socket(url, { resume: true, pingTimeout: false, reconnect: { min: '10 m', max: '10 m' } });
  client.on('data', count);
  client.on('close', count);
  client.on('open', count);
  client.resume$.subscribe(({ type }) => {
    if (type === 'gap') throw new Error('A session was not resumed');
  });
  clients.push(client);
}

answer({
  target(port) {
    url = `http://127.0.0.1:${port}`;
  },

  async open(number) {
    for (let at = 0; at < number; at += DIALLED_AT_ONCE) {
      const dialled = Math.min(DIALLED_AT_ONCE, number - at);
      const opened = several(dialled);
      for (let i = 0; i < dialled; i++) dial();
      await opened;
    }
  },

  /** Terminates all connections, without a word to the server. */
  async lose() {
    const closed = several(clients.length);
    for (const { socket } of clients) socket.terminate();
    await closed;
  },

  /** Reconnects all at once. Returns the time in ms until each has the messages that it missed. */
  async resume(missed) {
    const started = performance.now();
    const resumed = several(clients.length * (missed + 1));
    for (const client of clients) client.open();
    await resumed;
    return performance.now() - started;
  },
});
