// The memory of a silent connection. Each figure is from a fresh process, as a process rarely returns memory.
import { sessionsOver, settled } from '../lib/pair.mjs';

const SETTLE = 300;

export const idle = {
  name: 'idle',
  title: 'Idle: memory per connection',
  figures: {
    heap: { title: 'JavaScript heap', unit: 'kB', sessions: { more: 0.3 } },
    rss: { title: 'RSS', unit: 'kB' },
  },
  size: { connections: 2_000, warmUp: 500, generations: 4, rounds: 1 },
  quick: { connections: 1_000, generations: 1 },
  describe: ({ connections }) =>
    `${connections.toLocaleString('en')} open connections with their listeners, garbage collected, against the same process warm and empty`,

  // A first batch fills caches and compiles code, which are not the cost of a connection.
  async prepare({ subject, load }, { warmUp }) {
    await load.open(warmUp);
    await load.close();
    await sessionsOver(subject, warmUp);
    await settled(SETTLE);
  },

  async round({ subject, load }, { connections }) {
    const before = await subject.memory();
    await load.open(connections);
    await settled(SETTLE);
    const after = await subject.memory();
    const each = (key) => (after[key] - before[key]) / connections / 1000;
    return { heap: each('heapUsed'), rss: each('rss') };
  },
};
