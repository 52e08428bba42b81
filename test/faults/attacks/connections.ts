import { requestText } from '../wire/dialects.js';
import { readUntil } from '../wire/socket.js';
import { handshake } from '../wire/websocket.js';
import { type Attack, type Attacker, everywhere } from './attacker.js';

/** Handshakes as fast as fifty places make them; each connection is closed at once. */
export const handshakes: Attack = {
  name: 'a flood of handshakes',
  scenario: 17,
  appliesTo: ({ dialect }) => dialect !== undefined,
  run: (attacker: Attacker) =>
    everywhere(50, async () => {
      while (attacker.goesOn) {
        const socket = await attacker.sockets.connect();
        socket.write(handshake(attacker.dialect?.target('silent') ?? '', { compression: attacker.compression }));
        await readUntil(socket, /\r\n\r\n/, 1_000);
        socket.resetAndDestroy();
      }
    }),
};

/** Ten thousand WebSockets that stay open and say nothing. */
export const idleConnections: Attack = {
  name: '10,000 idle connections',
  scenario: 17,
  appliesTo: ({ dialect }) => dialect !== undefined,
  async run(attacker: Attacker) {
    for (let opened = 0; opened < 10_000 && attacker.goesOn; opened += 50) await attacker.webSockets(50);
  },
};

/** Sessions over requests that are opened on one connection, and then forgotten. */
export const sessions: Attack = {
  name: 'a flood of sessions',
  scenario: 17,
  appliesTo: ({ polling }) => polling !== undefined,
  run: (attacker: Attacker) =>
    everywhere(10, async () => {
      const socket = await attacker.sockets.connect();
      socket.resume();
      for (let opened = 0; opened < 2_000 && attacker.goesOn && socket.writable; opened++) {
        if (attacker.polling === undefined) return;
        await attacker.write(socket, requestText(attacker.polling.open('silent')));
        if (opened % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }),
};
