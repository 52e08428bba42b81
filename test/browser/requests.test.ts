import { interval } from 'rxjs';
import { expect, it } from 'vitest';
import { type RequestContext, RequestError, requests } from '../../src/request.js';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup, until } from '../support/serve.js';
import { visit, type Window } from './visit.js';

interface PageRequests {
  call(name: string, data?: unknown): Promise<unknown>;
  handle(name: string, handler: (data: never) => unknown): void;
  request(name: string, data?: unknown): AsyncIterable<unknown> & { subscribe(next: (value: unknown) => void): { unsubscribe(): void } };
}

declare const window: Window & {
  Primus: { requests(client: unknown): PageRequests; RequestError: new (reason: string) => Error };
};

it.skipIf(noChromium).each(['websockets', 'engine.io', 'uws'])('makes and answers requests in a page, by %s', async (transformer) => {
  const browser = await launch();
  cleanup(() => browser.close());
  let running = 0;
  const { page, primus, complaints } = await visit(browser, { transformer }, {}, (served) => {
    const { handle } = requests(served);
    handle('add', ([a, b]: [number, number]) => a + b);
    handle('ticks', (_data, { signal }: RequestContext) => {
      running += 1;
      signal.addEventListener('abort', () => (running -= 1));
      return interval(1);
    });
    handle('fail', () => {
      throw new RequestError('no', 'Not today', [1]);
    });
  });
  page.setDefaultTimeout(120_000);
  const answers = await page.evaluate(async () => {
    const { call, handle, request } = window.Primus.requests(window.client);
    handle('name', async () => 'ada');
    handle('refuse', () => {
      throw new window.Primus.RequestError('not here');
    });
    const ticks: unknown[] = [];
    for await (const tick of request('ticks')) if (ticks.push(tick) === 200) break;
    const error = await call('fail').catch((error: unknown) => ({
      ...(error as object),
      isError: error instanceof window.Primus.RequestError,
    }));
    return [await call('add', [1, 2]), ticks.length, error];
  });
  expect(answers).toEqual([3, 200, { code: 'ERR_PRIMUS_REQUEST', name: 'RequestError', reason: 'no', data: [1], isError: true }]);
  await until(() => running === 0);
  const [spark] = Object.values(primus.connections);
  expect(await requests(primus).call(spark as never, 'name')).toBe('ada');
  await expect(requests(primus).call(spark as never, 'refuse')).rejects.toMatchObject({ code: 'ERR_PRIMUS_REQUEST', reason: 'not here' });
  expect(await page.evaluate(() => window.received)).toEqual([]);
  expect(complaints).toEqual([]);
});
