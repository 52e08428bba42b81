import { createServer } from 'node:http';
import { NEVER, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { flow } from '../../src/flow.js';
import { Primus } from '../../src/index.js';
import { requests } from '../../src/request.js';
import { MemoryNetwork } from '../../transformers/memory/index.js';
import { Clock, settle } from '../support/clock.js';

describe('the client option `scheduler`', () => {
  it('is the clock of time-outs, heartbeats, back-off and the buffer of a client in Node.js', async () => {
    const clock = new Clock();
    const network = new MemoryNetwork({ scheduler: clock });
    const primus = new Primus(createServer(), { transformer: 'memory', transport: { network }, scheduler: clock, pingInterval: 1_000 });
    const client = new primus.Socket('http://world', {
      transport: { network },
      scheduler: clock,
      reconnect: () => 7_000,
      queueTtl: 60_000,
      resume: true,
    });
    const events: string[] = [];
    for (const event of ['open', 'reconnect scheduled', 'reconnected', 'close'])
      client.on(event as 'open', () => events.push(`${clock.now()} ${event}`));
    client.on('error', (error) => events.push(`${clock.now()} ${(error as unknown as { code: string }).code}`));
    await clock.pass(10);
    network.down = true;
    network.cut();
    client.write('too late');
    await clock.pass(60_500);
    network.down = false;
    await clock.pass(7_000);
    expect(client.state.name).toBe('open');
    expect(events[0]).toBe('0 open');
    expect(events.slice(1).filter((event) => /reconnect scheduled|EXPIRED/.test(event))).toEqual([
      ...[10, 7_010, 14_010, 21_010, 28_010, 35_010, 42_010, 49_010, 56_010].map((time) => `${time} reconnect scheduled`),
      '60010 ERR_PRIMUS_EXPIRED',
    ]);
    expect(events.slice(-2)).toEqual(['63010 reconnected', '63010 open']);
    client.destroy();
    primus.destroy();
    await clock.pass(100);
    expect(clock.pending).toBe(0);
  });

  it('is an option of `createSocket`, for all its clients', async () => {
    const scheduler = new VirtualTimeScheduler();
    const network = new MemoryNetwork({ scheduler });
    network.down = true;
    const Socket = Primus.createSocket({ transformer: 'memory', scheduler, transport: { network }, reconnect: { min: 500, retries: 3 } });
    const client = new Socket('http://world');
    await settle();
    scheduler.flush();
    await settle();
    expect(client.state).toMatchObject({ name: 'closed', by: 'failure' });
    expect(scheduler.now()).toBeGreaterThan(3_000);
    client.destroy();
  });

  it.each(['now', 3, {}, { now: () => 1 }])('rejects %o', (scheduler) => {
    const Socket = Primus.createSocket();
    const wrong = { code: 'ERR_PRIMUS_OPTION', message: expect.stringContaining('`scheduler` must be a scheduler of RxJS') };
    expect(() => new Socket('http://world', { scheduler: scheduler as never })).toThrow(expect.objectContaining(wrong));
    expect(() => new Primus(createServer(), { scheduler: scheduler as never })).toThrow(expect.objectContaining(wrong));
  });

  it('is the clock of requests, and of flow, too', async () => {
    const clock = new Clock();
    const network = new MemoryNetwork({ scheduler: clock });
    const primus = new Primus(createServer(), { transformer: 'memory', transport: { network }, scheduler: clock, pingInterval: false });
    requests(primus).handle('never', () => NEVER);
    const client = new primus.Socket('http://world', { transport: { network }, scheduler: clock });
    await clock.pass(10);
    expect(client.state.name).toBe('open');
    let error: { code?: string } = {};
    requests(client)
      .request('never', null, { timeout: 5_000 })
      .subscribe({ error: (thrown) => (error = thrown) });
    await clock.pass(4_999);
    expect(error.code).toBeUndefined();
    await clock.pass(1);
    expect(error.code).toBe('ERR_PRIMUS_TIMEOUT');
    const pending = clock.pending;
    flow(client).pause();
    // The beat of a client that is paused.
    expect(clock.pending).toBe(pending + 1);
    client.destroy();
    void primus.destroy();
    await clock.pass(100);
  });
});
