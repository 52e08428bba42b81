// A client that gets messages as fast as it reads them, and parses each.
import { text } from '../lib/message.mjs';
import { costOf } from '../lib/pair.mjs';

export const receive = {
  name: 'receive',
  title: 'Receive: client CPU per message',
  role: 'client',
  without: ['primus-rx-resume', 'uws', 'primus-rx-uws', 'engine.io', 'socket.io'],
  figures: { cpu: { title: 'client CPU', unit: 'µs' } },
  rate: 'messages/s',
  size: { messages: 200_000, generations: 2, rounds: 4 },
  quick: { messages: 100_000, generations: 1, rounds: 3 },
  describe: ({ messages }) => `${messages.toLocaleString('en')} messages of ${text.length} bytes over one connection`,

  async prepare(pair, { messages }) {
    await pour(pair, messages / 4);
  },

  round: (pair, { messages }) => costOf(pair, messages, () => pour(pair, messages)),
};

async function pour({ subject, load }, messages) {
  await subject.expect(messages);
  await load.pour(text, messages);
  await subject.receipt();
}
