import { setTimeout as pause } from 'node:timers/promises';
import { handshake } from '../wire/websocket.js';
import type { Attack, Attacker } from './attacker.js';

const COUNT = 1_000;

/** A thousand sockets that each write something, and then wait. */
function waiting(name: string, text: (attacker: Attacker, index: number) => string | Buffer, more: Partial<Attack> = {}): Attack {
  return {
    name,
    scenario: 16,
    ...more,
    async run(attacker: Attacker) {
      for (let index = 0; index < COUNT && attacker.goesOn; index += 50) {
        await Promise.all(
          Array.from({ length: 50 }, async (_, place) => {
            const socket = await attacker.sockets.connect();
            socket.resume();
            socket.write(text(attacker, index + place));
          }),
        );
      }
      while (attacker.goesOn) await pause(50);
    },
  };
}

export const heldAuthorization = waiting(
  '1,000 requests that authorization never answers',
  (attacker) =>
    attacker.dialect !== undefined
      ? handshake(attacker.dialect.target('authorize=never'))
      : `GET /primus/test?authorize=never HTTP/1.1\r\nHost: x\r\n\r\n`,
  { application: { authorizes: true } },
);
export const foreignPath = waiting('1,000 upgrades on a foreign path', () => handshake('/foreign'));
export const halfRequests = waiting('1,000 requests that never end', (attacker) =>
  handshake(attacker.dialect?.target('') ?? '/primus').slice(0, -2),
);
export const halfBodies = waiting(
  '1,000 bodies that never end',
  ({ polling }) =>
    `POST ${polling?.open('').target ?? '/primus'} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(60_000)}`,
);
