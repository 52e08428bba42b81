import assert from 'node:assert/strict';
import type { Delivery, Keep, Log, Position } from '../bus.js';
import { bytes, delivered, numbered, settled, strings, type TestBed, type TestNode, until } from './node.js';

const KEEP: Keep = { size: 1000, ttl: 60_000 };

function logOf({ bus }: TestNode): Log {
  assert.ok(bus.log, 'The bus has no log. Leave out the cases that need one: `needs === "log"`');
  return bus.log;
}

/** Appends numbered strings one after the other, and returns their positions. */
async function fill(log: Log, topic: string, entries: readonly string[], keep = KEEP): Promise<Position[]> {
  const positions: Position[] = [];
  for (const entry of entries) positions.push(await log.append(topic, bytes(entry), keep));
  return positions;
}

/** Asserts that nothing is missing between entries that follow each other. */
function assertContinuous(entries: readonly Delivery[], before: Position | undefined): void {
  let last = before;
  for (const { at, previous } of entries) {
    assert.ok(at, 'an entry of a history has a position');
    if (last) {
      assert.equal(at.epoch, last.epoch);
      assert.ok(at.offset > last.offset, 'offsets must grow');
      assert.equal(previous ?? at.offset - 1, last.offset);
    }
    last = at;
  }
}

/** Cases about the history of topics. */
export const log = {
  async 'appends and publishes in one step'(bed: TestBed) {
    const topic = bed.topic('append');
    const nodes = await bed.listeners(topic, 2);
    const positions = await fill(logOf(nodes[0] as TestNode), topic, numbered('a', 5));
    for (const node of nodes) {
      await delivered(node, 5);
      assert.deepEqual(strings(node.deliveries), numbered('a', 5));
      assert.deepEqual(
        node.deliveries.map(({ at }) => ({ ...at })),
        positions.map((position) => ({ ...position })),
      );
      assert.ok(node.deliveries.every((each) => each.topic === topic));
      assertContinuous(node.deliveries, undefined);
    }
    const first = positions[0] as Position;
    assert.ok(typeof first.epoch === 'string' && first.epoch !== '');
    assert.ok(Number.isSafeInteger(first.offset) && first.offset > 0);
  },

  async 'appends without listeners'(bed: TestBed) {
    const topic = bed.topic('alone');
    const [writer, reader] = [await bed.open(), await bed.open()];
    const [first, second] = await fill(logOf(writer), topic, ['one', 'two']);
    const { entries, head, whole } = await logOf(reader).read(topic, first as Position, 10);
    assert.deepEqual([strings(entries), { ...head }, whole], [['two'], { ...second }, true]);
    assert.deepEqual(reader.deliveries, []);
  },

  async 'gives the appends of one node positions in the order of the calls'(bed: TestBed) {
    const topic = bed.topic('calls');
    const [node] = await bed.listeners(topic, 1);
    if (!node) return;
    const log = logOf(node);
    const positions = await Promise.all(numbered('a', 200).map((entry) => log.append(topic, bytes(entry), KEEP)));
    await delivered(node, 200);
    assert.deepEqual(strings(node.deliveries), numbered('a', 200));
    assert.deepEqual(
      positions.map(({ offset }) => offset),
      [...positions].map(({ offset }) => offset).sort((a, b) => a - b),
    );
  },

  async 'gives all nodes one order when several append at once'(bed: TestBed) {
    const topic = bed.topic('race');
    const nodes = await bed.listeners(topic, 3);
    const appended = nodes.map((node, number) =>
      Promise.all(numbered(`${number}:`, 100).map((entry) => logOf(node).append(topic, bytes(entry), KEEP))),
    );
    const positions = (await Promise.all(appended)).flat();
    assert.equal(new Set(positions.map(({ offset }) => offset)).size, 300);
    assert.equal(new Set(positions.map(({ epoch }) => epoch)).size, 1);
    for (const node of nodes) {
      await delivered(node, 300);
      assert.deepEqual(strings(node.deliveries), strings((nodes[0] as TestNode).deliveries));
      assertContinuous(node.deliveries, undefined);
    }
    const first = (nodes[0] as TestNode).deliveries[0]?.at as Position;
    const { entries } = await logOf(nodes[1] as TestNode).read(topic, first, 1000);
    assert.deepEqual(strings(entries), strings((nodes[0] as TestNode).deliveries).slice(1));
  },

  async 'reads the entries behind a position, the oldest first, and pages with a limit'(bed: TestBed) {
    const topic = bed.topic('pages');
    const [writer, reader] = [await bed.open(), await bed.open()];
    const positions = await fill(logOf(writer), topic, numbered('a', 10));
    const first = positions[0] as Position;
    const all = await logOf(reader).read(topic, first, 100);
    assert.deepEqual(strings(all.entries), numbered('a', 10).slice(1));
    assert.ok(all.entries.every((entry) => entry.topic === topic));
    assertContinuous(all.entries, first);
    const page = await logOf(reader).read(topic, first, 4);
    assert.deepEqual([strings(page.entries), page.whole], [['a1', 'a2', 'a3', 'a4'], true]);
    assert.deepEqual({ ...page.head }, { ...positions[9] });
    const next = await logOf(reader).read(topic, page.entries[3]?.at as Position, 4);
    assert.deepEqual([strings(next.entries), next.whole], [['a5', 'a6', 'a7', 'a8'], true]);
    const end = await logOf(reader).read(topic, positions[9] as Position, 4);
    assert.deepEqual([end.entries.length, end.whole, { ...end.head }], [0, true, { ...positions[9] }]);
  },

  async 'reads the head alone'(bed: TestBed) {
    const topic = bed.topic('head');
    const [node] = [await bed.open()];
    const positions = await fill(logOf(node), topic, numbered('a', 3));
    const { entries, head, whole } = await logOf(node).read(topic, 'head', 10);
    assert.deepEqual([entries.length, { ...head }, whole], [0, { ...positions[2] }, true]);
  },

  async 'gives a topic without entries a position behind which nothing is missed'(bed: TestBed) {
    const topic = bed.topic('fresh');
    const [reader, writer] = [await bed.open(), await bed.open()];
    const { entries, head, whole } = await logOf(reader).read(topic, 'head', 10);
    assert.deepEqual([entries.length, head.offset, whole], [0, 0, true]);
    await fill(logOf(writer), topic, ['one', 'two']);
    const later = await logOf(reader).read(topic, head, 10);
    assert.deepEqual([strings(later.entries), later.whole], [['one', 'two'], true]);
    assertContinuous(later.entries, undefined);
  },

  async 'keeps the newest entries, as many as asked for, and says when older ones are missing'(bed: TestBed) {
    const topic = bed.topic('size');
    const node = await bed.open();
    const positions = await fill(logOf(node), topic, numbered('a', 20), { size: 5, ttl: 60_000 });
    const trimmed = await logOf(node).read(topic, positions[3] as Position, 100);
    assert.deepEqual([strings(trimmed.entries), trimmed.whole], [['a15', 'a16', 'a17', 'a18', 'a19'], false]);
    assert.deepEqual({ ...trimmed.head }, { ...positions[19] });
    const edge = await logOf(node).read(topic, positions[14] as Position, 100);
    assert.deepEqual([strings(edge.entries), edge.whole], [['a15', 'a16', 'a17', 'a18', 'a19'], true]);
    const limited = await logOf(node).read(topic, positions[3] as Position, 2);
    assert.deepEqual([strings(limited.entries), limited.whole], [['a15', 'a16'], false]);
  },

  async 'drops entries after their time to live, and says so'(bed: TestBed) {
    const topic = bed.topic('ttl');
    const node = await bed.open();
    const positions = await fill(logOf(node), topic, numbered('a', 3), { size: 100, ttl: 500 });
    const [first, , last] = positions as [Position, Position, Position];
    await until('the entries to expire', async () => (await logOf(node).read(topic, first, 100)).entries.length === 0);
    const expired = await logOf(node).read(topic, first, 100);
    assert.deepEqual([expired.whole, { ...expired.head }], [false, { ...last }]);
    assert.equal((await logOf(node).read(topic, last, 100)).whole, true);
    const [next] = await fill(logOf(node), topic, ['b'], KEEP);
    assert.equal(next?.epoch, last.epoch);
    const after = await logOf(node).read(topic, last, 100);
    assert.deepEqual([strings(after.entries), after.whole], [['b'], true]);
    assertContinuous(after.entries, last);
  },

  async 'says that something is missing behind a position of another epoch, or ahead of the head'(bed: TestBed) {
    const topic = bed.topic('epoch');
    const node = await bed.open();
    const positions = await fill(logOf(node), topic, numbered('a', 3));
    const head = positions[2] as Position;
    for (const since of [
      { ...head, epoch: 'another' },
      { ...head, epoch: '' },
      { epoch: 'another', offset: 0 },
      { ...head, offset: head.offset + 1 },
      { ...head, offset: head.offset + 1_000_000 },
    ]) {
      const { entries, whole, head: found } = await logOf(node).read(topic, since, 100);
      assert.deepEqual([strings(entries), whole, { ...found }], [numbered('a', 3), false, { ...head }], JSON.stringify(since));
    }
  },

  async 'keeps topics apart'(bed: TestBed) {
    const [left, right] = [bed.topic('left'), bed.topic('right')];
    const node = await bed.open();
    const [first] = await fill(logOf(node), left, ['l0']);
    await fill(logOf(node), right, ['r0', 'r1']);
    await fill(logOf(node), left, ['l1']);
    const { entries, whole } = await logOf(node).read(left, first as Position, 10);
    assert.deepEqual([strings(entries), whole], [['l1'], true]);
    assertContinuous(entries, first);
  },

  async 'keeps every byte of an entry, and a copy of it'(bed: TestBed) {
    const topic = bed.topic('entry bytes');
    const [node] = await bed.listeners(topic, 1);
    if (!node) return;
    const every = Uint8Array.from({ length: 256 }, (_, index) => index);
    const large = Uint8Array.from({ length: 500_000 }, (_, index) => (index * 31) % 251);
    const { head } = await logOf(node).read(topic, 'head', 1);
    const messages = [new Uint8Array(), every, large];
    for (const message of messages) {
      const reused = Uint8Array.from(message);
      const appended = logOf(node).append(topic, reused, KEEP);
      reused.fill(7);
      await appended;
    }
    await delivered(node, messages.length);
    const { entries } = await logOf(node).read(topic, head, 10);
    for (const received of [node.deliveries, entries]) {
      assert.equal(received.length, messages.length);
      for (const [index, { data }] of received.entries()) assert.equal(Buffer.compare(data, messages[index] as Uint8Array), 0);
    }
  },

  async 'settles its promises when the bus is closed'(bed: TestBed) {
    const topic = bed.topic('closing');
    const node = await bed.open();
    const log = logOf(node);
    const pending: Promise<unknown>[] = [log.append(topic, bytes('a'), KEEP), log.read(topic, 'head', 1)];
    for (const promise of pending) promise.catch(() => {});
    await settled('close', node.bus.close());
    await settled('the promises of the log', Promise.allSettled(pending));
    await assert.rejects(settled('append', log.append(topic, bytes('b'), KEEP)), 'append() must reject after close()');
    await assert.rejects(settled('read', log.read(topic, 'head', 1)), 'read() must reject after close()');
  },
} satisfies Record<string, (bed: TestBed) => Promise<void>>;

/** Cases about entries that are too long. */
export const logLimits = {
  async 'rejects an entry that is longer than the engine takes'(bed: TestBed) {
    const topic = bed.topic('long entry');
    const node = await bed.open();
    if (bed.tooLong === undefined) return;
    await assert.rejects(settled('append', logOf(node).append(topic, new Uint8Array(bed.tooLong), KEEP)));
    await until('an entry after it', () =>
      logOf(node)
        .append(topic, bytes('short'), KEEP)
        .then(
          () => true,
          () => false,
        ),
    );
  },
} satisfies Record<string, (bed: TestBed) => Promise<void>>;
