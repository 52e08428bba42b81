import { describe, expect, it } from 'vitest';
import { type Compared, check, type Reports } from './laws.js';
import type { NodeReport } from './node.js';
import { HISTORIES, ROOMS, Sequence } from './sequence.js';
import type { Subscriber } from './subscriber.js';

const [history] = HISTORIES as [string];
const [room] = ROOMS as [string];

function report(change: Partial<NodeReport> = {}): NodeReport {
  const rooms = { doubled: 0, reordered: 0, received: 0 };
  return { published: {}, written: {}, rooms, holes: [], lost: {}, asked: { started: 0, completed: 0, wrong: 0 }, errors: [], ...change };
}

/** A subscriber of the first history that got these messages of the process `a`; `gap` is a gap. */
function subscriber(name: string, ...got: (number | 'gap')[]): Subscriber {
  const sequence = new Sequence();
  sequence.expect('a', history);
  const holes: Subscriber['holes'] = [];
  let isGap = false;
  for (const each of got) {
    const hole = each === 'gap' ? undefined : sequence.take({ run: 'a', topic: history, n: each });
    if (hole !== undefined && !isGap) holes.push(hole);
    isGap = each === 'gap';
  }
  const order = new Map([[history, got.filter((each) => each !== 'gap').map((n) => `a ${n}`)]]);
  const gaps = got.filter((each) => each === 'gap');
  const isComplete = (run: string, topic: string, n: number) => isGap || (sequence.last(run, topic) ?? n) >= n;
  return { name, sequence, holes, gaps, order, isComplete } as unknown as Subscriber;
}

function published(count: number, rejected: number[] = [], open: number[] = []): NodeReport {
  return report({ published: { [history]: { count, rejected, open } } });
}

function checked(subscribers: Subscriber[], living: Reports, dead: Reports = new Map()): string[] {
  return check({ subscribers, dead } satisfies Compared, living);
}

describe('the laws of a cluster', () => {
  it('hold when all messages arrive, were rejected, or have a gap', () => {
    expect(checked([subscriber('c1', 1, 2, 3)], new Map([['a', published(3)]]))).toEqual([]);
    expect(checked([subscriber('c1', 1, 4)], new Map([['a', published(4, [2], [3])]]))).toEqual([]);
    expect(checked([subscriber('c1', 1, 'gap', 4)], new Map([['a', published(4)]]))).toEqual([]);
  });

  it.each<[string, Subscriber[], NodeReport, string]>([
    ['a confirmed message is missing', [subscriber('c1', 1, 4)], published(4, [2]), `c1 misses 3 of a in ${history} without a gap`],
    ['a message arrives twice', [subscriber('c1', 1, 2, 2)], published(2), 'c1 got 1 messages twice'],
    [
      'messages arrive in another order at one subscriber',
      [subscriber('c1', 'gap', 2, 1), subscriber('c2', 'gap', 1, 2)],
      published(2, [1]),
      `c1 and c2 got a 2 of ${history} in another order`,
    ],
    [
      'a late subscriber has less',
      [subscriber('c1', 1, 2), subscriber('c2', 2)],
      published(2, [1]),
      `c2 has 1 of 2 messages of ${history}`,
    ],
  ])('are broken when %s', (_, subscribers, node, wrong) => {
    expect(checked(subscribers, new Map([['a', node]]))).toContain(wrong);
  });

  it('are broken when a subscriber misses the end of a process that was killed', () => {
    const dead = new Map([['a', published(3, [], [3])]]);
    expect(checked([subscriber('c1', 1)], new Map(), dead)).toEqual([
      `c1 misses the last messages of a in ${history}, up to 2, without a gap`,
    ]);
    expect(checked([subscriber('c1', 1, 'gap')], new Map(), dead)).toEqual([]);
  });

  it('are broken when a room loses a message that is not known to be lost', () => {
    const holes = [{ run: 'a', topic: room, after: 1, before: 4 }];
    const lost = (b: number, a = 0) =>
      new Map([
        ['a', report({ lost: { [`room:${room} outbox`]: a } })],
        ['b', report({ holes, lost: { [`room:${room} missed`]: b } })],
      ]);
    expect(checked([], lost(1))).toEqual([`b misses 2 messages of ${room}, and 1 are known to be lost`]);
    expect(checked([], lost(1, 1))).toEqual([]);
    expect(checked([], new Map([['b', report({ holes })]]))).toEqual([]);
  });

  it('are broken when a question does not complete, or names a node that was not asked', () => {
    const asked = new Map([['a', report({ asked: { started: 2, completed: 1, wrong: 1 } })]]);
    expect(checked([], asked)).toEqual(['1 questions of a did not complete', '1 answers of a are not of the nodes that were asked']);
  });
});
