import { setTimeout as pause } from 'node:timers/promises';
import type { Attack, Attacker } from './attacker.js';

/** 20 MB a second, as messages of 10 kB. */
const RATE = 20_000_000;
const SIZE = 10_000;
const READERS = 10;

/** Connections that read nothing while the server broadcasts. They say something now and then, as one does that is alive. */
export const slowReaders: Attack = {
  name: 'slow readers under a broadcast',
  scenario: 11,
  appliesTo: ({ dialect }) => dialect !== undefined,
  async run(attacker: Attacker) {
    const sockets = await attacker.webSockets(READERS);
    for (const socket of sockets) socket.pause();
    const broadcast = attacker.target.server.call('broadcast', RATE, SIZE, attacker.duration);
    while (attacker.goesOn) {
      for (const socket of sockets) if (socket.writable) socket.write(attacker.message('0'));
      await pause(200);
    }
    await broadcast;
  },
};

/** The same over requests: each session has a poll whose answer is not read. */
export const slowPolls: Attack = {
  name: 'unread polls under a broadcast',
  scenario: 11,
  appliesTo: ({ polling }) => polling !== undefined,
  async run(attacker: Attacker) {
    const sessions = await attacker.sessions(READERS);
    for (const session of sessions) await session.pollElsewhere();
    await attacker.target.server.call('broadcast', RATE, SIZE, attacker.duration);
  },
};

/** Sessions over requests that never poll. */
export const absentPolls: Attack = {
  name: 'sessions without a poll under a broadcast',
  scenario: 11,
  appliesTo: ({ polling }) => polling !== undefined,
  async run(attacker: Attacker) {
    await attacker.sessions(READERS);
    await attacker.target.server.call('broadcast', RATE, SIZE, attacker.duration);
  },
};
