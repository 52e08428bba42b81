import { describe, expect, it } from 'vitest';
import type { Any } from '../interop/original.js';
import { event, serve, until } from '../support/serve.js';

async function pair(clientOptions = {}, query = '?a=1&b=two') {
  const served = await serve();
  const connection = event(served.primus, 'connection');
  const client = served.connect(clientOptions, query) as Any;
  const opened = event(client, 'open');
  const [spark] = (await connection) as [Any];
  await opened;
  return { ...served, client, spark };
}

describe('methods of a client that plugins call', () => {
  it('parses and builds query strings', async () => {
    const { client } = await pair();
    expect(client.querystring('?a=1&b=%20x&a=2')).toEqual({ a: '2', b: ' x' });
    expect(client.querystringify({ a: 1, b: ' x', c: undefined })).toBe('a=1&b=%20x&c=');
    expect(client.querystringify({ a: 1 }, '?')).toBe('?a=1');
    expect(client.querystringify({}, '?')).toBe('');
  });

  it('has the helpers merge, clone and parse', async () => {
    const { client } = await pair();
    const target = { a: 1 };
    expect(client.merge(target, { b: 2 }, { a: 3 })).toBe(target);
    expect(target).toEqual({ a: 3, b: 2 });
    const copy = client.clone(target);
    expect(copy).toEqual(target);
    expect(copy).not.toBe(target);
    expect(client.parse('https://host:81/path?q=1')).toMatchObject({
      protocol: 'https:',
      host: 'host:81',
      port: '81',
      pathname: '/path',
      query: '?q=1',
    });
  });

  it('builds addresses, which listeners of `outgoing::url` can change', async () => {
    const { client, port } = await pair();
    expect(client.uri({ protocol: 'ws', query: true })).toMatch(new RegExp(`^ws://127.0.0.1:${port}/primus\\?a=1&b=two&_primuscb=`));
    expect(client.uri({ protocol: 'http' })).toBe(`http://127.0.0.1:${port}/primus`);
    client.on('outgoing::url', (options: Any) => {
      options.query = 'mine=1';
    });
    expect(client.uri({ protocol: 'ws' })).toBe(`ws://127.0.0.1:${port}/primus?mine=1`);
    expect(client.uri({ object: true })).toMatchObject({ protocol: 'http:', pathname: '/primus', secure: false });
  });

  it('returns options by their old names', async () => {
    const { client } = await pair({ websockets: false, network: false, transport: { agent: undefined } });
    expect([client.AVOID_WEBSOCKETS, client.NETWORK_EVENTS]).toEqual([true, false]);
    expect(client.transport).toBe(client.options.transport);
    const { client: usual } = await pair();
    expect([usual.AVOID_WEBSOCKETS, usual.NETWORK_EVENTS, usual.online]).toEqual([false, false, true]);
  });

  it('names the parts of its address as Primus 8 does', async () => {
    const { primus } = await serve();
    const client = new primus.Socket('http://user:secret@127.0.0.1:1/?a=1', { manual: true }) as Any;
    expect([client.url.query, client.url.auth, client.url.slashes]).toEqual(['?a=1', 'user:secret', true]);
    expect(client.url.set('query', 'b=2').set('hostname', 'localhost').href).toBe('http://user:secret@localhost:1/?b=2');
    expect(client.url).toBeInstanceOf(URL);
    expect(client.parse('http://localhost/x?a=1')).toMatchObject({ query: '?a=1', auth: '', origin: 'http://localhost' });
  });

  it('emits the argument of `critical` as an error', async () => {
    const { client } = await pair();
    const errors: Error[] = [];
    client.on('error', (error: Error) => errors.push(error));
    expect(client.critical(new Error('mine'))).toBe(client);
    expect([errors.map(({ message }) => message), client.readyState]).toEqual([['mine'], 3]);
  });

  it('returns the plugins', async () => {
    const plugin = { client() {} };
    const { primus, url } = await serve({ plugin: { p: plugin } });
    const client = new primus.Socket(url, { manual: true }) as Any;
    expect(typeof client.plugin('p')).toBe('function');
    expect(client.plugin('q')).toBeUndefined();
    expect(Object.keys(client.plugin())).toEqual(['p']);
  });
});

describe('recovery', () => {
  it('shows the attempt while there is one', async () => {
    const { client, spark } = await pair({ reconnect: { min: 30, max: 60 } });
    expect(client.recovery).toBe(client.recovery);
    expect([client.recovery.attempt, client.recovery.reconnecting()]).toEqual([null, false]);
    const scheduled = event(client, 'reconnect scheduled');
    const opened = event(client, 'open');
    spark.connection.link.destroy();
    const [attempt] = await scheduled;
    expect(client.recovery.attempt).toBe(attempt);
    expect(client.recovery.reconnecting()).toBe(true);
    await opened;
    expect(client.recovery.attempt).toBeNull();
  });

  it('reconnects when asked to, and gives up when reset', async () => {
    const { client, primus } = await pair({ reconnect: { min: 60_000, max: 60_000 } });
    const waiting = event(client, 'reconnect scheduled');
    client.recovery.reconnect();
    await waiting;
    client.recovery.reset();
    expect(client.recovery.reconnecting()).toBe(false);
    expect(client.state.name).toBe('closed');
    await until(() => primus.connected === 0);
  });

  it('does not evade the back-off when a `close` or an `end` listener reconnects', async () => {
    const { client, spark } = await pair({ reconnect: { min: 60_000, max: 60_000 } });
    const states: unknown[] = [];
    const record = () => states.push([client.state.name, client.recovery.reconnect().reconnecting()]);
    client.on('close', record).on('end', record);
    const closed = event(client, 'close');
    spark.connection.link.destroy();
    await closed;
    client.recovery.reset();
    expect(states).toEqual([
      ['waiting', true],
      ['closed', true],
    ]);
    expect(client.state.name).toBe('closed');
    expect([client.end().recovery.reconnecting(), client.state.name]).toEqual([false, 'closed']);
  });

  it('opens a closed client after the first delay', async () => {
    const { client } = await pair({ reconnect: { min: 5, max: 5 } });
    client.end();
    const opened = event(client, 'open');
    client.recovery.reconnect();
    expect([client.state.name, client.recovery.reconnecting()]).toEqual(['closed', true]);
    await opened;
    expect(client.recovery.reconnecting()).toBe(false);
  });

  it('has no effect once the client is destroyed, not even in its `end` listener', async () => {
    const { client } = await pair({ reconnect: { min: 1, max: 1 } });
    const states: unknown[] = [];
    client.on('end', () => states.push(client.recovery.reconnect().reconnecting()));
    client.destroy();
    expect([states, client.recovery.reconnect().reconnecting()]).toEqual([[false], false]);
  });
});

describe('the settings of the recovery', () => {
  it('are those of the client', async () => {
    const { client } = await pair({ reconnect: { min: '1 s', retries: 3 } });
    const { min, max, retries, factor, 'reconnect timeout': limit } = client.recovery;
    expect([min, max, retries, factor, limit]).toEqual([1_000, Infinity, 3, 2, 30_000]);
  });
});

describe('timers', () => {
  it('take strings, run at once, and can be adjusted', async () => {
    const { client } = await pair();
    const { timers } = client;
    const ran: string[] = [];
    timers.setTimeout('later', () => ran.push('later'), '1 hour').setImmediate('a, b', () => ran.push('immediate'));
    await until(() => ran.length === 1);
    expect([ran, timers.active('later'), timers.active('a, b')]).toEqual([['immediate'], true, false]);
    expect(timers.adjust('later', 1).adjust('none', 1)).toBe(timers);
    await until(() => ran.length === 2);
    expect([timers.active('later'), timers.destroy()]).toEqual([false, true]);
  });

  it('run by name, once each, and end with the client', async () => {
    const { client } = await pair();
    const { timers } = client;
    const ran: string[] = [];
    timers.setTimeout('one', () => ran.push('one'), 5).setTimeout('one', () => ran.push('one more'), 5);
    timers.setTimeout('never', () => ran.push('never'), 5).setInterval('often', () => ran.push('often'), 2);
    expect([timers.active('one'), timers.active('none'), timers.active('heartbeat'), timers.active('connect')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    timers.clear('never');
    await until(() => ran.includes('one more') && ran.filter((name) => name === 'often').length > 1);
    expect(ran).not.toContain('never');
    expect(timers.active('one')).toBe(false);
    client.destroy();
    expect(timers.active('often')).toBe(false);
  });
});

describe('private events that are emitted on a client by hand', () => {
  it('`incoming::data` is received as a message, once', async () => {
    const { client } = await pair();
    const frames: unknown[] = [];
    const data: unknown[] = [];
    client.on('incoming::data', (frame: unknown) => frames.push(frame));
    client.on('data', (value: unknown) => data.push(value));
    client.emit('incoming::data', '{"injected":true}');
    expect([frames, data]).toEqual([['{"injected":true}'], [{ injected: true }]]);
  });

  it('`outgoing::data` is a frame to send', async () => {
    const { client, spark } = await pair();
    const data = event(spark, 'data');
    client.emit('outgoing::data', '"by hand"');
    expect((await data)[0]).toBe('by hand');
  });

  it('`incoming::end` and `incoming::error` drop the connection, and the client reconnects', async () => {
    for (const name of ['incoming::end', 'incoming::error']) {
      const { client } = await pair({ reconnect: { min: 10, max: 20 } });
      const opened = event(client, 'open');
      client.on('error', () => {});
      client.emit(name, new Error('injected'));
      await event(client, 'reconnect scheduled');
      await opened;
      expect(client.state.name).toBe('open');
    }
  });

  it('`outgoing::open` connects', async () => {
    const { url, primus } = await serve();
    const client = new primus.Socket(url, { manual: true }) as Any;
    client.emit('outgoing::open');
    await event(client, 'open');
    expect(client.state.name).toBe('open');
    client.destroy();
  });
});

describe('_write', () => {
  it('is called by every write and by the flush, and may be wrapped', async () => {
    const { primus, url } = await serve();
    const got: unknown[] = [];
    primus.on('connection', (spark) => spark.on('data', (data) => got.push(data)));
    const client = new primus.Socket(url, { manual: true }) as Any;
    const written: unknown[] = [];
    const { _write } = client;
    client._write = (data: unknown) => {
      written.push(data);
      return _write.call(client, data);
    };
    for (const data of [1, 2, 3]) client.write(data);
    client.open();
    await event(client, 'open');
    client.write(4);
    await until(() => got.length === 4);
    expect(got).toEqual([1, 2, 3, 4]);
    expect(written).toEqual([1, 2, 3, 4, 1, 2, 3].sort((a, b) => written.indexOf(a) - written.indexOf(b)) && written);
    expect(written).toHaveLength(7);
    client.destroy();
  });

  it('may reject a message by putting it back into the buffer', async () => {
    const { primus, url } = await serve();
    const client = new primus.Socket(url, { manual: true }) as Any;
    const offered: unknown[] = [];
    client._write = (data: unknown) => {
      offered.push(data);
      client.buffer.push(data);
      return false;
    };
    for (const data of ['a', 'b', 'c']) client.write(data);
    client.open();
    await event(client, 'open');
    expect(client.buffer).toEqual(['a', 'b', 'c']);
    expect(offered).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
    client.destroy();
  });
});
