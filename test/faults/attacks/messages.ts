import { setTimeout as pause } from 'node:timers/promises';
import { type Attack, type Attacker, everywhere } from './attacker.js';

/** 120,000 messages for an incoming message transformer that takes 5 ms for each. */
export const slowTransformer: Attack = {
  name: '120,000 messages for a transformer of 5 ms',
  scenario: 0,
  application: { transformerDelay: 5 },
  // 12,000 messages of a connection, one after the other.
  settles: 90_000,
  appliesTo: ({ dialect }) => dialect !== undefined,
  async run(attacker: Attacker) {
    const count = 10;
    const sockets = await attacker.webSockets(count);
    const load = Buffer.concat(
      Array.from({ length: 200 }, () => attacker.message('{"some":"message","of":"a hundred bytes","with":[1,2,3,4,5,6,7,8,9]}')),
    );
    await everywhere(count, async (place) => {
      const socket = sockets[place] as (typeof sockets)[number];
      for (let sent = 0; sent < 120_000 / count && attacker.goesOn && socket.writable; sent += 200) await attacker.write(socket, load);
    });
    while (attacker.goesOn) await pause(50);
  },
};

/** Writes a load to each of many connections, again and again. */
async function flood(attacker: Attacker, sockets: Awaited<ReturnType<Attacker['webSockets']>>, load: Buffer): Promise<void> {
  await everywhere(sockets.length, async (place) => {
    const socket = sockets[place] as (typeof sockets)[number];
    while (attacker.goesOn && socket.writable) await attacker.write(socket, load);
  });
}

/** As many small messages as ten connections carry; the application echoes, and the attacker reads. */
export const messageFlood: Attack = {
  name: 'a flood of small messages',
  scenario: 0,
  appliesTo: ({ dialect }) => dialect !== undefined,
  async run(attacker: Attacker) {
    const sockets = await attacker.webSockets(10, '');
    const load = Buffer.concat(Array.from({ length: 500 }, () => attacker.message('{"n":1}')));
    await flood(attacker, sockets, load);
  },
};

/** As many messages of 1 MB as ten connections carry. */
export const largeFlood: Attack = {
  name: 'a flood of messages of 1 MB',
  scenario: 0,
  appliesTo: ({ dialect }) => dialect !== undefined,
  async run(attacker: Attacker) {
    const sockets = await attacker.webSockets(10);
    const load = attacker.message(JSON.stringify('x'.repeat(1_000_000)));
    await flood(attacker, sockets, load);
  },
};

/** Posts with a hundred messages each. */
export const postFlood: Attack = {
  name: 'a flood of posts',
  scenario: 0,
  appliesTo: ({ polling }) => polling !== undefined,
  async run(attacker: Attacker) {
    const sessions = await attacker.sessions(10);
    const messages = Array.from({ length: 100 }, () => '{"n":1}');
    await everywhere(10, async (place) => {
      const session = sessions[place];
      while (attacker.goesOn && session?.socket.writable) await session.send(messages);
    });
  },
};
