import type { Direction } from '../laboratory/laboratory.js';
import { requestText } from '../wire/dialects.js';
import { BINARY, frame, TEXT } from '../wire/websocket.js';
import type { Scene } from './scene.js';

/** Something that goes wrong with one connection. */
export interface Fault {
  name: string;
  appliesTo?(scene: Scene): boolean;
  run(scene: Scene): Promise<unknown>;
}

const SIZE = 200_000;
const hasWebSocket = ({ dialect }: Scene) => dialect !== undefined;
const hasPolling = ({ polling }: Scene) => polling !== undefined;

/** The connection breaks somewhere in a message; the client reconnects, and is served. */
function breakIn(direction: Direction, how: 'RST' | 'FIN'): Fault {
  return {
    name: `${how} in a message going ${direction}`,
    async run(scene) {
      const { client, lab } = await scene.client();
      let reopened = false;
      let answered = 0;
      client.on('open', () => {
        reopened = true;
      });
      client.on('data', (message: unknown) => {
        if (message === 'after') answered++;
      });
      void lab.breakAfter(direction, scene.random.int(1, SIZE), { reset: how === 'RST' });
      client.write(direction === 'toServer' ? scene.checked(SIZE) : { sendChecked: SIZE });
      await scene.until(() => reopened, 2_000);
      client.write('after');
      await scene.until(() => answered > 0, 2_000);
    },
  };
}

/** The network between both ends is gone; nothing closes the sockets. The laboratory closes its own long after the server has to have noticed. */
const halfOpen: Fault = {
  name: 'half-open',
  async run(scene) {
    const { client, lab } = await scene.client();
    client.write(scene.checked(1_000));
    lab.halfOpen();
    client.destroy();
    await scene.pause(1_500, 3_000);
  },
};

/** Nothing passes for a while, in one direction or both. */
const partition: Fault = {
  name: 'partition',
  async run(scene) {
    const { client, lab } = await scene.client();
    lab.blackhole(scene.random.pick<Direction | undefined>(['toServer', 'toClient', undefined]));
    for (let turn = 0; turn < 20; turn++) client.write(scene.checked(2_000));
    await scene.pause(50, 2_000);
    lab.heal();
    await scene.pause(50, 300);
  },
};

const abortedPoll: Fault = {
  name: 'aborted poll',
  appliesTo: hasPolling,
  async run(scene) {
    const { polling, id } = await scene.session();
    for (let turn = 1; turn <= 3; turn++) {
      const [poll, post] = [await scene.sockets.connect(), await scene.sockets.connect()];
      poll.write(requestText(polling.poll(id)));
      post.write(requestText(polling.send(id, [JSON.stringify({ send: 50_000 })], turn)));
      await scene.pause(1, 40);
      poll.resetAndDestroy();
      post.end();
    }
  },
};

const abortedPost: Fault = {
  name: 'aborted post',
  appliesTo: hasPolling,
  async run(scene) {
    const { socket, polling, id } = await scene.session();
    const text = requestText(polling.send(id, [JSON.stringify(scene.checked(20_000))], 1));
    socket.write(text.slice(0, scene.random.int(1, text.length - 1)));
    await scene.pause(1, 40);
    if (scene.random.chance(0.5)) socket.resetAndDestroy();
    else socket.end();
  },
};

/** A session that is opened and never heard of again. */
const forgottenSession: Fault = {
  name: 'forgotten session',
  appliesTo: hasPolling,
  async run(scene) {
    const { socket } = await scene.session();
    socket.resetAndDestroy();
  },
};

const throwingListener: Fault = {
  name: 'listener throws',
  async run(scene) {
    const { client } = await scene.client();
    let echoed = false;
    client.on('data', () => {
      echoed = true;
    });
    client.write(scene.random.pick([{ throw: 'on purpose' }, { reject: 'on purpose' }, { throw: null }]));
    client.write('still there?');
    await scene.until(() => echoed, 2_000);
  },
};

const slowReader: Fault = {
  name: 'slow reader',
  appliesTo: hasWebSocket,
  async run(scene) {
    const socket = await scene.raw();
    socket.pause();
    for (let turn = 0; turn < 8; turn++) socket.write(frame(TEXT, scene.dialect?.wrap('{"send":1000000}') ?? ''));
    await scene.pause(100, 800);
    socket.resetAndDestroy();
  },
};

const unreadPoll: Fault = {
  name: 'unread poll',
  appliesTo: hasPolling,
  async run(scene) {
    const { polling, id } = await scene.session();
    const [poll, post] = [await scene.sockets.connect(), await scene.sockets.connect()];
    poll.pause();
    poll.write(requestText(polling.poll(id)));
    post.write(requestText(polling.send(id, Array(4).fill('{"send":1000000}'), 1)));
    await scene.pause(100, 800);
    poll.resetAndDestroy();
    post.resetAndDestroy();
  },
};

const killedClient: Fault = {
  name: 'client killed',
  appliesTo: hasWebSocket,
  async run(scene) {
    const socket = await scene.raw();
    socket.write(frame(TEXT, scene.dialect?.wrap('"hello"') ?? ''));
    if (scene.random.chance(0.5)) await scene.pause(0, 20);
    socket.resetAndDestroy();
  },
};

const halfHandshake: Fault = {
  name: 'half a handshake',
  async run(scene) {
    const socket = await scene.sockets.connect();
    const text = 'GET /primus HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n';
    socket.write(text.slice(0, scene.random.int(1, text.length)));
    await scene.pause(0, 200);
    if (scene.random.chance(0.5)) socket.resetAndDestroy();
    else socket.end();
  },
};

const protocolError: Fault = {
  name: 'protocol error',
  appliesTo: hasWebSocket,
  async run(scene) {
    const socket = await scene.raw();
    socket.write(
      scene.random.pick([frame(3, 'x'), frame(TEXT, Buffer.from([0xff])), frame(BINARY, 'x', { reserved: 7 }), frame(TEXT, '{')]),
    );
    await scene.pause(0, 100);
    socket.destroy();
  },
};

/** The server ends the connection while more messages are under way to it. */
const serverEnds: Fault = {
  name: 'server ends in between',
  async run(scene) {
    const { client } = await scene.client();
    client.write({ end: true });
    for (let turn = 0; turn < 5; turn++) client.write(scene.checked(10_000));
    await scene.pause(10, 200);
  },
};

export const FAULTS: readonly Fault[] = [
  breakIn('toServer', 'RST'),
  breakIn('toServer', 'FIN'),
  breakIn('toClient', 'RST'),
  breakIn('toClient', 'FIN'),
  halfOpen,
  partition,
  abortedPoll,
  abortedPost,
  forgottenSession,
  throwingListener,
  slowReader,
  unreadPoll,
  killedClient,
  halfHandshake,
  protocolError,
  serverEnds,
];
