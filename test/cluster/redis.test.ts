import { createClient, createCluster, createSentinel } from 'redis';
import { describe, expect, it } from 'vitest';
import { decode, decodeEntry, encode } from '../../src/cluster/backplanes/redis/messages.js';
import { channelOf, entriesKey, slotOf, stateKey } from '../../src/cluster/backplanes/redis/names.js';
import { redis } from '../../src/cluster/backplanes/redis.js';

describe('redis()', () => {
  it('takes a client and a cluster of the package redis', () => {
    expect(redis(createClient()).name).toBe('redis');
    expect(redis(createCluster({ rootNodes: [{ url: 'redis://localhost' }] })).name).toBe('redis');
  });

  it.each([undefined, null, 'redis://localhost', {}, () => {}, { connect() {} }])('throws at once for %s', (value) => {
    expect(() => redis(value as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_BACKPLANE' }));
  });

  it('throws for options that are no object', () => {
    expect(() => redis(createClient(), null as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });

  it('throws at once for a client of a Sentinel', () => {
    const sentinel = createSentinel({ name: 'main', sentinelRootNodes: [{ host: 'localhost', port: 26379 }] });
    expect(() => redis(sentinel as never)).toThrow(/Sentinel/);
  });

  it.each(['a{b', '}', 5, null])('throws for the prefix %s', (prefix) => {
    expect(() => redis(createClient(), { prefix: prefix as string })).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });
});

describe('the names of a topic in Redis', () => {
  it.each(['news', 'a b', '}', '{}', '{a}{b}', 'a}b', '%7D', '%', 'é😀'])('are in one slot, and of no other topic: %s', (topic) => {
    const channel = channelOf('primus:', topic);
    const tag = (name: string) => /\{([^}]+)\}/.exec(name)?.[1];
    expect(tag(stateKey(channel))).toBe(tag(channel));
    expect(tag(entriesKey(channel))).toBe(tag(channel));
    expect(decodeURIComponent((tag(channel) as string).replace(/%(?!25|7D)/g, '%25'))).toBe(topic);
  });

  // As CLUSTER KEYSLOT answers.
  it.each([
    ['news', 5161],
    ['123456789', 12739],
    ['é😀', 14663],
  ])('are in the slot of %s', (topic, slot) => {
    expect(slotOf(channelOf('primus:', topic))).toBe(slot);
  });
});

describe('a message in Redis', () => {
  it('has its data, and its position when it is an entry', () => {
    const data = Buffer.from('prx1 data\n');
    expect(decode('news', encode(data))).toEqual({ topic: 'news', data });
    expect(decode('news', Buffer.from('prx1e-1:7\nhello'))).toEqual({
      topic: 'news',
      data: Buffer.from('hello'),
      at: { epoch: 'e-1', offset: 7 },
    });
    expect(decodeEntry('news', 'e', Buffer.from('7 1700000000000\n\n'))).toEqual({
      topic: 'news',
      data: Buffer.from('\n'),
      at: { epoch: 'e', offset: 7 },
    });
  });

  it.each(['', 'p', 'prx', 'prx1', 'prx1e:1', 'prx1:1\n', 'prx1e:-1\n', 'prx1e:1e5\n', 'prx1e:9999999999999999\n', 'prx3', 'hello'])(
    'is rejected as %j',
    (message) => {
      expect(decode('news', Buffer.from(message))).toBeUndefined();
    },
  );

  it.each(['', '7', '7 1', '\n', 'x 1\n', '7 x\n'])('is rejected as the entry %j', (entry) => {
    expect(decodeEntry('news', 'e', Buffer.from(entry))).toBeUndefined();
  });
});
