// One message to a whole fleet, the next when it has arrived everywhere: nothing queues up, each costs what one costs.
import { text } from '../lib/message.mjs';
import { costOf } from '../lib/pair.mjs';

const measure = {
  // Streams are about what comes in.
  without: ['primus-rx-stream'],
  figures: { cpu: { title: 'server CPU', unit: 'µs' } },
  rate: 'deliveries/s',
  describe: ({ connections }) => `one message of ${text.length} bytes to ${connections.toLocaleString('en')} connections`,

  async prepare(pair, { connections, warmUp }) {
    await pair.load.open(connections);
    await send(pair, warmUp);
  },

  round: (pair, { connections, broadcasts }) => costOf(pair, broadcasts * connections, () => send(pair, broadcasts)),
};

async function send({ subject, load }, broadcasts) {
  for (let i = 0; i < broadcasts; i++) {
    await load.expect();
    await subject.broadcast();
    await load.arrived();
  }
}

export const broadcast = {
  ...measure,
  name: 'broadcast',
  title: 'Broadcast to 1,000: server CPU per delivery',
  size: { connections: 1_000, broadcasts: 30, warmUp: 60, generations: 2, rounds: 8 },
  quick: { broadcasts: 20, warmUp: 30, generations: 1, rounds: 6 },
};

/** The same at five times the size: what growth costs. Only when asked for by name. */
export const broadcast5k = {
  ...measure,
  name: 'broadcast5k',
  title: 'Broadcast to 5,000: server CPU per delivery',
  optional: true,
  size: { connections: 5_000, broadcasts: 8, warmUp: 12, generations: 2, rounds: 8 },
  quick: { broadcasts: 6, generations: 1, rounds: 6 },
};
