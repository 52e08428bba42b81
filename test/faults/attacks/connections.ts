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

const CAP = 1_000;
const TRIED = 10_000;

/** In ms: a server that rejects so many takes longer than an attack lasts. */
const ALL_TRIED = 60_000;

/** Ten thousand WebSockets that would stay open and say nothing. docs/server.md says what they take without a limit. */
export const idleConnections: Attack = {
  name: '10,000 idle connections, of which 1,000 may stay',
  scenario: 17,
  options: { maxConnectionsPerAddress: CAP },
  appliesTo: ({ dialect }) => dialect !== undefined,
  async run(attacker: Attacker) {
    const deadline = performance.now() + ALL_TRIED;
    let most = 0;
    for (let tried = 0; tried < TRIED && performance.now() < deadline; tried += 50) {
      await attacker.webSockets(50);
      // Those that were rejected are closed.
      most = Math.max(most, attacker.sockets.size);
    }
    if (most !== CAP) throw new Error(`${most} connections of one address were open at the same time, not ${CAP}`);
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
