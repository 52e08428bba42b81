import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, noChromium } from '../support/chromium.js';
import { startLaboratory } from '../support/laboratory.js';
import { cleanup, event, LIMIT, until } from '../support/serve.js';
import { type Any, directions, listening, type Make, ours, threeAttempts } from './original.js';

interface Meeting {
  transformer: string;
  server: Make;
  client: Make;
}

/** The globals of the page's script: its client, and the events that it has emitted. */
interface Shown {
  client: Any;
  heard: unknown[];
  events: string[];
}

const EVENTS = ['open', 'close', 'reconnect scheduled', 'reconnected', 'end', 'error', 'incoming::ping'];

describe.skipIf(noChromium).each(directions('websockets', 'engine.io', 'sockjs', 'faye', 'browserchannel'))(
  '8.0.9 in Chromium over $transformer: $what',
  (meeting) => {
    let browser: Browser;

    beforeAll(async () => {
      browser = await launch();
    });

    afterAll(() => browser?.close());

    /** A server of one package, and its page with the served library of the other. */
    async function visit({ transformer, server, client }: Meeting, options: object = {}) {
      const { http, primus, port } = await listening(server, { transformer, ...options });
      const { primus: other } = await listening(client, { transformer, ...options });
      const library: string = other.library();
      http.on('request', ({ url }: Any, response: Any) => {
        if (response.writableEnded || url.startsWith('/primus')) return;
        const script = url === '/client.js';
        response.setHeader('Content-Type', script ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8');
        response.end(
          script ? library : '<!doctype html><title>Test</title><link rel="icon" href="data:,"><script src="/client.js"></script>',
        );
      });
      const lab = await startLaboratory(port);
      const context = await browser.newContext();
      cleanup(() => context.close());
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(`${lab.url}/`);
      return { primus, lab, page, complaints };
    }

    async function open(page: Page): Promise<void> {
      await page.evaluate((names) => {
        const scope = globalThis as Any;
        const client = new scope.Primus(`${location.origin}?token=1`, { reconnect: { min: 20, max: 50 } });
        scope.shown = { client, heard: [], events: [] } satisfies Shown;
        client.on('data', (data: unknown) => scope.shown.heard.push(data));
        for (const name of names) client.on(name, () => scope.shown.events.push(name));
      }, EVENTS);
    }

    async function meet(options: object = {}) {
      const visited = await visit(meeting, options);
      const announced = event(visited.primus, 'connection');
      await open(visited.page);
      const [spark] = (await announced) as [Any];
      await emitted(visited.page, 'open');
      return { ...visited, spark };
    }

    it('opens, carries data in both directions, returns the id, and sends heartbeats', async () => {
      const { page, primus, spark, complaints } = await meet({ pingInterval: 2_000 });
      expect(spark.query.token).toBe('1');
      const values = [1, 'two', { three: [3] }, null, true, 'ü\u2028\u2029😀', ''];
      const there: unknown[] = [];
      spark.on('data', (data: unknown) => there.push(data));
      for (const value of values) spark.write(value);
      await page.evaluate((given) => {
        for (const value of given) (globalThis as Any).shown.client.write(value);
      }, values);
      await until(() => there.length === values.length);
      expect(there).toEqual(values);
      await holds(page, (shown, count) => shown.heard.length === count, values.length);
      expect((await look(page)).heard).toEqual(values);

      // An engine.io client of 8.0.9 reports the id of its session, which is the key to it: our sparks have ids of their own.
      const id = await page.evaluate(() => new Promise((resolve) => (globalThis as Any).shown.client.id(resolve)));
      expect(id).toBe(meeting.transformer === 'engine.io' && meeting.server === ours ? spark.socket.id : spark.id);

      let beats = 0;
      spark.on('heartbeat', () => beats++);
      await until(() => beats > 0);
      await emitted(page, 'incoming::ping');
      expect(primus.connected).toBe(1);
      expect((await look(page)).events).not.toContain('close');
      expect(complaints).toEqual([]);
    });

    it('does not reconnect when the server closes', async () => {
      const { page, primus, spark } = await meet();
      spark.end({ last: 'words' });
      await emitted(page, 'end');
      await threeAttempts();
      const { heard, events } = await look(page);
      expect(heard).toEqual([{ last: 'words' }]);
      expect(events).not.toContain('reconnect scheduled');
      await until(() => primus.connected === 0);
    });

    it('reconnects after a lost connection, with the messages written meanwhile', async () => {
      const { page, primus, lab, spark } = await meet({ pingInterval: 1_000 });
      const again = event(primus, 'connection');
      lab.refuse();
      lab.break({ reset: true });
      await emitted(page, 'close');
      await page.evaluate(() => (globalThis as Any).shown.client.write('written meanwhile'));
      lab.heal();
      const [next] = (await again) as [Any];
      expect((await event(next, 'data'))[0]).toBe('written meanwhile');
      await emitted(page, 'reconnected');
      expect(next.id).not.toBe(spark.id);
    });

    it('does not reconnect after a rejection', async () => {
      let asked = 0;
      const authorization = (_request: unknown, done: (error: unknown) => void) => {
        asked++;
        done({ statusCode: 403, message: 'not you' });
      };
      // Its library knows that there is authorization, so an error that may be a rejection is not retried.
      const { page, primus } = await visit(meeting, { authorization });
      let connections = 0;
      primus.on('connection', () => connections++);
      await open(page);
      await emitted(page, 'end');
      const before = asked;
      await threeAttempts();
      const { events } = await look(page);
      expect(events).not.toContain('reconnect scheduled');
      expect(events).toContain('error');
      expect({ asked, connections }).toEqual({ asked: before, connections: 0 });
      expect(asked).toBeGreaterThan(0);
    });
  },
);

function look(page: Page): Promise<Pick<Shown, 'heard' | 'events'>> {
  return page.evaluate(() => {
    const { heard, events } = (globalThis as Any).shown as Shown;
    return { heard, events };
  });
}

/** Waits until a condition, which runs in the page, is true. */
function holds(page: Page, condition: (shown: Shown, wanted: Any) => boolean, wanted: unknown): Promise<unknown> {
  return page.waitForFunction(`(${condition})(globalThis.shown, ${JSON.stringify(wanted)})`, undefined, { timeout: LIMIT });
}

function emitted(page: Page, name: string): Promise<unknown> {
  return holds(page, (shown, wanted) => shown.events.includes(wanted), name);
}
