// Connections keep messages in flight; the server parses each and encodes it again.
import { longText, text } from '../lib/message.mjs';
import { costOf } from '../lib/pair.mjs';

const measure = {
  text,
  figures: { cpu: { title: 'server CPU', unit: 'µs', sessions: { ratio: 1.03 } } },
  rate: 'messages/s',

  describe({ connections, inFlight }) {
    return `${connections} connections, ${inFlight === 1 ? 'one message' : `${inFlight} messages`} of ${this.text.length.toLocaleString('en')} bytes in flight on each`;
  },

  async prepare({ load, wrap }, { connections, inFlight, warmUp }) {
    await load.open(connections);
    await load.echo(wrap(this.text), inFlight, warmUp);
  },

  round(pair, { inFlight, messages }) {
    return costOf(pair, messages, () => pair.load.echo(pair.wrap(this.text), inFlight, messages));
  },
};

export const echo = {
  ...measure,
  name: 'echo',
  title: 'Echo: server CPU per message',
  // V8 goes on compiling for 200,000 messages.
  size: { connections: 50, inFlight: 8, messages: 40_000, warmUp: 200_000, generations: 3, rounds: 7 },
  quick: { messages: 12_000, warmUp: 25_000, generations: 1, rounds: 7 },
};

/** One message at a time: each answer takes a system call in any library. */
export const lone = {
  ...measure,
  name: 'lone',
  title: 'Lone echo: server CPU per message',
  size: { connections: 50, inFlight: 1, messages: 30_000, warmUp: 100_000, generations: 2, rounds: 6 },
  quick: { messages: 10_000, warmUp: 20_000, generations: 1, rounds: 6 },
};

/** Most of it is the parsing and printing of JSON. */
export const long = {
  ...measure,
  text: longText,
  name: 'long',
  title: 'Long echo: server CPU per message',
  figures: { cpu: { title: 'server CPU', unit: 'µs' } },
  size: { connections: 10, inFlight: 1, messages: 3_000, warmUp: 8_000, generations: 2, rounds: 6 },
  quick: { messages: 1_000, warmUp: 2_000, generations: 1, rounds: 6 },
};
