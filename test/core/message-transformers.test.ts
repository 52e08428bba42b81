import { describe, expect, it, vi } from 'vitest';
import { type MessageTransformer, MessageTransformers, type Packet, runTransformers } from '../../src/core/message-transformers.js';

const connection = { name: 'spark' };

const append =
  (text: string): MessageTransformer =>
  (packet) => {
    packet.data += text;
  };

const appendLater =
  (text: string): MessageTransformer =>
  (packet, next) => {
    queueMicrotask(() => {
      packet.data += text;
      next();
    });
  };

const appendByPromise =
  (text: string): MessageTransformer =>
  async (packet) => {
    await undefined;
    packet.data += text;
  };

/** The verdict, whenever it comes, and what became of the data. */
async function run(list: MessageTransformer[], data: unknown = ''): Promise<{ passes: boolean; data: unknown; late: boolean }> {
  const packet: Packet = { data };
  const verdict = runTransformers(list, connection, packet);
  const late = typeof verdict !== 'boolean';
  return { passes: await verdict, data: packet.data, late };
}

describe('runTransformers', () => {
  it('answers at once while all transformers answer at once', async () => {
    expect(await run([])).toEqual({ passes: true, data: '', late: false });
    expect(await run([append('a'), append('b')])).toEqual({ passes: true, data: 'ab', late: false });
  });

  it('runs any mix of transformers in order', async () => {
    const mix = [append('a'), appendLater('b'), append('c'), appendByPromise('d'), appendLater('e'), append('f')];
    expect(await run(mix)).toEqual({ passes: true, data: 'abcdef', late: true });
  });

  it('answers at once when a callback is called at once', async () => {
    const now: MessageTransformer = (packet, next) => {
      packet.data = 'now';
      next();
    };
    expect(await run([now])).toEqual({ passes: true, data: 'now', late: false });
  });

  it('calls every transformer with the connection as `this`, and the packet', () => {
    const seen: unknown[] = [];
    const packet: Packet = { data: 1, raw: '1' };
    const sync: MessageTransformer = function (given) {
      seen.push(this, given);
    };
    const async: MessageTransformer = function (given, next) {
      seen.push(this, given);
      next();
    };
    runTransformers([sync, async], connection, packet);
    expect(seen).toEqual([connection, packet, connection, packet]);
    expect(seen[1]).toBe(packet);
  });

  it.each<[string, MessageTransformer]>([
    ['returns false', () => false],
    ['calls back with false at once', (_packet, next) => next(undefined, false)],
    ['calls back with false later', (_packet, next) => queueMicrotask(() => next(undefined, false))],
    ['resolves to false', async () => false],
  ])('drops the message when a transformer %s, and runs no further ones', async (_name, dropping) => {
    const after = vi.fn();
    expect(await run([dropping, after])).toMatchObject({ passes: false });
    expect(after).not.toHaveBeenCalled();
  });

  it.each<[string, MessageTransformer]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['0', () => 0],
    ['an empty string', () => ''],
    ['true', () => true],
  ])('passes a message when a transformer returns %s', async (_name, passing) => {
    expect(await run([passing, append('x')])).toEqual({ passes: true, data: 'x', late: false });
  });

  it.each<[string, MessageTransformer]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    [
      'throws before it calls back',
      (_packet, _next) => {
        throw new Error('no');
      },
    ],
    ['calls back with an error at once', (_packet, next) => next(new Error('no'))],
    ['calls back with an error later', (_packet, next) => queueMicrotask(() => next(new Error('no')))],
    [
      'rejects',
      async () => {
        throw new Error('no');
      },
    ],
    // An async function with a callback: its rejection must not be unhandled.
    [
      'rejects, though it has a callback',
      async (_packet, _next) => {
        throw new Error('no');
      },
    ],
  ])('fails when a transformer %s, and runs no further ones', async (_name, failing) => {
    const after = vi.fn();
    await expect(run([failing, after])).rejects.toThrow('no');
    await expect(run([appendLater('x'), failing, after])).rejects.toThrow('no');
    expect(after).not.toHaveBeenCalled();
  });

  it('counts only the first call of a callback', async () => {
    const twice: MessageTransformer = (_packet, next) => {
      queueMicrotask(() => {
        next();
        next(new Error('second'));
        next(undefined, false);
      });
    };
    const after = vi.fn();
    expect(await run([twice, after])).toMatchObject({ passes: true });
    expect(after).toHaveBeenCalledTimes(1);
  });

  it('runs a long list without growing the stack', async () => {
    const list = Array.from({ length: 20_000 }, () => append(''));
    expect(await run(list)).toMatchObject({ passes: true });
  });
});

describe('MessageTransformers', () => {
  it('adds a function once, in the order of the calls', () => {
    const transformers = new MessageTransformers();
    const [first, second] = [append('a'), append('b')];
    for (const transformer of [first, second, first]) transformers.add('incoming', transformer);
    transformers.add('outgoing', first);
    expect(transformers.incoming).toEqual([first, second]);
    expect(transformers.outgoing).toEqual([first]);
  });

  it.each(['sideways', '', undefined, '__proto__', 'constructor'])('rejects the direction %j', (direction) => {
    expect(() => new MessageTransformers().add(direction, () => {})).toThrow(
      expect.objectContaining({ code: 'ERR_PRIMUS_OPTION', message: expect.stringMatching(/transformer.*'incoming' or 'outgoing'/) }),
    );
  });

  it.each([[undefined], ['fn'], [{}], [null]])('rejects %o as a transformer', (transformer) => {
    expect(() => new MessageTransformers().add('incoming', transformer)).toThrow(
      expect.objectContaining({ code: 'ERR_PRIMUS_OPTION', message: expect.stringContaining('transformer') }),
    );
  });
});
