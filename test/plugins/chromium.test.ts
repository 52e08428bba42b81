import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, noChromium } from '../support/chromium.js';
import { event, serve } from '../support/serve.js';
import { type Any, missing, plugin, suite } from './published.js';

describe.skipIf(missing ?? noChromium)(suite('plugins in a page'), () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  /** Opens a page with the library of a server that has these plugins; also returns its client and spark. */
  async function open(names: Record<string, string>) {
    const { primus, server, url } = await serve();
    for (const [name, module] of Object.entries(names)) primus.plugin(name, plugin(module));
    server.on('request', (_request, response) => {
      response.setHeader('Content-Type', 'text/html').end('<!doctype html><script src="/primus/primus.js"></script>');
    });
    const page = await browser.newPage();
    const errors: unknown[] = [];
    page.on('pageerror', (error) => errors.push(error));
    const connection = event(primus, 'connection');
    await page.goto(url);
    await page.evaluate('void (window.primus = new Primus())');
    const [spark] = (await connection) as [Any];
    return { page, spark, errors };
  }

  it('primus-emit emits in both directions', async () => {
    const { page, spark, errors } = await open({ emit: 'primus-emit' });
    const there = event(spark, 'greeting');
    await page.evaluate("primus.on('answer', (value) => (window.answer = value)), primus.emit('greeting', 'from the page')");
    expect(await there).toEqual(['from the page']);
    spark.emit('answer', 42);
    await page.waitForFunction('window.answer === 42');
    expect(errors).toEqual([]);
    await page.close();
  });

  it('substream, primus-multiplex and primus-emitter share a connection', async () => {
    const { page, spark, errors } = await open({ substream: 'substream', emitter: 'primus-emitter', multiplex: 'primus-multiplex' });
    const stream = spark.substream('foo');
    stream.on('data', (data: unknown) => stream.write(['echo', data]));
    spark.on('sum', (a: number, b: number, done: (sum: number) => void) => done(a + b));
    const channel = (spark.primus as Any).channel('news');
    const joined = event(channel, 'connection');
    await page.evaluate(`
      primus.substream('foo').on('data', (data) => (window.echo = data));
      primus.substream('foo').write('x');
      primus.send('sum', 1, 2, (sum) => (window.sum = sum));
      primus.channel('news').on('data', (data) => (window.news = data));`);
    const [member] = (await joined) as [Any];
    member.write('headline');
    await page.waitForFunction("window.sum === 3 && window.echo && window.news === 'headline'");
    expect(await page.evaluate('window.echo')).toEqual(['echo', 'x']);
    expect(errors).toEqual([]);
    await page.close();
  });

  it('primus-rooms, primus-emitter, primus-multiplex and primus-resource work together', async () => {
    const names = ['primus-multiplex', 'primus-emitter', 'primus-rooms', 'primus-resource'];
    const { page, spark, errors } = await open(Object.fromEntries(names.map((name) => [name, name])));
    const { primus } = spark as Any;
    primus.resource('creature', { onwalk: (_spark: Any, done: (text: string) => void) => done('walks') });
    const channel = primus.channel('news');
    const joined = new Promise<void>((resolve) => channel.on('connection', (member: Any) => member.join('sports', () => resolve())));
    await page.evaluate(`
      primus.channel('news').on('score', (value) => (window.score = value));
      window.creature = primus.resource('creature');
      creature.on('ready', () => creature.walk((answer) => (window.answer = answer)));`);
    await joined;
    channel.room('sports').send('score', 3);
    await page.waitForFunction("window.score === 3 && window.answer === 'walks'");
    expect(errors).toEqual([]);
    await page.close();
  });

  it('mirage keeps its id over a reconnection', async () => {
    const { page, spark, errors } = await open({ emit: 'primus-emit', mirage: 'mirage' });
    await page.waitForFunction('primus.mirage');
    const back = event(spark.primus, 'connection');
    spark.connection.link.destroy();
    const [again] = (await back) as [Any];
    expect(again.mirage).toBe(spark.mirage);
    expect(errors).toEqual([]);
    await page.close();
  });
});
