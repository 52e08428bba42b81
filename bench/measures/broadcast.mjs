// Messages to all connections; the next ones are sent when these have arrived, so that no queue builds up. A single message
// takes a system call per connection in any library. Several in one turn of the event loop can share one.
import { text } from '../lib/message.mjs';
import { costOf } from '../lib/pair.mjs';

const measure = {
  // Streams are for reading: writing is the same call.
  without: ['primus-rx-stream'],
  figures: { cpu: { title: 'server CPU', unit: 'µs', sessions: { ratio: 1.05 } } },
  rate: 'deliveries/s',
  describe: ({ connections, burst }) =>
    `${burst === 1 ? 'one message' : `${burst} messages`} of ${text.length} bytes in a turn to ${connections.toLocaleString('en')} connections`,

  async prepare(pair, { connections, burst, warmUp }) {
    await pair.load.open(connections);
    await send(pair, burst, warmUp);
  },

  round: (pair, { connections, burst, broadcasts }) => costOf(pair, broadcasts * connections, () => send(pair, burst, broadcasts)),
};

async function send({ subject, load }, burst, broadcasts) {
  for (let i = 0; i < broadcasts; i += burst) {
    await load.expect(burst);
    await subject.broadcast(burst);
    await load.arrived();
  }
}

export const broadcast = {
  ...measure,
  name: 'broadcast',
  title: 'Broadcast to 1,000: server CPU per delivery',
  size: { connections: 1_000, burst: 1, broadcasts: 30, warmUp: 60, generations: 2, rounds: 8 },
  quick: { broadcasts: 20, warmUp: 30, generations: 1, rounds: 6 },
};

/** Several messages in one turn, as when a tick of a game or a batch from a queue is passed on. */
export const burst = {
  ...measure,
  name: 'burst',
  title: 'Broadcast in bursts of 10 to 1,000: server CPU per delivery',
  size: { connections: 1_000, burst: 10, broadcasts: 40, warmUp: 80, generations: 2, rounds: 6 },
  quick: { broadcasts: 20, warmUp: 40, generations: 1, rounds: 5 },
};

/** One message at a time to five times as many connections. Runs only when it is named. */
export const broadcast5k = {
  ...measure,
  name: 'broadcast5k',
  title: 'Broadcast to 5,000: server CPU per delivery',
  optional: true,
  size: { connections: 5_000, burst: 1, broadcasts: 8, warmUp: 12, generations: 2, rounds: 8 },
  quick: { broadcasts: 6, generations: 1, rounds: 6 },
};
