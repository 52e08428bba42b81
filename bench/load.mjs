// The load, in a process of its own: raw sockets, frames built ahead, one buffer for all reads. It must be cheap, so that the peer is
// measured and not the load.
import { once } from 'node:events';
import net from 'node:net';
import { answer } from './lib/rpc.mjs';
import { closeFrame, FrameCounter, frame, upgradeAnswer, upgradeRequest } from './lib/wire.mjs';

const DIALLED_AT_ONCE = 50;
const END_OF_HEAD = Buffer.from('\r\n\r\n');
/** The number of messages that a client with a session acknowledges at once. */
const ACKNOWLEDGED = 64;
/** Acknowledgements of the server are shorter, and are no messages. */
const SHORTEST_MESSAGE = 64;
/** Control messages are encoded like all others. */
const bye = frame('"primus::bye::"');
// A socket hands over its bytes before the next one reads, so all can share a buffer.
const inbox = Buffer.allocUnsafeSlow(256 * 1024);

let target;
let connections = [];
let listener;

/** One connection to the server under load. */
class Connection {
  #counter = new FrameCounter(target.hasSession ? SHORTEST_MESSAGE : 0);
  #upgraded = false;
  /** Called with the number of messages that a read completed. */
  onFrames = () => {};
  /** Called with the bytes of each read; set only when content is checked. */
  onBytes = undefined;

  constructor() {
    this.opened = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.closed = new Promise((resolve) => {
      this.#over = resolve;
    });
    this.socket = net.connect({
      port: target.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: inbox, callback: (length) => this.#read(length) },
    });
    this.socket.write(target.request);
    this.socket.on('error', (error) => this.#reject(error));
    this.socket.on('close', () => {
      this.#reject(new Error('The server closed the connection before it was open'));
      this.#over();
    });
  }

  #resolve;
  #reject;
  #over;
  #greetings = target.greetings;
  #received = 0;
  #acknowledged = 0;

  #read(length) {
    let from = 0;
    if (!this.#upgraded) {
      const end = inbox.subarray(0, length).indexOf(END_OF_HEAD);
      if (!inbox.subarray(0, length).toString('latin1').startsWith('HTTP/1.1 101 ') || end < 0) {
        this.#reject(new Error(`No upgrade: ${inbox.subarray(0, Math.min(length, 200)).toString('latin1')}`));
        this.socket.destroy();
        return false;
      }
      this.#upgraded = true;
      if (target.hello !== undefined) this.socket.write(target.hello);
      from = end + END_OF_HEAD.length;
    }
    let count = this.#counter.feed(inbox, length, from);
    if (this.#greetings > 0) {
      const greeted = Math.min(this.#greetings, count);
      this.#greetings -= greeted;
      count -= greeted;
    }
    if (this.#greetings === 0) this.#resolve();
    if (this.onBytes !== undefined) this.onBytes(Buffer.from(inbox.subarray(from, length)));
    if (target.hasSession) this.#acknowledge(count);
    if (count > 0) this.onFrames(count);
    return true;
  }

  /** Acknowledges the messages of a session, in one write with what is written in this turn. */
  #acknowledge(count) {
    this.#received += count;
    if (this.#received - this.#acknowledged < ACKNOWLEDGED) return;
    this.#acknowledged = this.#received;
    this.socket.cork();
    this.socket.write(frame(`"primus::ack::${this.#received}"`));
    process.nextTick(() => this.socket.uncork());
  }

  /** Closes with the closing handshake. The server closes the TCP connection (RFC 6455, section 7.1.1). */
  close() {
    this.socket.write(target.hasSession ? Buffer.concat([bye, closeFrame]) : closeFrame);
    return this.closed;
  }
}

/** Runs `count` times `task`, at most `width` at once. */
async function several(count, width, task) {
  let left = count;
  const worker = async () => {
    while (left-- > 0) await task();
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
}

async function dial() {
  const connection = new Connection();
  await connection.opened;
  return connection;
}

/**
 * Keeps the process busy. Waking a sleeping process costs the process that sends to it, which is the server: it would be
 * charged for the sleep of its load.
 */
let awake = false;

function stayAwake() {
  if (awake) setImmediate(stayAwake);
}

/** Resolves once `connections` have received `total` messages between them, to the time in ns. */
function received(total) {
  return new Promise((resolve) => {
    let count = 0;
    for (const connection of connections) {
      connection.onFrames = (frames) => {
        count += frames;
        if (count >= total) resolve(Number(process.hrtime.bigint()));
      };
    }
  });
}

answer({
  /** Called before a round; `sleep` is called after it. */
  wake() {
    awake = true;
    stayAwake();
  },

  sleep() {
    awake = false;
  },

  /** Sets the server to load, and the messages that it and the load exchange when a connection opens. */
  target(port, { path, hello, greetings, hasSession = false }) {
    const first = hello && Buffer.concat(hello.map((text) => frame(text)));
    target = { port, request: upgradeRequest(path, port), hello: first, greetings, hasSession };
  },

  async open(count) {
    await several(count, DIALLED_AT_ONCE, async () => connections.push(await dial()));
  },

  async close() {
    const ending = connections;
    connections = [];
    await Promise.all(ending.map((connection) => connection.close()));
  },

  /** Sends one message and returns the answer, to check that the server does its work. */
  async check(payload) {
    const connection = await dial();
    const chunks = [];
    connection.onBytes = (bytes) => chunks.push(bytes);
    const echoed = new Promise((resolve) => {
      connection.onFrames = resolve;
    });
    connection.socket.write(frame(payload));
    await echoed;
    await connection.close();
    return Buffer.concat(chunks).toString();
  },

  /**
   * Keeps `depth` messages in flight on every open connection until `total` were echoed. The echoes of one read
   * are sent again in one write.
   */
  async echo(payload, depth, total) {
    const one = frame(payload);
    const many = Buffer.concat(Array(depth).fill(one));
    let toSend = total;
    const send = (connection, count) => {
      const sent = Math.min(count, toSend);
      toSend -= sent;
      if (sent > 0) connection.socket.write(sent === depth ? many : many.subarray(0, sent * one.length));
    };
    let toCome = total;
    await new Promise((resolve) => {
      for (const connection of connections) {
        connection.onFrames = (count) => {
          toCome -= count;
          if (toCome <= 0) resolve();
          else send(connection, count);
        };
        send(connection, depth);
      }
    });
  },

  /** Expects `each` messages on every connection; `arrived` waits for the last. */
  expect(each) {
    target.arriving = received(connections.length * each);
  },

  async arrived() {
    return await target.arriving;
  },

  /** Opens and closes `count` connections, `width` at a time. */
  async visit(count, width) {
    await several(count, width, async () => {
      const connection = await dial();
      await connection.close();
    });
  },

  /** Starts a server for a client that is measured. */
  async listen() {
    listener = net.createServer((socket) => {
      connections.push(socket);
      socket.setNoDelay();
      socket.on('error', () => {});
      socket.once('data', (request) => socket.write(upgradeAnswer(request.toString('latin1'))));
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return listener.address().port;
  },

  /** Sends `count` messages to the last client, as fast as it takes them. */
  async pour(payload, count) {
    const socket = connections.at(-1);
    const one = frame(payload, { masked: false });
    const batch = 100;
    const many = Buffer.concat(Array(batch).fill(one));
    for (let left = count; left > 0; left -= batch) {
      if (!socket.write(left >= batch ? many : many.subarray(0, left * one.length))) await once(socket, 'drain');
    }
  },
});
