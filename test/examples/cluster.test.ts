import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { missingEngine } from '../../scripts/engines.mjs';
import { kill, start } from '../../scripts/processes.mjs';
import { missingProxy } from '../../scripts/proxies.mjs';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup } from '../support/serve.js';
import { eventually, LIMIT } from '../support/wait.js';

const program = fileURLToPath(new URL('../../dist/examples/cluster/main.js', import.meta.url));

/** Starts the example as `npm run cluster` does, and returns the address that it prints. */
async function startCluster(args: readonly string[]): Promise<{ cluster: ChildProcess; url: string }> {
  const cluster = start(process.execPath, [program, ...args], { env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] });
  cleanup(() => kill(cluster));
  // Read to the end: a full pipe would block it.
  const output = (cluster.stdout as Readable).setEncoding('utf8');
  let printed = '';
  const url = await new Promise<string>((resolve, reject) => {
    output.on('data', (text) => {
      printed += text;
      const address = /(http:\/\/\S+)\s/.exec(printed)?.[1];
      if (address !== undefined) resolve(address);
    });
    output.once('close', () => reject(new Error('The example ended before it listened')));
  });
  return { cluster, url };
}

const noProxy = missingProxy('haproxy');
if (noProxy) console.log(`Tests of examples/cluster are SKIPPED: ${noProxy}`);

describe.skipIf(noChromium || noProxy !== undefined).each([
  ['redis', 'redis-server', []],
  ['nats', 'nats-server', ['--nats']],
] as const)('the cluster example on %s', (_, server, args) => {
  it.skipIf(missingEngine(server))(
    'brings a page whose node is killed to the other node, in its room, with nothing missing from the history',
    async () => {
      const { cluster, url } = await startCluster(args);
      const browser = await launch();
      cleanup(() => browser.close());
      const ada = await open(browser, url, 'Ada');
      const grace = await open(browser, url, 'Grace');
      // The balancer may have found one node only so far.
      await eventually(async () => {
        if ((await nodeOf(ada)) === (await nodeOf(grace))) {
          await grace.reload();
          await grace.waitForSelector('body[data-state=open][data-engine=up]');
        }
        expect([await nodeOf(ada), await nodeOf(grace)].sort()).toEqual(['node-1', 'node-2']);
      });
      const [lost, other] = [await nodeOf(ada), await nodeOf(grace)];
      for (const page of [ada, grace])
        await eventually(async () => expect(await present(page)).toEqual({ [lost]: 'Ada', [other]: 'Grace' }));
      await say(ada, 'ada 1');
      await say(grace, 'grace 1');
      for (const page of [ada, grace]) await eventually(async () => expect((await shown(page)).sort()).toEqual(['ada 1', 'grace 1']));

      // Both go on writing while the node of one is killed.
      await ada.click('#kill');
      for (const text of ['grace 2', 'grace 3']) await say(grace, text);
      await ada.waitForSelector('body:not([data-state=open])');
      for (const text of ['ada 2', 'ada 3']) await say(ada, text);
      for (const text of ['grace 4', 'grace 5']) await say(grace, text);
      await eventually(async () => expect(await nodeOf(ada)).toBe(other));
      const all = [1, 2, 3].map((n) => `ada ${n}`).concat([1, 2, 3, 4, 5].map((n) => `grace ${n}`));
      for (const page of [ada, grace]) await eventually(async () => expect((await shown(page)).sort()).toEqual(all));
      // In one order for both, and that of each author.
      const order = await shown(ada);
      expect(await shown(grace)).toEqual(order);
      expect(order.filter((text) => text.startsWith('grace'))).toEqual(all.slice(3));
      expect(await ada.$$('#pending li')).toHaveLength(0);
      expect(await events(ada)).toContainEqual(expect.stringMatching(/^Recovered \d+ messages?$/));
      expect((await events(ada)).filter((text) => text.startsWith('Gap'))).toEqual([]);

      // In its room again: what has no history arrives as well.
      await grace.click('#wave');
      await eventually(async () => expect(await events(ada)).toContain(`Grace waves from ${other}`));
      // The dead node's people are gone with it; and it is started again.
      for (const page of [ada, grace])
        await eventually(async () => expect(await present(page)).toEqual({ [lost]: 'empty', [other]: 'Ada, Grace' }));
      expect((await shown(grace)).concat(await shown(ada))).toEqual([...order, ...order]);

      const children = childrenOf(cluster);
      expect(children.length).toBeGreaterThanOrEqual(4);
      const exit = once(cluster, 'exit');
      cluster.kill('SIGTERM');
      expect(await exit).toEqual([0, null]);
      expect(children.filter(isAlive)).toEqual([]);
    },
  );
});

describe('the cluster example without an engine', () => {
  it('says how to install it, and ends', async () => {
    const cluster = start(process.execPath, [program], { env: { ...process.env, PATH: '' }, stdio: ['ignore', 'ignore', 'pipe'] });
    cleanup(() => kill(cluster));
    let output = '';
    cluster.stderr?.on('data', (chunk) => {
      output += chunk;
    });
    expect(await once(cluster, 'close')).toEqual([1, null]);
    expect(output).toBe('redis-server was not found. On Debian and Ubuntu: sudo apt-get install redis-server\n');
  });
});

async function open(browser: Browser, url: string, name: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(LIMIT);
  await page.addInitScript((value) => localStorage.setItem('name', value), name);
  await page.goto(url);
  await page.waitForSelector('body[data-state=open][data-engine=up]');
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
}

/** The node that a page is on. */
async function nodeOf(page: Page): Promise<string> {
  return /^On (\S+)$/.exec((await page.textContent('#state')) ?? '')?.[1] ?? 'none';
}

/** The nodes, and who is on them, as a page shows it. */
async function present(page: Page): Promise<Record<string, string>> {
  return Object.fromEntries(
    await page.$$eval('#nodes li', (all) =>
      all.map((one) => [one.querySelector('b')?.textContent, one.querySelector('span')?.textContent]),
    ),
  );
}

function shown(page: Page): Promise<string[]> {
  return page.$$eval('#messages .words', (all) => all.map((one) => one.textContent ?? ''));
}

function events(page: Page): Promise<string[]> {
  return page.$$eval('#log li span', (all) => all.map((one) => one.textContent ?? ''));
}

/** The processes that a process has started. */
function childrenOf({ pid }: ChildProcess): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.trim().split(' ').map(Number);
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}
