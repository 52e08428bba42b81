import { readFileSync } from 'node:fs';
import Primus from 'primus-rx';
import { expect, it } from 'vitest';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup, event } from '../support/serve.js';
import { startExample } from './program.js';

it('answers a client in Node', async () => {
  const Socket = Primus.createSocket({ transformer: 'websockets' });
  const client = new Socket(await startExample('hello'));
  cleanup(() => client.destroy());
  client.write('Node');
  const [answer] = await event(client, 'data');
  expect(answer).toBe('Hello, Node!');
});

it.skipIf(noChromium)('answers the form of its page', async () => {
  const url = await startExample('hello');
  const browser = await launch();
  cleanup(() => browser.close());
  const page = await browser.newPage();
  await page.goto(url);
  await page.fill('input', '<b>Ada</b>');
  await page.press('input', 'Enter');
  expect(await page.textContent('li')).toBe('Hello, <b>Ada</b>!');
  expect(await page.inputValue('input')).toBe('');
});

it('has a server and a page of at most 60 lines together', () => {
  const files = ['server.ts', 'index.html'].map((name) => readFileSync(new URL(`../../examples/hello/${name}`, import.meta.url), 'utf8'));
  expect(files.join('').match(/\n/g)?.length).toBeLessThanOrEqual(60);
});
