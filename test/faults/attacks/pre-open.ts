import { type Attack, type Attacker, everywhere } from './attacker.js';

const CONNECTIONS = 4;
const FLOOD = 200_000_000;

const application = { acceptsLater: true };

/** Shorter than the time in which descriptors have to be closed: a connection that is not read is noticed to be lost only then. */
const options = { connectionTimeout: 5_000 };

/** 200 MB of messages while the asynchronous `connection` listener has not answered. */
function preOpen(name: string, query: string): Attack {
  return {
    name,
    scenario: 15,
    application,
    options,
    appliesTo: ({ dialect }) => dialect !== undefined,
    async run(attacker: Attacker) {
      const sockets = await attacker.webSockets(CONNECTIONS, `silent&${query}`);
      const load = attacker.message(JSON.stringify('x'.repeat(60_000)));
      await everywhere(CONNECTIONS, async (place) => {
        const socket = sockets[place];
        for (let sent = 0; sent < FLOOD / CONNECTIONS && attacker.goesOn && socket?.writable; sent += load.length) {
          await attacker.write(socket, load);
        }
      });
      // The time-out of a listener that never answers belongs to the attack.
      while (attacker.goesOn) await new Promise((resolve) => setTimeout(resolve, 50));
    },
  };
}

export const slowListener = preOpen('200 MB before an asynchronous listener answers', 'listener=3000');
export const deadListener = preOpen('200 MB for a listener that never answers', 'listener=never');

/** The same in small messages. */
export const smallPreOpen: Attack = {
  name: 'small messages for a listener that never answers',
  scenario: 15,
  application,
  options,
  appliesTo: ({ dialect }) => dialect !== undefined,
  async run(attacker: Attacker) {
    const sockets = await attacker.webSockets(20, 'silent&listener=never');
    const load = Buffer.concat(Array.from({ length: 1_000 }, () => attacker.message('1')));
    await everywhere(20, async (place) => {
      const socket = sockets[place];
      while (attacker.goesOn && socket?.writable) await attacker.write(socket, load);
    });
  },
};

/** The same over requests. */
export const pollingPreOpen: Attack = {
  name: 'posts for a listener that never answers',
  scenario: 15,
  application,
  options,
  appliesTo: ({ polling }) => polling !== undefined,
  async run(attacker: Attacker) {
    const sessions = await attacker.sessions(10, 'silent&listener=never');
    const messages = [JSON.stringify('x'.repeat(60_000))];
    await everywhere(10, async (place) => {
      const session = sessions[place];
      while (attacker.goesOn && session?.socket.writable) await session.send(messages);
    });
  },
};
