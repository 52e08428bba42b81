import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup } from '../support/serve.js';
import { until } from '../support/wait.js';
import { blocks, codeOf } from './blocks.js';
import { clientBlocks } from './client-blocks.js';
import { type Any, load, type Name, Program, packages } from './program.js';

/** Options of a client that reconnects soon, or gives up soon. */
const RETRY = '{ reconnect: { min: 10, max: 50 } }';
const FEW = '{ reconnect: { min: 10, max: 50, retries: 2, "reconnect timeout": 100 } }';

/** Where a client runs its example: a script with the globals `Primus`, `url` and `options`. */
interface Place {
  /** Runs a block as it stands; its value is then the global `result`. */
  run(block: string, placeholders?: Record<string, string | number>): Promise<unknown>;
  /** Runs code of the test. */
  evaluate(code: string): Promise<Any>;
  /** The arguments of each call of the console. */
  logged(): Promise<unknown[][]>;
}

function inNode(name: Name, globals: object): Place {
  const program = new Program(name, { ...globals, setTimeout });
  return {
    async run(block, placeholders) {
      program.globals.result = program.run(block, placeholders);
    },
    async evaluate(code) {
      return program.evaluate(code);
    },
    async logged() {
      return program.logged;
    },
  };
}

async function inPage(page: Page, url: string): Promise<Place> {
  await page.addInitScript(() => {
    const scope = globalThis as Any;
    scope.logged = [];
    const log = (...args: unknown[]) => scope.logged.push(args);
    Object.assign(console, { log, error: log });
  });
  await page.goto(url);
  await page.evaluate(
    (given) => {
      Object.assign(globalThis, given);
    },
    { url, options: {} },
  );
  return {
    run: (block, placeholders = {}) => {
      const code = Object.entries(placeholders).reduce((text, [word, value]) => text.replaceAll(word, String(value)), codeOf(block));
      return page.evaluate((text) => {
        // biome-ignore lint/security/noGlobalEval: runs as a script of the page does, in its global scope.
        (globalThis as Any).result = globalThis.eval(text);
      }, code);
    },
    evaluate: (code) => page.evaluate(code),
    logged: () => page.evaluate(() => (globalThis as Any).logged),
  };
}

/** A server for a client example, and the place that the example runs in. */
class Scene implements Place {
  readonly primus: Any;
  readonly http: Server;
  readonly url: string;
  readonly sparks: Any[] = [];
  readonly heard: unknown[] = [];
  private place!: Place;

  private constructor(primus: Any, http: Server, url: string) {
    this.primus = primus;
    this.http = http;
    this.url = url;
    primus.on('connection', (spark: Any) => {
      this.sparks.push(spark);
      spark.on('data', (data: unknown) => this.heard.push(data));
    });
  }

  static async start(name: Name, browser: Browser | undefined, { options = {} }: Around): Promise<Scene> {
    const http = createServer((_request, response) => {
      response.setHeader('Content-Type', 'text/html');
      response.end(`<!doctype html><link rel="icon" href="data:,">${blocks.get('newer: a script in the page')}`);
    });
    const primus = new (load(name))(http, { transformer: 'websockets', ...options });
    http.listen(0, 'localhost');
    await once(http, 'listening');
    const sockets = new Set<Socket>();
    http.on('connection', (socket) => sockets.add(socket));
    cleanup(() => {
      // An upgrade that is never answered belongs to no server.
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => primus.destroy({}, resolve));
    });
    const scene = new Scene(primus, http, `http://localhost:${(http.address() as AddressInfo).port}`);
    if (browser === undefined) {
      scene.place = inNode(name, { Primus: primus.Socket, url: scene.url, options: {} });
      cleanup(() => scene.evaluate("typeof primus === 'undefined' || primus.destroy()"));
    } else {
      const page = await browser.newPage();
      cleanup(() => page.close());
      scene.place = await inPage(page, scene.url);
    }
    return scene;
  }

  run(block: string, placeholders?: Record<string, string | number>): Promise<unknown> {
    return this.place.run(block, placeholders);
  }

  evaluate(code: string): Promise<Any> {
    return this.place.evaluate(code);
  }

  logged(): Promise<unknown[][]> {
    return this.place.logged();
  }

  /** Waits for that many calls of the console, and returns them. */
  async logs(count: number): Promise<unknown[][]> {
    await until(async () => (await this.logged()).length >= count);
    return this.logged();
  }

  /** Creates the client of the example, which opens once the block has added its listeners. */
  async create(block?: string, options = RETRY): Promise<void> {
    await this.evaluate(`primus = new Primus(url, Object.assign({ manual: true }, ${options})); 0`);
    if (block !== undefined) await this.run(block);
    await this.evaluate('primus.open(); 0');
  }

  /** The same, and returns its spark. */
  async open(block?: string, options?: string): Promise<Any> {
    await this.create(block, options);
    return this.spark(1);
  }

  /** The spark of the client's nth connection, once the client knows that it is open. */
  async spark(nth: number): Promise<Any> {
    await until(() => this.sparks.length === nth);
    await until(() => this.evaluate('primus.readyState === 3'));
    return this.sparks[nth - 1];
  }

  /** Drops the connection as a network does. */
  drop(): void {
    this.sparks.at(-1).socket.terminate();
  }

  /** Has later upgrades wait for ever, or fail. */
  refuse(how: 'hang' | 'fail'): void {
    this.primus.use('refuse', (request: Any, _response: Any, _next: () => void) => {
      if (how === 'fail') request.socket.destroy();
    });
  }
}

interface Around {
  options?: object;
}

type Play = (scene: Scene) => Promise<unknown>;

const both = (block: string, play: (scene: Scene, block: string) => Promise<unknown>): [string, Play][] =>
  ['newer', 'older'].map((document) => [`${document}: ${block}`, (scene) => play(scene, `${document}: ${block}`)]);

const plays: Record<string, Play> = {
  ...Object.fromEntries([
    ...both('connect', async (scene, block) => {
      await scene.run(block);
      await until(() => scene.primus.connected === 2);
      expect(await scene.evaluate('primus instanceof Primus')).toBe(true);
    }),
    ...both('write an object', async (scene, block) => {
      await scene.evaluate('primus = new Primus(url); 0');
      await scene.run(block);
      await until(() => scene.heard.length === 1);
      expect(scene.heard).toEqual([{ foo: 'bar' }]);
    }),
    ...both('data', async (scene, block) => {
      const spark = await scene.open(block);
      spark.write({ a: [1, 'ü'] });
      expect(await scene.logs(1)).toEqual([['Received a new message from the server', { a: [1, 'ü'] }]]);
    }),
    ...both('open event', async (scene, block) => {
      await scene.open(block);
      expect(await scene.logs(1)).toEqual([['Connection is alive and kicking']]);
      scene.drop();
      expect(await scene.logs(2)).toEqual([['Connection is alive and kicking'], ['Connection is alive and kicking']]);
    }),
    ...both('error event', async (scene, block) => {
      const spark = await scene.open(block);
      spark.socket.send('{ no JSON');
      const [[title, ...details]] = (await scene.logs(1)) as [[string, ...unknown[]]];
      expect(title).toMatch(/^Something horrible has happen/);
      expect(details.at(-1)).toEqual(expect.stringMatching(/\w/));
      await scene.evaluate("primus.on('data', function (data) { console.log('data', data); }); 0");
      spark.write('still open');
      expect((await scene.logs(2))[1]).toEqual(['data', 'still open']);
      expect(scene.sparks).toHaveLength(1);
    }),
    ...both('end event', async (scene, block) => {
      const spark = await scene.open(block);
      spark.end();
      expect(await scene.logs(1)).toEqual([[expect.stringMatching(/^connection closed$/i)]]);
      await scene.evaluate('primus.open(); 0');
      await scene.spark(2);
      await scene.evaluate('primus.end(); 0');
      expect(await scene.logs(2)).toHaveLength(2);
    }),
  ]),

  async 'newer: a script in the page'(scene) {
    await scene.open();
    expect(await scene.evaluate('typeof Primus')).toBe('function');
  },

  async 'newer: reconnect'(scene) {
    await scene.run('newer: reconnect');
    await scene.spark(1);
    await scene.evaluate(
      "primus.on('reconnect scheduled', function (opts) { console.log(opts.retries, opts.min, opts.max === Infinity, opts.attempt); }); 0",
    );
    scene.drop();
    expect(await scene.logs(1)).toEqual([[10, 500, true, 1]]);
    await scene.spark(2);
  },

  async 'newer: strategy in a string'(scene) {
    await scene.run('newer: strategy in a string');
    await scene.spark(1);
    expect(await scene.evaluate('primus.options.strategy')).toBe('online,timeout,disconnect');
    scene.drop();
    await scene.spark(2);
  },

  async 'newer: strategy in a list'(scene) {
    await scene.run('newer: strategy in a list');
    await scene.spark(1);
    expect(await scene.evaluate('primus.options.strategy')).toBe('online,timeout,disconnect');
    scene.drop();
    await scene.spark(2);
  },

  async 'newer: strategy false'(scene) {
    await scene.run('newer: strategy false');
    await scene.spark(1);
    await scene.evaluate(
      "['reconnect scheduled', 'end'].forEach(function (name) { primus.on(name, function () { console.log(name); }); }); 0",
    );
    scene.drop();
    expect(await scene.logs(1)).toEqual([['end']]);
  },

  async 'newer: open'(scene) {
    await scene.evaluate('primus = new Primus(url, { manual: true }); 0');
    expect(scene.primus.connected).toBe(0);
    await scene.run('newer: open');
    await scene.spark(1);
    expect(scene.primus.connected).toBe(1);
  },

  async 'newer: write a string'(scene) {
    await scene.evaluate('primus = new Primus(url); 0');
    await scene.run('newer: write a string');
    await scene.spark(1);
    await scene.run('newer: write a string');
    await until(() => scene.heard.length === 2);
    expect(scene.heard).toEqual(['message', 'message']);
    expect(await scene.evaluate('result')).toBe(true);
  },

  async 'newer: reconnect event'(scene) {
    await scene.open('newer: reconnect event');
    scene.drop();
    expect(await scene.logs(1)).toEqual([['Reconnection attempt started']]);
    await scene.spark(2);
  },

  async 'newer: reconnect scheduled'(scene) {
    await scene.open('newer: reconnect scheduled');
    scene.drop();
    const [first, second] = (await scene.logs(2)) as [[string, number], unknown[]];
    expect(first).toEqual(['Reconnecting in %d ms', expect.any(Number)]);
    expect(first[1]).toBeGreaterThanOrEqual(10);
    expect(second).toEqual(['This is attempt %d out of %d', 1, 10]);
  },

  async 'newer: reconnected'(scene) {
    await scene.open('newer: reconnected');
    scene.drop();
    expect(await scene.logs(1)).toEqual([['It took %d ms to reconnect', expect.any(Number)]]);
    await scene.spark(2);
  },

  async 'newer: reconnect timeout'(scene) {
    await scene.open('newer: reconnect timeout', FEW);
    scene.refuse('hang');
    scene.drop();
    const [first, second] = await scene.logs(2);
    expect(first).toEqual(['Timeout expired: %s', expect.stringMatching(/\w/)]);
    expect(second?.[0]).toBe('Timeout expired: %s');
  },

  async 'newer: reconnect failed'(scene) {
    await scene.open('newer: reconnect failed', FEW);
    await scene.evaluate("primus.on('end', function () { console.log('end'); }); 0");
    scene.refuse('fail');
    scene.drop();
    // 8.0.9 emits `end` first, this package last.
    const logs = await scene.logs(2);
    expect(logs).toHaveLength(2);
    expect(logs).toEqual(expect.arrayContaining([['end'], ['The reconnection failed: %s', expect.stringMatching(/\w/)]]));
  },

  async 'newer: end'(scene) {
    await scene.open();
    await scene.evaluate(
      "['reconnect scheduled', 'end'].forEach(function (name) { primus.on(name, function () { console.log(name); }); }); 0",
    );
    await scene.run('newer: end');
    await until(() => scene.primus.connected === 0);
    expect(await scene.logs(1)).toEqual([['end']]);
  },

  async 'newer: destroy'(scene) {
    await scene.open();
    await scene.run('newer: destroy');
    expect(await scene.logs(1)).toEqual([['Feel the power of my lasers!']]);
    await until(() => scene.primus.connected === 0);
    expect(await scene.evaluate("primus.listeners('destroy').length")).toBe(0);
  },

  async 'newer: emits'(scene) {
    await scene.open();
    await scene.run('newer: emits');
    await scene.evaluate("primus.on('event', function (value) { console.log('event', value); }); result({ data: 42 }); 0");
    expect(await scene.logs(1)).toEqual([['event', 42]]);
  },

  async 'newer: id'(scene) {
    const spark = await scene.open('newer: id');
    expect(await scene.logs(1)).toEqual([[spark.id]]);
  },

  async 'newer: reserved on the client'(scene) {
    await scene.evaluate('var Real = Primus; Primus = function () { return new Real(url); }; 0');
    await scene.run('newer: reserved on the client');
    const spark = await scene.spark(1);
    await scene.evaluate(
      "['custom', 'end', 'incoming::open'].forEach(function (name) { primus.on(name, function (x) { console.log(name, x); }); }); 0",
    );
    for (const args of [
      ['end', 1],
      ['incoming::open', 1],
      ['custom', 1],
    ])
      spark.write({ args });
    expect(await scene.logs(1)).toEqual([['custom', 1]]);
  },

  async 'newer: query string'(scene) {
    await scene.run('newer: query string', { 8080: (scene.http.address() as AddressInfo).port });
    const spark = await scene.spark(1);
    expect(spark.query).toMatchObject({ token: '1', name: 'foo' });
  },

  async 'older: backoff'(scene) {
    await scene.run('older: backoff');
    await scene.spark(1);
    await scene.evaluate("primus.on('reconnect scheduled', function (opts) { console.log(opts.retries); }); 0");
    scene.drop();
    expect(await scene.logs(1)).toEqual([[10]]);
    await scene.spark(2);
  },

  async 'older: echo'(scene) {
    await scene.run('older: echo');
    const spark = await scene.spark(1);
    spark.write('x');
    await until(() => scene.heard.length === 2);
    expect(scene.heard).toEqual(['hello world', { echo: 'x' }]);
    expect(await scene.logged()).toEqual([['recieved a message', 'x']]);
  },
};

async function rejected(scene: Scene): Promise<void> {
  await scene.create('newer: error of a rejection');
  expect(await scene.logs(1)).toEqual([['Something horrible has happened', expect.stringMatching(/\w/)]]);
  await until(() => scene.evaluate('primus.readyState === Primus.CLOSED'));
  expect(scene.sparks).toEqual([]);
}

const REJECTED = { options: { authorization: (_request: Any, done: (error: unknown) => void) => done('not you') } };

describe.each(packages)('the examples for the client, copied by a user of %s', (name) => {
  describe.each(['Node', 'a page'])('in %s', (where) => {
    let browser: Browser | undefined;

    beforeAll(async () => {
      if (where === 'a page' && !noChromium) browser = await launch();
    });

    afterAll(() => browser?.close());

    const skip = where === 'a page' && noChromium;

    it.skipIf(skip).each(Object.entries(plays))("runs '%s'", async (block, play) => {
      await play(await Scene.start(name, browser, {}));
      expect(clientBlocks).toContain(block);
    });

    it.skipIf(skip)("runs 'newer: error of a rejection'", async () => {
      await rejected(await Scene.start(name, browser, REJECTED));
      expect(clientBlocks).toContain('newer: error of a rejection');
    });
  });
});

it('covers every block for the client', () => {
  expect([...Object.keys(plays), 'newer: error of a rejection'].sort()).toEqual([...clientBlocks].sort());
});
