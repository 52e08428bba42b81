import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import Primus from 'primus-rx';
import { asapScheduler, from, lastValueFrom, observeOn, toArray } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Archive } from '../../examples/chat/archive.js';
import { type FromPage, LIMITS, nameOf, read, type Said, type ToPage } from '../../examples/chat/messages.js';
import { pace } from '../../examples/chat/pace.js';
import { kill, start } from '../../scripts/processes.mjs';
import { launch, noChromium } from '../support/chromium.js';
import { eventually, LIMIT } from '../support/wait.js';

const program = fileURLToPath(new URL('../../dist/examples/chat/server.js', import.meta.url));

/** The example as `npm start` runs it; its address, as it prints it. */
async function serveExample(port: number): Promise<{ server: ChildProcess; url: string }> {
  const server = start(process.execPath, [program], { env: { ...process.env, PORT: String(port) }, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: server.stdout as Readable })) {
    const url = /http:\/\/\S+/.exec(line)?.[0];
    if (url !== undefined) return { server, url };
  }
  throw new Error('The example ended before it listened');
}

describe.skipIf(noChromium)('the chat example', () => {
  let server: ChildProcess;
  let url: string;
  let browser: Browser;
  let ada: Page;
  let grace: Page;
  let node: Listener;

  beforeAll(async () => {
    ({ server, url } = await serveExample(0));
    browser = await launch();
    [ada, grace] = await Promise.all([visit('Ada'), visit('Grace')]);
    node = listen(url);
  });

  afterAll(async () => {
    node?.client.destroy();
    await browser?.close();
    if (server) await kill(server);
  });

  it('carries what two pages and a Node client say to all of them, in one order', async () => {
    await say(ada, 'Hello from a page');
    await heard(['Hello from a page']);
    await say(grace, '<img src=x onerror="document.title=\'broken\'"> & "quotes"');
    node.say('Hello from Node');
    await heard(['Hello from a page', '<img src=x onerror="document.title=\'broken\'"> & "quotes"', 'Hello from Node'], { sorted: true });
    expect(await ada.title()).toBe('Primus chat');
    await eventually(async () => expect(await ada.textContent('#count')).toBe('3 people here'));
  });

  it('shows the connection: state, round trips, traffic, events', async () => {
    expect(await ada.textContent('#state')).toBe('Connected');
    await eventually(async () => expect(await ada.textContent('#latency')).toMatch(/^\d+$/));
    expect(Number(await ada.textContent('#in'))).toBeGreaterThan(3);
    expect(await ada.textContent('#out')).toBe('1');
    expect(await ada.textContent('#queue')).toBe('0');
    expect(await ada.textContent('#log li:last-child span')).toBe('Connected');
  });

  it('takes up a name', async () => {
    await ada.fill('#name', 'Ada Lovelace');
    await ada.press('#name', 'Enter');
    await say(ada, 'It is still me');
    await eventually(() => expect(node.messages().at(-1)).toMatchObject({ text: 'It is still me', name: 'Ada Lovelace' }));
  });

  it('brings everybody back when the server was killed, and each message once and in order', async () => {
    const before = node.messages().map(({ text }) => text);

    // On the line and never read: the server stands still, then dies.
    server.kill('SIGSTOP');
    await say(ada, 'ada 0');
    await kill(server);
    await Promise.all([ada, grace].map((page) => page.waitForSelector('body:not([data-state=open])')));
    await eventually(() => expect(node.client.state.name).not.toBe('open'));

    for (const n of [1, 2, 3]) {
      await say(ada, `ada ${n}`);
      await say(grace, `grace ${n}`);
      node.say(`node ${n}`);
    }
    await ada.waitForFunction(() => document.getElementById('queue')?.textContent === '4');
    await grace.waitForFunction(() => document.getElementById('queue')?.textContent === '3');
    expect(node.client.buffer).toHaveLength(3);
    expect(await ada.$$eval('#pending .words', (all) => all.map((one) => one.textContent))).toEqual(['ada 0', 'ada 1', 'ada 2', 'ada 3']);
    expect(await ada.textContent('#detail')).toMatch(/^Attempt \d/);

    ({ server } = await serveExample(Number(new URL(url).port)));
    const queued = ['ada 0', 'ada 1', 'ada 2', 'ada 3', 'grace 1', 'grace 2', 'grace 3', 'node 1', 'node 2', 'node 3'];
    await heard([...before, ...queued], { sorted: true });

    const order = node.messages().map(({ text }) => text);
    for (const author of ['ada', 'grace', 'node']) {
      expect(order.filter((text) => text.startsWith(`${author} `))).toEqual(queued.filter((text) => text.startsWith(author)));
    }
    expect(await shown(ada)).toEqual(order);
    expect(await shown(grace)).toEqual(order);
    expect(node.repeated()).toEqual([]);
    expect(await ada.$$('#pending li')).toHaveLength(0);
    expect(node.messages().find(({ text }) => text === 'ada 3')?.name).toBe('Ada Lovelace');
  });

  it("cuts a page's line on demand, and the page comes back, at once when told to", async () => {
    const counting = ada.waitForFunction(() => /^Attempt \d+ in \d\.\d s$/.test(document.getElementById('detail')?.textContent ?? ''));
    await Promise.all([counting, ada.click('#cut')]);
    await ada.click('#now');
    await say(ada, 'over the gap');
    expect(await grace.textContent('#state')).toBe('Connected');
    await ada.waitForSelector('body[data-state=open]');
    await eventually(async () => expect((await shown(grace)).at(-1)).toBe('over the gap'));
    const log = await ada.$$eval('#log li span', (all) => all.map((one) => one.textContent ?? ''));
    expect(
      log
        .slice(0, log.indexOf('You cut the line') + 1)
        .reverse()
        .slice(0, 5),
    ).toEqual([
      'You cut the line',
      'The line is down',
      expect.stringMatching(/^Attempt \d+ in/),
      expect.stringMatching(/^Attempt \d+: dialling/),
      expect.stringMatching(/^Back after/),
    ]);
  });

  it('takes a message that is sent twice for one, and tells who sent it', async () => {
    const message = { type: 'say', id: 'twice', text: 'only once' } satisfies FromPage;
    node.client.write(message);
    node.client.write(message);
    node.say('after it');
    await eventually(async () => expect((await shown(grace)).slice(-2)).toEqual(['only once', 'after it']));
    await eventually(() => expect(node.repeated()).toEqual([expect.stringMatching(/ twice$/)]));
    expect((await shown(ada)).filter((text) => text === 'only once')).toHaveLength(1);
  });

  async function visit(name: string): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(LIMIT);
    await page.addInitScript((value) => {
      if (localStorage.getItem('name') === null) localStorage.setItem('name', value);
    }, name);
    await page.goto(url);
    await page.waitForSelector('body[data-state=open]');
    return page;
  }

  /** Waits until all three have heard exactly these. */
  async function heard(texts: string[], { sorted = false } = {}): Promise<void> {
    const tidy = (list: string[]) => (sorted ? [...list].sort() : list);
    await eventually(async () => {
      expect(tidy(node.messages().map(({ text }) => text))).toEqual(tidy(texts));
      expect(tidy(await shown(ada))).toEqual(tidy(texts));
      expect(tidy(await shown(grace))).toEqual(tidy(texts));
    });
  }
});

async function say(page: Page, text: string): Promise<void> {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
}

function shown(page: Page): Promise<string[]> {
  return page.$$eval('#messages .words', (all) => all.map((one) => one.textContent ?? ''));
}

type Listener = ReturnType<typeof listen>;

/** A client in Node: what it was told, in the room's order. */
function listen(url: string) {
  const Socket = Primus.createSocket({ transformer: 'websockets' });
  const client = new Socket(`${url}/?name=Node`, { reconnect: { min: 500, max: 2000, retries: 50 } });
  const known = new Map<string, Said>();
  const told: string[] = [];
  let written = 0;
  client.data$.subscribe((message: ToPage) => {
    if (message.type === 'said') told.push(`${message.who} ${message.id}`);
    const news = message.type === 'said' ? [message] : message.type === 'welcome' ? message.history : [];
    for (const said of news) known.set(`${said.who} ${said.id}`, said);
  });
  return {
    client,
    say: (text: string) => client.write({ type: 'say', id: `node-${++written}`, text } satisfies FromPage),
    messages: () => [...known.values()].sort((a, b) => a.at - b.at),
    repeated: () => told.filter((key, index) => told.indexOf(key) !== index),
  };
}

describe('what the chat server reads', () => {
  it('is what a page may say', () => {
    expect(read({ type: 'say', id: 'a', text: ' hi\nthere ', more: 1 })).toEqual({ type: 'say', id: 'a', text: 'hi\nthere' });
    expect(read({ type: 'rename', name: '  A \n B ' })).toEqual({ type: 'rename', name: 'A B' });
    expect(read({ type: 'cut' })).toEqual({ type: 'cut' });
  });

  it.each([
    [undefined],
    [null],
    ['say'],
    [42],
    [[]],
    [{}],
    [{ type: 'said' }],
    [{ type: 'say', id: 'a' }],
    [{ type: 'say', id: 'a', text: ' \n ' }],
    [{ type: 'say', id: '', text: 'x' }],
    [{ type: 'say', id: 'x'.repeat(LIMITS.id + 1), text: 'x' }],
    [{ type: 'say', id: 1, text: 'x' }],
    [{ type: 'say', id: 'a', text: { toString: 'x' } }],
    [Object.create(null, { type: { value: 'constructor' } })],
  ])('is not %j', (data) => {
    expect(read(data)).toBeUndefined();
  });

  it('is bounded, and can be seen', () => {
    expect(read({ type: 'say', id: 'a', text: 'x'.repeat(9000) })).toMatchObject({ text: 'x'.repeat(LIMITS.text) });
    expect(read({ type: 'say', id: 'a', text: 'a\u0000\u202eb\ud800c \u{1f469}\u200d\u{1f680}' })).toMatchObject({
      text: 'abc \u{1f469}\u200d\u{1f680}',
    });
    expect(nameOf('n'.repeat(100))).toBe('n'.repeat(LIMITS.name));
    expect(nameOf(['a', 'b'])).toBe('Somebody');
    expect(nameOf('\u200b')).toBe('Somebody');
  });
});

describe('the archive of the chat', () => {
  const words = (id: string) => ({ who: 'w', name: 'n', id, text: id });

  it('knows a repeated message, and gives every one its place', () => {
    const archive = new Archive();
    const first = archive.add(words('a'));
    const second = archive.add(words('b'));
    expect(archive.add(words('a'))).toEqual({ said: first.said, fresh: false });
    expect(second.said.at).toBeGreaterThan(first.said.at);
    expect(archive.recent().map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('does not grow without end', () => {
    const archive = new Archive();
    for (let n = 0; n < 5000; n++) archive.add(words(String(n)));
    expect(archive.recent()).toHaveLength(50);
    expect(archive.add(words('0')).fresh).toBe(true);
    expect(archive.add(words('4999')).fresh).toBe(false);
  });
});

describe('pace', () => {
  it('lets a burst pass, then holds the line back; nothing is lost', async () => {
    vi.useFakeTimers();
    try {
      const calls: string[] = [];
      const line = { pause: () => calls.push('pause'), resume: () => calls.push('resume') };
      const paced = lastValueFrom(from([1, 2, 3, 4]).pipe(observeOn(asapScheduler), pace({ burst: 2, every: 100, line }), toArray()));
      const began = Date.now();
      await vi.runAllTimersAsync();
      expect(await paced).toEqual([1, 2, 3, 4]);
      expect(Date.now() - began).toBe(200);
      expect(calls).toEqual(['pause', 'resume', 'pause', 'resume']);
    } finally {
      vi.useRealTimers();
    }
  });
});
