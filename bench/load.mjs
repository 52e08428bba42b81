// The other end of the line, in its own process: raw sockets, frames built ahead, one buffer for all reads.
// It must cost little, or it would be what is measured.
import { once } from 'node:events';
import net from 'node:net';
import { answer } from './lib/rpc.mjs';
import { closeFrame, FrameCounter, frame, upgradeAnswer, upgradeRequest } from './lib/wire.mjs';

const DIALLED_AT_ONCE = 50;
const END_OF_HEAD = Buffer.from('\r\n\r\n');
// Sockets hand over what they read before the next one reads, so all may share.
const inbox = Buffer.allocUnsafeSlow(256 * 1024);

let target;
let lines = [];
let listener;

/** One connection to the server under load. */
class Line {
  #counter = new FrameCounter();
  #upgraded = false;
  /** Told how many messages came, each time some did. */
  onFrames = () => {};
  /** Told what came, as bytes: only when content is checked. */
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
      this.#reject(new Error('The server closed the line before the connection was open'));
      this.#over();
    });
  }

  #resolve;
  #reject;
  #over;
  #greetings = target.greetings;

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
    if (count > 0) this.onFrames(count);
    return true;
  }

  /** The closing handshake, to its end: it is for the server to close the line (RFC 6455, section 7.1.1). */
  close() {
    this.socket.write(closeFrame);
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
  const line = new Line();
  await line.opened;
  return line;
}

/**
 * While it is awake a process costs nothing to wake, and waking is paid for by whoever sends to it: the server, which
 * would be charged for the naps of its load.
 */
let awake = false;

function stayAwake() {
  if (awake) setImmediate(stayAwake);
}

/** Resolves once `lines` have received `total` messages between them. */
function received(total) {
  return new Promise((resolve) => {
    let count = 0;
    for (const line of lines) {
      line.onFrames = (frames) => {
        count += frames;
        if (count >= total) resolve();
      };
    }
  });
}

answer({
  /** Before and after a round. */
  wake() {
    awake = true;
    stayAwake();
  },

  sleep() {
    awake = false;
  },

  /** Whom to load, and what it says and is said to when a connection opens. */
  target(port, { path, hello, greetings }) {
    target = { port, request: upgradeRequest(path, port), hello: hello && Buffer.concat(hello.map((text) => frame(text))), greetings };
  },

  async open(count) {
    await several(count, DIALLED_AT_ONCE, async () => lines.push(await dial()));
  },

  async close() {
    const ending = lines;
    lines = [];
    await Promise.all(ending.map((line) => line.close()));
  },

  /** Sends one message and returns what comes back, as text: whether the server does its work at all. */
  async check(payload) {
    const line = await dial();
    const chunks = [];
    line.onBytes = (bytes) => chunks.push(bytes);
    const echoed = new Promise((resolve) => {
      line.onFrames = resolve;
    });
    line.socket.write(frame(payload));
    await echoed;
    await line.close();
    return Buffer.concat(chunks).toString();
  },

  /**
   * Keeps `depth` messages in flight on every open line until `total` were echoed. As many as came back in one read are
   * sent again in one write.
   */
  async echo(payload, depth, total) {
    const one = frame(payload);
    const many = Buffer.concat(Array(depth).fill(one));
    let toSend = total;
    const send = (line, count) => {
      const sent = Math.min(count, toSend);
      toSend -= sent;
      if (sent > 0) line.socket.write(sent === depth ? many : many.subarray(0, sent * one.length));
    };
    let toCome = total;
    await new Promise((resolve) => {
      for (const line of lines) {
        line.onFrames = (count) => {
          toCome -= count;
          if (toCome <= 0) resolve();
          else send(line, count);
        };
        send(line, depth);
      }
    });
  },

  /** Prepares for so many messages to each line; `arrived` waits for the last. */
  expect(each) {
    target.arriving = received(lines.length * each);
  },

  async arrived() {
    await target.arriving;
  },

  /** Opens and closes `count` connections, `width` at a time. */
  async visit(count, width) {
    await several(count, width, async () => {
      const line = await dial();
      await line.close();
    });
  },

  /** The other way round: a server for clients under measure. */
  async listen() {
    listener = net.createServer((socket) => {
      lines.push(socket);
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
    const socket = lines.at(-1);
    const one = frame(payload, { masked: false });
    const batch = 100;
    const many = Buffer.concat(Array(batch).fill(one));
    for (let left = count; left > 0; left -= batch) {
      if (!socket.write(left >= batch ? many : many.subarray(0, left * one.length))) await once(socket, 'drain');
    }
  },
});
