import type { RequestListener } from 'node:http';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientOptions, ServerOptions, Spark } from '../../src/index.js';
import type { Laboratory } from '../faults/laboratory/laboratory.js';
import { launch, noChromium } from '../support/chromium.js';
import { startLaboratory } from '../support/laboratory.js';
import { cleanup, event, type Served, serve, until } from '../support/serve.js';

/** The page that is served: its client, and what it has seen. */
interface Client {
  readonly resume$: { subscribe(next: (outcome: Outcome) => void): unknown };
  on(event: string, listener: (value: unknown) => void): void;
  write(data: unknown): boolean;
}

interface Outcome {
  type: string;
  missed?: number;
  reason?: string;
  unconfirmed?: number;
  resend?(): void;
}

declare const window: {
  Primus: new (url: string | null, options: object) => Client;
  client: Client;
  received: unknown[];
  outcomes: Outcome[];
};

interface Visit extends Served {
  lab: Laboratory;
  page: Page;
  /** The uncaught errors of the page. */
  complaints: string[];
  sparks: Spark[];
  /** The messages that the server has received. */
  heard: unknown[];
}

const SERVED = '<script src="/primus/primus.js"></script>';

/** Loses every connection to the page, in ways that it notices at different times. */
const LOSSES: [string, (lab: Laboratory) => unknown][] = [
  ['a FIN', (lab) => lab.break()],
  ['an RST', (lab) => lab.break({ reset: true })],
  ['an RST in the middle of a message to the page', (lab) => lab.breakAfter('toClient', 50, { reset: true })],
  ['a FIN in the middle of a message to the server', (lab) => lab.breakAfter('toServer', 50)],
];

describe.skipIf(noChromium)('a session of a page behind a network with faults', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  /** A server with sessions behind a laboratory, and a page with a client that has connected through it. */
  async function visit(options: ServerOptions, clientOptions: ClientOptions = {}, script?: string): Promise<Visit> {
    const served = await serve({ resume: true, ...options });
    const { primus, server, port } = served;
    const lab = await startLaboratory(port);
    const heard: unknown[] = [];
    const sparks: Spark[] = [];
    primus.on('connection', (spark) => {
      sparks.push(spark);
      spark.on('data', (data) => heard.push(data));
    });
    server.on('request', show(script));
    const page = await browser.newPage();
    cleanup(() => page.close());
    // Engine.IO may notice a connection that is lost during its upgrade by its own heartbeat only: after 45 s.
    page.setDefaultTimeout(120_000);
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(lab.url);
    await page.evaluate(
      (given) => {
        const client = new window.Primus(null, given);
        Object.assign(window, { client, received: [], outcomes: [] });
        client.on('data', (data) => window.received.push(data));
        client.on('error', () => {});
        client.resume$.subscribe((outcome) => window.outcomes.push(outcome));
      },
      { resume: true, reconnect: { min: 10, max: 50, retries: 1_000 }, ...clientOptions },
    );
    await until(() => sparks.length === 1);
    await page.waitForFunction(() => window.outcomes.length === 1);
    return { ...served, lab, page, complaints, sparks, heard };
  }

  /**
   * Loses the connection again and again while both ends write: each message arrives once and in order, over the same spark. It is resumed
   * `least` times or more: one of many requests survives what happens between two of them.
   */
  async function losesNothing({ lab, page, complaints, sparks, heard }: Visit, least = LOSSES.length): Promise<void> {
    const [spark] = sparks as [Spark];
    let count = 0;
    const write = async (messages: number) => {
      const first = count;
      count += messages;
      for (let n = first; n < count; n++) expect(spark.write(n)).toBe(true);
      await page.evaluate(
        ([from, to]) => {
          for (let n = from; n < to; n++) window.client.write(n);
        },
        [first, count] as const,
      );
    };
    const everything = () => Array.from({ length: count }, (_, n) => n);
    for (const [loss, lose] of LOSSES) {
      await write(10);
      lose(lab);
      await write(10);
      lab.refuse();
      await write(10);
      // What is planned for a byte that did not come would break the connection later.
      lab.heal();
      lab.break();
      await write(10);
      await until(() => heard.length >= count);
      await page.waitForFunction((wanted) => window.received.length >= wanted, count);
      expect(heard, `to the server, with ${loss}`).toEqual(everything());
      expect(await page.evaluate(() => window.received), `to the page, with ${loss}`).toEqual(everything());
    }
    const [fresh, ...others] = await outcomesOf(page);
    expect(fresh).toEqual({ type: 'fresh' });
    expect(others.length).toBeGreaterThanOrEqual(least);
    expect(others.filter(({ type }) => type !== 'resumed')).toEqual([]);
    expect(sparks).toEqual([spark]);
    expect(complaints).toEqual([]);
  }

  it.each([
    ['websockets', {}, LOSSES.length],
    ['engine.io', { websockets: false }, 1],
    ['engine.io', { transport: { transports: ['websocket'] } }, LOSSES.length],
    ['engine.io', {}, 1],
    ['sockjs', {}, LOSSES.length],
    ['sockjs', { transport: { transports: ['xhr-polling'] } }, 1],
    ['sockjs', { transport: { transports: ['xhr-streaming'] } }, 1],
    ['faye', {}, LOSSES.length],
    ['uws', {}, LOSSES.length],
    ['socket.io', {}, 1],
    ['socket.io', { websockets: false }, 1],
    // It sends again what is lost with a request.
    ['browserchannel', {}, 0],
  ])('loses nothing with %s and %j', async (transformer, options, least) => {
    await losesNothing(await visit({ transformer }, options), least);
  });

  it.each(['websockets', 'engine.io', 'sockjs'])('reports a gap to both ends after a restart of the server: %s', async (transformer) => {
    const first = await visit({ transformer });
    const { lab, page, primus, port, sparks, complaints } = first;
    // The server reads it and ends before it acknowledges it.
    await page.evaluate(() => window.client.write('last words'));
    await until(() => first.heard.length === 1);
    lab.refuse();
    await new Promise<void>((resolve) => primus.destroy({ reconnect: true }, resolve));
    const second = await serve({ transformer, resume: true }, { port });
    const heard: unknown[] = [];
    second.primus.on('connection', (spark) => spark.on('data', (data) => heard.push(data)));
    lab.heal();
    await page.waitForFunction(() => window.outcomes.length === 2);
    const [, gap] = await outcomesOf(page);
    expect(gap).toMatchObject({ type: 'gap', reason: 'epoch' });
    expect(gap?.unconfirmed).toBeLessThanOrEqual(1);
    expect(sparks).toHaveLength(1);
    await page.evaluate(() => window.client.write('on'));
    await until(() => heard.length === 1);
    expect(heard).toEqual(['on']);
    expect(complaints).toEqual([]);
  });

  it('loses nothing in a page that bundles the client with the part that resumes', async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: `
          import { configure, Primus, resumable } from 'primus-rx/client';
          globalThis.Primus = configure({ ...Primus.parts, session: resumable });
        `,
        resolveDir: import.meta.dirname,
      },
      bundle: true,
      platform: 'browser',
      write: false,
    });
    await losesNothing(await visit({}, {}, outputFiles[0]?.text));
  });

  it('has none when neither end asks for it', async () => {
    const { primus, server, url } = await serve();
    server.on('request', show());
    const announced = event(primus, 'connection');
    const page = await browser.newPage();
    cleanup(() => page.close());
    await page.goto(url);
    const isThere = await page.evaluate(() => {
      const script = document.createElement('script');
      new window.Primus(null, { resume: true });
      script.remove();
      return 'PrimusSessions' in globalThis;
    });
    const [spark] = (await announced) as [Spark];
    expect(isThere).toBe(false);
    expect(spark.query).not.toHaveProperty('_primus_session');
  });
});

/** Serves a page with this script, or with the library that the server serves. */
function show(script?: string): RequestListener {
  return ({ url }, response) => {
    if (response.writableEnded) return;
    const isScript = url === '/page.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    const source = script === undefined ? SERVED : '<script src="/page.js"></script>';
    response.end(isScript ? script : `<!doctype html><link rel="icon" href="data:,">${source}`);
  };
}

/** How the connections of the page began. */
function outcomesOf(page: Page): Promise<Outcome[]> {
  return page.evaluate(() => window.outcomes.map(({ resend, ...outcome }) => outcome));
}
