// Connections that open, and close again with a handshake.
import { costOf, sessionsOver } from '../lib/pair.mjs';

export const connect = {
  name: 'connect',
  title: 'Connect: server CPU per connection opened and closed',
  figures: { cpu: { title: 'server CPU', unit: 'µs' } },
  rate: 'connections/s',
  size: { connections: 1_000, atOnce: 50, warmUp: 12_000, generations: 2, rounds: 8 },
  quick: { connections: 600, warmUp: 3_000, generations: 1, rounds: 6 },
  describe: ({ atOnce }) => `${atOnce} at a time, each closed once it is open`,

  prepare: (pair, { warmUp, atOnce }) => visit(pair, warmUp, atOnce),

  async round(pair, { connections, atOnce }) {
    // V8 shrinks the heap of a process that waits for its turn, which would double the cost of the first connections.
    await visit(pair, 2 * connections, atOnce);
    return costOf(pair, connections, () => visit(pair, connections, atOnce));
  },
};

async function visit({ load, subject }, connections, atOnce) {
  const { opened } = await subject.sessions();
  await load.visit(connections, atOnce);
  await sessionsOver(subject, opened + connections);
}
