import { describe, expect, it } from 'vitest';
import { Journal, lossesOf, type Report } from './journal.js';
import { messageOf } from './messages.js';

const SEED = 3;

/** The report of an end that got these: numbers are messages, strings the reasons of gaps. */
function reportOf(...got: (number | string)[]): Report {
  const journal = new Journal(SEED, () => 0);
  for (const each of got) {
    if (typeof each === 'number') journal.receive(messageOf(SEED, each));
    else journal.resume({ type: 'gap', reason: each });
  }
  return journal.report();
}

/** The report of a sender that got gaps when it had written that many messages. */
function senderOf(...written: number[]): Report {
  let last = 0;
  const journal = new Journal(SEED, () => last);
  for (const count of written) {
    last = count;
    journal.resume({ type: 'gap', reason: 'expired' });
  }
  return journal.report();
}

describe('a journal', () => {
  it('counts nothing when all messages arrive in order', () => {
    expect(reportOf(1, 2, 3)).toMatchObject({ received: 3, last: 3, doubled: 0, reordered: 0, corrupt: 0, holes: [], gaps: [] });
  });

  it('counts messages that arrive twice, late, or with other data', () => {
    expect(reportOf(1, 2, 2, 1, 3)).toMatchObject({ received: 3, doubled: 2, reordered: 0 });
    expect(reportOf(1, 3, 2, 4)).toMatchObject({ received: 4, doubled: 0, reordered: 1, holes: [] });
    const journal = new Journal(SEED, () => 0);
    journal.receive([1, 'something else']);
    expect(journal.report()).toMatchObject({ received: 1, corrupt: 1 });
  });

  it('splits a hole when a message in it arrives late', () => {
    expect(reportOf(1, 6, 3).holes).toEqual([
      { after: 1, before: 3, gaps: 0 },
      { after: 3, before: 6, gaps: 0 },
    ]);
  });

  it('remembers resumed sessions and the longest time away', () => {
    const journal = new Journal(SEED, () => 0);
    for (const away of [5, 9, 7]) journal.resume({ type: 'resumed', away });
    journal.resume({ type: 'fresh' });
    expect(journal.report()).toMatchObject({ resumed: 3, away: 9, gaps: [] });
  });
});

describe('the losses of one direction', () => {
  it.each<[string, Report, Report, number, number]>([
    ['none', reportOf(1, 2, 'expired', 3), senderOf(2), 0, 0],
    ['a hole without a gap', reportOf(1, 4), senderOf(), 2, 2],
    ['a hole with a gap at both ends', reportOf(1, 'expired', 4), senderOf(3), 2, 0],
    ['a hole with a gap at its receiver only', reportOf(1, 'expired', 4), senderOf(), 2, 2],
    ['a hole with a gap at its sender only', reportOf(1, 4), senderOf(3), 2, 2],
    ['a hole with a gap at its sender that came before', reportOf(1, 2, 3, 'expired', 6), senderOf(2), 2, 2],
    ['a hole that comes before the gap of its receiver', reportOf(1, 4, 'expired', 5), senderOf(3), 2, 2],
    ['two holes with one gap each', reportOf(1, 'expired', 4, 'overflow', 9), senderOf(3, 8), 6, 0],
    ['two holes of which one has a gap', reportOf(1, 'expired', 4, 9), senderOf(3, 8), 6, 4],
  ])('are explained by gaps at both ends: %s', (_, receiver, sender, lost, unexplained) => {
    expect(lossesOf(receiver, sender)).toEqual({ lost, unexplained });
  });
});
