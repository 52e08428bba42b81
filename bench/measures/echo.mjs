// 50 connections keep 8 messages each in flight; the server parses each and encodes it again.
import { text } from '../lib/message.mjs';
import { costOf } from '../lib/pair.mjs';

export const echo = {
  name: 'echo',
  title: 'Echo: server CPU per message',
  figures: { cpu: { title: 'server CPU', unit: 'µs', sessions: { ratio: 1.03 } } },
  rate: 'messages/s',
  // V8 goes on compiling for 200,000 messages.
  size: { connections: 50, inFlight: 8, messages: 40_000, warmUp: 200_000, generations: 3, rounds: 7 },
  quick: { messages: 12_000, warmUp: 25_000, generations: 1, rounds: 7 },
  describe: ({ connections, inFlight }) => `${connections} connections, ${inFlight} messages of ${text.length} bytes in flight on each`,

  async prepare({ load, wrap }, { connections, inFlight, warmUp }) {
    await load.open(connections);
    await load.echo(wrap(text), inFlight, warmUp);
  },

  round: (pair, { inFlight, messages }) => costOf(pair, messages, () => pair.load.echo(pair.wrap(text), inFlight, messages)),
};
