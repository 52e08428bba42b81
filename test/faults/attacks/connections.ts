import { requestText } from '../wire/dialects.js';
import { readUntil } from '../wire/socket.js';
import { frame, handshake, TEXT } from '../wire/websocket.js';
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

/** Ten thousand WebSockets that would stay open and say nothing. What they cost without a limit is no secret: see docs/hardening.md. */
export const idleConnections: Attack = {
  name: '10,000 idle connections, of which 1,000 may stay',
  scenario: 17,
  options: { maxConnectionsPerAddress: CAP },
  appliesTo: ({ dialect }) => dialect !== undefined,
  async run(attacker: Attacker) {
    const deadline = performance.now() + ALL_TRIED;
    let most = 0;
    for (let tried = 0; tried < TRIED && performance.now() < deadline; tried += 50) {
      await Promise.all(Array.from({ length: 50 }, () => knock(attacker)));
      // Those that were rejected are closed.
      most = Math.max(most, attacker.sockets.size);
    }
    if (most !== CAP) throw new Error(`${most} connections of one address were open at the same time, not ${CAP}`);
  },
};

/** Opens a WebSocket; resolves when it is open, or closed because the server rejected it. */
async function knock({ sockets, dialect, compression }: Attacker): Promise<void> {
  const socket = await sockets.connect();
  socket.write(handshake(dialect?.target('silent') ?? '', { compression }));
  const answer = await readUntil(socket, /\r\n\r\n/);
  socket.resume();
  if (/^HTTP\/1.1 101 /.test(answer)) for (const text of dialect?.greeting ?? []) socket.write(frame(TEXT, text));
  else if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve).destroy());
}

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
