import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import Primus from 'primus-rx';
import { asapScheduler, from, lastValueFrom, observeOn, toArray } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Archive } from '../../examples/chat/archive.js';
import { type FromPage, LIMITS, nameOf, read, type Said, type ToPage } from '../../examples/chat/messages.js';
import { rateLimit } from '../../examples/chat/rate-limit.js';
import { kill, start } from '../../scripts/processes.mjs';
import { printedAddress } from '../support/address.js';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup } from '../support/serve.js';
import { eventually, LIMIT } from '../support/wait.js';

const program = fileURLToPath(new URL('../../dist/examples/chat/server.js', import.meta.url));

/** Starts the example as `npm start` does, and returns the address that it prints. */
async function serveExample(port: number, env: Record<string, string> = {}): Promise<{ server: ChildProcess; url: string }> {
  const server = start(process.execPath, [program], {
    env: { ...process.env, PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { server, url: await printedAddress(server) };
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
    [ada, grace] = await Promise.all([open(browser, url, 'Ada'), open(browser, url, 'Grace')]);
    node = listen(url);
  });

  afterAll(async () => {
    node?.client.destroy();
    await browser?.close();
    if (server) await kill(server);
  });

  it('delivers the messages of two pages and a Node client to all of them, in one order', async () => {
    await say(ada, 'Hello from a page');
    await received(['Hello from a page']);
    await say(grace, '<img src=x onerror="document.title=\'broken\'"> & "quotes"');
    node.say('Hello from Node');
    await received(['Hello from a page', '<img src=x onerror="document.title=\'broken\'"> & "quotes"', 'Hello from Node'], {
      sorted: true,
    });
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

  it('changes the name of a person', async () => {
    await ada.fill('#name', 'Ada Lovelace');
    await ada.press('#name', 'Enter');
    await say(ada, 'It is still me');
    await eventually(() => expect(node.messages().at(-1)).toMatchObject({ text: 'It is still me', name: 'Ada Lovelace' }));
  });

  it('reconnects all clients after the server was killed, and delivers each message once and in order', async () => {
    const before = node.messages().map(({ text }) => text);

    // The server has acknowledged two messages and the name.
    await eventually(() => expect(acknowledged.get(ada)).toBe(3));
    // Sent and never read: the server stops, then is killed.
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
    await ada.waitForFunction(() => document.getElementById('queue')?.textContent === '3');
    await grace.waitForFunction(() => document.getElementById('queue')?.textContent === '3');
    expect(node.client.buffer).toHaveLength(3);
    expect(await ada.$$eval('#pending .words', (all) => all.map((one) => one.textContent))).toEqual(['ada 0', 'ada 1', 'ada 2', 'ada 3']);
    expect(await ada.textContent('#detail')).toMatch(/^Attempt \d/);

    ({ server } = await serveExample(Number(new URL(url).port)));
    const queued = ['ada 0', 'ada 1', 'ada 2', 'ada 3', 'grace 1', 'grace 2', 'grace 3', 'node 1', 'node 2', 'node 3'];
    // What was sent and never acknowledged is sent again on demand only.
    await ada.waitForSelector('body[data-session=gap]');
    expect(await ada.textContent('#outcome-title')).toBe('Gap: epoch');
    expect(await ada.textContent('#outcome-detail')).toBe('The server was restarted. 1 message of yours may not have arrived.');
    await received([...before, ...queued.filter((text) => text !== 'ada 0')], { sorted: true });
    await ada.click('#resend');
    await received([...before, ...queued], { sorted: true });
    expect(await ada.isVisible('#resend')).toBe(false);

    const order = node.messages().map(({ text }) => text);
    for (const author of ['ada', 'grace', 'node']) {
      const mine = queued.filter((text) => text.startsWith(author) && text !== 'ada 0');
      expect(order.filter((text) => text.startsWith(`${author} `) && text !== 'ada 0')).toEqual(mine);
    }
    expect(await shown(ada)).toEqual(order);
    expect(await shown(grace)).toEqual(order);
    expect(node.repeated()).toEqual([]);
    expect(await ada.$$('#pending li')).toHaveLength(0);
    expect(node.messages().find(({ text }) => text === 'ada 3')?.name).toBe('Ada Lovelace');
  });

  it('disconnects a page on demand, and the page resumes its session: what was said meanwhile arrives once', async () => {
    const before = await shown(grace);
    // All of this passes soon: the page looks for it itself.
    const counting = ada.waitForFunction(() => /^Attempt \d+ in \d\.\d s$/.test(document.getElementById('detail')?.textContent ?? ''));
    const waiting = ada.waitForFunction(() =>
      /^Kept for you for another \d+ s\.$/.test(document.getElementById('outcome-detail')?.textContent ?? ''),
    );
    await Promise.all([ada.waitForSelector('body[data-session=away]'), counting, waiting, ada.click('#outage-short')]);
    const tunnel = Array.from({ length: 12 }, (_, index) => `said in the tunnel ${index}`);
    for (const text of tunnel) node.say(text);
    await eventually(async () => expect((await shown(grace)).at(-1)).toBe(tunnel.at(-1)));
    // There is still no network.
    await ada.evaluate(() => document.getElementById('now')?.click());
    await say(ada, 'over the outage');
    expect(await grace.textContent('#state')).toBe('Connected');
    await ada.waitForSelector('body[data-state=open][data-session=resumed]');
    const [, missed] = /^Resumed, (\d+) messages$/.exec((await ada.textContent('#outcome-title')) ?? '') ?? [];
    expect(Number(missed)).toBeGreaterThanOrEqual(tunnel.length);
    await eventually(async () => {
      expect(await shown(ada)).toEqual([...before, ...tunnel, 'over the outage']);
      expect(await shown(grace)).toEqual([...before, ...tunnel, 'over the outage']);
    });
    // The page was never gone.
    expect(await grace.$$eval('.notice', (all) => all.filter((one) => one.textContent?.includes('left')))).toEqual([]);
    const log = await ada.$$eval('#log li span', (all) => all.map((one) => one.textContent ?? ''));
    const since = log.slice(0, log.indexOf('You disconnected for 3 s') + 1).reverse();
    expect(since.slice(0, 3)).toEqual(['You disconnected for 3 s', 'Disconnected', expect.stringMatching(/^Attempt \d+ in/)]);
    expect(since.slice(-2)).toEqual([`Resumed, ${missed} messages`, expect.stringMatching(/^Back after/)]);
  });

  it('shows a message that is sent twice once, and answers the client that sent it', async () => {
    const message = { type: 'say', id: 'twice', text: 'only once' } satisfies FromPage;
    node.client.write(message);
    node.client.write(message);
    node.say('after it');
    await eventually(async () => expect((await shown(grace)).slice(-2)).toEqual(['only once', 'after it']));
    await eventually(() => expect(node.repeated()).toEqual([expect.stringMatching(/ twice$/)]));
    expect((await shown(ada)).filter((text) => text === 'only once')).toHaveLength(1);
  });

  /** Waits until all three have received exactly these. */
  async function received(expected: string[], { sorted = false } = {}): Promise<void> {
    const tidy = (list: string[]) => (sorted ? [...list].sort() : list);
    await eventually(async () => {
      expect(tidy(node.messages().map(({ text }) => text))).toEqual(tidy(expected));
      expect(tidy(await shown(ada))).toEqual(tidy(expected));
      expect(tidy(await shown(grace))).toEqual(tidy(expected));
    });
  }
});

describe.skipIf(noChromium)('the chat example with a short window', () => {
  it('shows a gap when a page is away for longer, and sends what is unconfirmed again on demand, once', async () => {
    const { server, url } = await serveExample(0, { RESUME_WINDOW: '1000' });
    cleanup(() => kill(server));
    const browser = await launch();
    cleanup(() => browser.close());
    const [ada, grace] = await Promise.all(['Ada', 'Grace'].map((name) => open(browser, url, name)));
    if (!ada || !grace) throw new Error('There are two pages');
    await say(ada, 'before');
    // Not acknowledged yet: the client cannot know that it has arrived.
    await Promise.all([ada.waitForSelector('body[data-session=away]'), ada.click('#outage-gap')]);
    await say(grace, 'missed');
    await eventually(async () => expect(await shown(grace)).toEqual(['before', 'missed']));
    await say(ada, 'queued');
    await ada.waitForSelector('body[data-state=open][data-session=gap]');
    expect(await ada.textContent('#outcome-title')).toBe('Gap: expired');
    expect(await ada.textContent('#outcome-detail')).toMatch(/^You were away for too long\. /);
    // The history fills the gap.
    for (const page of [ada, grace]) await eventually(async () => expect(await shown(page)).toEqual(['before', 'missed', 'queued']));
    if (await ada.isVisible('#resend')) await ada.click('#resend');
    await say(ada, 'after');
    for (const page of [ada, grace])
      await eventually(async () => expect(await shown(page)).toEqual(['before', 'missed', 'queued', 'after']));
  });
});

describe('the outages of the chat', () => {
  it('begin for requests only that say for how long', async () => {
    const { server, url } = await serveExample(0);
    cleanup(() => kill(server));
    const statuses = ['', '?key=a', '?key=a&ms=x', '?key=a&ms=-1', '?ms=10', '?key=a&ms=1000000', '?key=a&ms=1'].map(
      async (query) => (await fetch(`${url}/outage${query}`, { method: 'POST' })).status,
    );
    expect(await Promise.all(statuses)).toEqual([400, 400, 400, 400, 400, 400, 204]);
    expect((await fetch(`${url}/outage?key=a&ms=1`)).status).toBe(404);
  });
});

/** The number of messages of a page that the server has acknowledged. */
const acknowledged = new WeakMap<Page, number>();

async function open(browser: Browser, url: string, name: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(LIMIT);
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      const [, count] = /^"primus::server::ack::(\d+)"$/.exec(String(payload)) ?? [];
      if (count !== undefined) acknowledged.set(page, Number(count));
    }),
  );
  await page.addInitScript((value) => {
    if (localStorage.getItem('name') === null) localStorage.setItem('name', value);
  }, name);
  await page.goto(url);
  await page.waitForSelector('body[data-state=open]');
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
}

function shown(page: Page): Promise<string[]> {
  return page.$$eval('#messages .words', (all) => all.map((one) => one.textContent ?? ''));
}

type Listener = ReturnType<typeof listen>;

/** A client in Node: the messages that it received, in the room's order. */
function listen(url: string) {
  const Socket = Primus.createSocket({ transformer: 'websockets' });
  const client = new Socket(`${url}/?name=Node`, { reconnect: { min: 500, max: 2000, retries: 50 } });
  const known = new Map<string, Said>();
  const answers: string[] = [];
  let written = 0;
  client.data$.subscribe((message: ToPage) => {
    if (message.type === 'said') answers.push(`${message.who} ${message.id}`);
    const news = message.type === 'said' ? [message] : message.type === 'welcome' ? message.history : [];
    for (const said of news) known.set(`${said.who} ${said.id}`, said);
  });
  return {
    client,
    say: (text: string) => client.write({ type: 'say', id: `node-${++written}`, text } satisfies FromPage),
    messages: () => [...known.values()].sort((a, b) => a.at - b.at),
    repeated: () => answers.filter((key, index) => answers.indexOf(key) !== index),
  };
}

describe('a message that a page sends', () => {
  it('is read without what does not belong to it', () => {
    expect(read({ type: 'say', id: 'a', text: ' hi\nthere ', more: 1 })).toEqual({ type: 'say', id: 'a', text: 'hi\nthere' });
    expect(read({ type: 'rename', name: '  A \n B ' })).toEqual({ type: 'rename', name: 'A B' });
  });

  it.each([
    [undefined],
    [null],
    ['say'],
    [42],
    [[]],
    [{}],
    [{ type: 'said' }],
    [{ type: 'terminate' }],
    [{ type: 'say', id: 'a' }],
    [{ type: 'say', id: 'a', text: ' \n ' }],
    [{ type: 'say', id: '', text: 'x' }],
    [{ type: 'say', id: 'x'.repeat(LIMITS.id + 1), text: 'x' }],
    [{ type: 'say', id: 1, text: 'x' }],
    [{ type: 'say', id: 'a', text: { toString: 'x' } }],
    [Object.create(null, { type: { value: 'constructor' } })],
  ])('is not read when it is %j', (data) => {
    expect(read(data)).toBeUndefined();
  });

  it('is shortened, and freed of invisible characters', () => {
    expect(read({ type: 'say', id: 'a', text: 'x'.repeat(9000) })).toMatchObject({ text: 'x'.repeat(LIMITS.text) });
    expect(read({ type: 'say', id: 'a', text: 'a\u0000\u202eb\ud800c \u{1f469}\u200d\u{1f680}' })).toMatchObject({
      text: 'abc \u{1f469}\u200d\u{1f680}',
    });
    expect(nameOf('n'.repeat(100))).toBe('n'.repeat(LIMITS.name));
    expect(nameOf(['a', 'b'])).toBe('Anonymous');
    expect(nameOf('\u200b')).toBe('Anonymous');
  });
});

describe('the archive of the chat', () => {
  const words = (id: string) => ({ who: 'w', name: 'n', id, text: id });

  it('recognizes a repeated message, and gives each message a position', () => {
    const archive = new Archive();
    const first = archive.add(words('a'));
    const second = archive.add(words('b'));
    expect(archive.add(words('a'))).toEqual({ said: first.said, fresh: false });
    expect(second.said.at).toBeGreaterThan(first.said.at);
    expect(archive.recent().map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('keeps a limited number of messages', () => {
    const archive = new Archive();
    for (let n = 0; n < 5000; n++) archive.add(words(String(n)));
    expect(archive.recent()).toHaveLength(50);
    expect(archive.add(words('0')).fresh).toBe(true);
    expect(archive.add(words('4999')).fresh).toBe(false);
  });
});

describe('rateLimit', () => {
  it('passes a burst, then pauses the spark, and drops nothing', async () => {
    vi.useFakeTimers();
    try {
      const calls: string[] = [];
      const spark = { pause: () => calls.push('pause'), resume: () => calls.push('resume') };
      const limited = lastValueFrom(
        from([1, 2, 3, 4]).pipe(observeOn(asapScheduler), rateLimit({ burst: 2, every: 100, spark }), toArray()),
      );
      const began = Date.now();
      await vi.runAllTimersAsync();
      expect(await limited).toEqual([1, 2, 3, 4]);
      expect(Date.now() - began).toBe(200);
      expect(calls).toEqual(['pause', 'resume', 'pause', 'resume']);
    } finally {
      vi.useRealTimers();
    }
  });
});
