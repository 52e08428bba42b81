// Many clients lose their connections at once, miss messages, and resume their sessions at once. The clients are those of the package, in
// a process of their own, and their time is in the figure.
import { sessionsAway, settled } from '../lib/pair.mjs';

export const resume = {
  name: 'resume',
  title: 'Resume: sessions with messages that were missed',
  role: 'resume',
  only: ['primus-rx-resume'],
  figures: {
    time: { title: 'time for all', unit: 's', limit: 5 },
    cpu: { title: 'server CPU', unit: 's' },
    rss: { title: 'RSS, peak above idle', unit: 'MB', limit: 200 },
  },
  size: { connections: 2_000, missed: 100, generations: 2, rounds: 1 },
  quick: { connections: 1_000, generations: 1 },
  describe: ({ connections, missed }) =>
    `${connections.toLocaleString('en')} clients resume their sessions at once, and each gets ${missed} messages`,

  async prepare({ load }, { connections }) {
    await load.open(connections);
    await settled(300);
  },

  async round({ subject, load }, { connections, missed }) {
    const { rss } = await subject.memory();
    await load.lose();
    await sessionsAway(subject, connections);
    await subject.broadcast(missed);
    const before = await subject.cpu();
    const time = await load.resume(missed);
    const after = await subject.cpu();
    const cpu = after.user - before.user + after.system - before.system;
    return { time: time / 1_000, cpu: cpu / 1_000_000, rss: ((await subject.peak()) - rss) / 1_000_000 };
  },
};
