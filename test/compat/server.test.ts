import { describe, expect, it } from 'vitest';
import type { Any } from '../interop/original.js';
import { event, serve, until } from '../support/serve.js';

describe('write', () => {
  it('is not assignable, but definable', async () => {
    const served = await serve();
    const primus = served.primus as Any;
    const { write } = primus;
    (() => {
      primus.write = () => 'assigned';
    })();
    expect(primus.write).toBe(write);
    Object.defineProperty(primus, 'write', { value: () => 'defined' });
    expect(primus.write('x')).toBe('defined');
    expect((await serve()).primus.write).toBe(write);
  });
});

describe('asyncemit', () => {
  it('waits for listeners with one parameter more, in order, and calls back', async () => {
    const primus = (await serve()).primus as Any;
    const order: string[] = [];
    primus.on('custom', (a: string) => order.push(`sync ${a}`));
    primus.on('custom', (a: string, b: string, next: () => void) => {
      setTimeout(() => {
        order.push(`async ${a}${b}`);
        next();
      }, 5);
    });
    primus.on('custom', () => order.push('last'));
    await new Promise<void>((resolve) => expect(primus.asyncemit('custom', 'a', 'b', resolve)).toBe(primus));
    expect(order).toEqual(['sync a', 'async ab', 'last']);
  });

  it('calls back with the first error, and skips the listeners behind it', async () => {
    const primus = (await serve()).primus as Any;
    const order: string[] = [];
    primus.on('custom', (next: (error: Error) => void) => next(new Error('no')));
    primus.on('custom', () => order.push('never'));
    const error = await new Promise((resolve) => primus.asyncemit('custom', resolve));
    expect([(error as Error).message, order]).toEqual(['no', []]);
    expect(primus.asyncemit('unknown', () => {})).toBe(primus);
    expect(() => primus.asyncemit('unknown')).toThrow('asyncemit: the last argument');
  });
});

describe('emits', () => {
  it('returns a function that emits', async () => {
    const primus = (await serve()).primus as Any;
    const got = event(primus, 'custom');
    primus.emits('custom')(1, 2);
    expect(await got).toEqual([1, 2]);
  });
});

describe('transforms', () => {
  /** A connection of another kind, as substreams are. */
  class Foreign {
    readonly got: unknown[] = [];
    _write(data: unknown): void {
      this.got.push(['write', data]);
    }
    emit(name: string, ...args: unknown[]): void {
      this.got.push([name, ...args]);
    }
    listeners(): unknown[] {
      return [1];
    }
  }

  it('passes the messages of a foreign connection through the message transformers', async () => {
    const primus = (await serve()).primus as Any;
    const foreign = new Foreign();
    const self: unknown[] = [];
    primus.transform('incoming', function (this: unknown, packet: Any) {
      self.push(this, packet.raw);
      packet.data = [packet.data];
    });
    primus.transform('outgoing', (packet: Any) => packet.data !== 'drop');
    const spark = new primus.Spark();
    for (const caller of [primus, spark]) caller.transforms(primus, foreign, 'incoming', 'x', 'raw');
    spark.transforms(primus, foreign, 'outgoing', 'y').transforms(primus, foreign, 'outgoing', 'drop');
    expect(self).toEqual([foreign, 'raw', foreign, 'raw']);
    expect(foreign.got).toEqual([
      ['data', ['x'], 'raw'],
      ['data', ['x'], 'raw'],
      ['write', 'y'],
    ]);
  });

  it('keeps the order of messages when a transformer is slow', async () => {
    const primus = (await serve()).primus as Any;
    const foreign = new Foreign();
    primus.transform('incoming', (packet: Any, next: () => void) => {
      if (packet.data === 'slow') setTimeout(next, 10);
      else next();
    });
    for (const data of ['first', 'slow', 'after', 'last']) primus.transforms(primus, foreign, 'incoming', data, data);
    await until(() => foreign.got.length === 4);
    expect(foreign.got.map((entry) => (entry as unknown[])[1])).toEqual(['first', 'slow', 'after', 'last']);
    primus.transforms(primus, foreign, 'incoming', 'at once', '');
    expect(foreign.got).toHaveLength(5);
  });

  it('emits an error event when a transformer fails', async () => {
    const primus = (await serve()).primus as Any;
    const foreign = new Foreign();
    primus.transform('incoming', (packet: Any, next: (error?: Error, verdict?: boolean) => void) => {
      if (packet.data === 'throw') throw new Error('thrown');
      next(packet.data === 'error' ? new Error('passed') : undefined, packet.data !== 'ignore');
    });
    for (const data of ['throw', 'error', 'ignore', 'fine']) primus.transforms(primus, foreign, 'incoming', data, data);
    await until(() => foreign.got.length === 3);
    expect(foreign.got).toEqual([
      ['error', new Error('thrown')],
      ['error', new Error('passed')],
      ['data', 'fine', 'fine'],
    ]);
    const quiet = { _write() {}, emit: () => expect.unreachable() };
    expect(() => primus.transforms(primus, quiet, 'incoming', 'throw', '')).not.toThrow();
  });
});
