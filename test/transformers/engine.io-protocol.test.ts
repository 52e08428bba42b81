import { describe, expect, it } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { watchForCrashes } from '../server/crashes.js';
import { BINARY, CLOSE, closing, frame, type Raw, raw, TEXT, handshake as upgrade } from '../server/raw.js';
import { block } from '../support/block.js';
import { event, requested, serve, until } from '../support/serve.js';
import { ask, handshake } from './polling.js';

/** Passes frames on as they are. */
const frames = {
  encoder: (data: unknown, done: (error: Error | null, frame?: Uint8Array) => void) => done(null, data as Uint8Array),
  decoder: (data: unknown, done: (error: Error | null, data?: unknown) => void) => done(null, data),
};

/** A server that echoes. */
async function echo(options: ServerOptions = {}) {
  const served = await serve({ parser: frames, pingInterval: false, ...options } as ServerOptions);
  served.primus.on('connection', (spark: Spark) => spark.on('data', (data: unknown) => spark.write(data)));
  return served;
}

async function webSocket(port: number, query = ''): Promise<Raw> {
  const connection = (await raw(port)).send(upgrade(`/primus/?EIO=4&transport=websocket${query}`));
  await connection.answer();
  return connection;
}

const text = async (connection: Raw) => (await connection.frame()).payload.toString();

describe('the protocol of Engine.IO', () => {
  watchForCrashes();

  const start = (transport: object = {}, options: ServerOptions = {}) => echo({ transformer: 'engine.io', transport, ...options });

  it('opens a session, and says what it supports', async () => {
    const { port } = await start({ pingInterval: 300, pingTimeout: 200 }, { maxLength: 999 });
    const open = { sid: expect.any(String), pingInterval: 300, pingTimeout: 200, maxPayload: 1_334 };
    const { status, headers, body } = await ask(port, 'GET');
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; charset=UTF-8']);
    expect(body[0]).toBe('0');
    expect(JSON.parse(body.slice(1))).toEqual({ ...open, upgrades: ['websocket'] });
    const packet = await text(await webSocket(port));
    expect(packet[0]).toBe('0');
    expect(JSON.parse(packet.slice(1))).toEqual({ ...open, upgrades: [] });
  });

  it.each([
    ['GET', '/primus/?transport=polling', 5],
    ['GET', '/primus/?EIO=abc&transport=polling', 5],
    ['GET', '/primus/?EIO=4', 0],
    ['GET', '/primus/?EIO=4&transport=abc', 0],
    ['GET', '/primus/', 0],
    ['GET', '/primus/?EIO=4&transport=websocket', 3],
    ['GET', '/primus/?EIO=4&transport=polling&sid=unknown', 1],
    ['POST', '/primus/?EIO=4&transport=polling', 2],
    ['PUT', '/primus/?EIO=4&transport=polling', 2],
    ['DELETE', '/primus/?transport=polling', 2],
    ['PATCH', '/primus/?EIO=4', 2],
    ['OPTIONS', '/primus/?EIO=4&transport=polling', 2],
    ['PUT', '/primus/?EIO=4&transport=polling&sid={sid}', 3],
    ['DELETE', '/primus/?EIO=4&transport=polling&sid={sid}', 3],
    ['OPTIONS', '/primus/?EIO=4&transport=polling&sid={sid}', 3],
  ])('answers %s %s at once with 400 and the code %i', async (method, path, code) => {
    const { port, primus, url } = await start();
    const { sid } = await handshake(port);
    await until(() => primus.connected === 1);
    const answer = await fetch(url + path.replace('{sid}', sid), { method });
    expect([answer.status, await answer.json()]).toEqual([400, { code, message: expect.any(String) }]);
    expect(primus.connected).toBe(1);
  });

  it('answers HEAD and other methods at once, on each path', async () => {
    const { url, primus } = await start();
    for (const path of ['/primus', '/primus/', '/primus/x'])
      for (const method of ['HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
        expect([method, (await fetch(url + path, { method })).status]).toEqual([method, 405]);
        expect([method, (await fetch(`${url}${path}?EIO=4&transport=polling`, { method })).status]).toEqual([method, 400]);
      }
    expect(primus.connected).toBe(0);
  });

  it.each(['&EIO=3', '&EIO=abc', '&EIO=', '&transport=abc', '&transport=polling', '&sid=unknown', '&sid=__proto__'])(
    'rejects the upgrade with %s',
    async (query) => {
      const { port, primus } = await start();
      const connection = (await raw(port)).send(upgrade(`/primus/?EIO=4&transport=websocket${query}`));
      expect(await connection.answer()).toMatch(/^HTTP\/1\.1 400/);
      await connection.rest();
      expect(primus.connected).toBe(0);
    },
  );

  it('lets browsers keep the answer to a preflight', async () => {
    const { port } = await start();
    const headers = { Origin: 'http://page.example', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'x-token' };
    const answer = await ask(port, 'OPTIONS', '', undefined, headers);
    expect([answer.status, answer.headers]).toMatchObject([
      200,
      {
        'access-control-max-age': '2592000',
        'access-control-allow-origin': 'http://page.example',
        'access-control-allow-headers': 'x-token',
      },
    ]);
  });

  it('exchanges payloads of several packets by polling', async () => {
    const { port } = await start();
    const { sid } = await handshake(port);
    for (const payload of ['4hello', '4test1\x1e4test2\x1e4test3', '4hello\x1ebAQIDBA==']) {
      expect(await ask(port, 'POST', `&sid=${sid}`, payload)).toMatchObject({ status: 200, body: 'ok' });
      expect(await ask(port, 'GET', `&sid=${sid}`)).toMatchObject({ status: 200, body: payload });
    }
  });

  it('exchanges packets by WebSocket', async () => {
    const { port } = await start();
    const connection = await webSocket(port);
    await text(connection);
    connection.send(frame(TEXT, '4hello'));
    expect(await text(connection)).toBe('4hello');
    connection.send(frame(BINARY, Buffer.from([1, 2, 3, 4])));
    expect(await connection.frame()).toEqual({ opcode: BINARY, payload: Buffer.from([1, 2, 3, 4]) });
  });

  it('answers messages that wait for the next turn before a close frame behind them ends the session', async () => {
    const { port, primus } = await start();
    primus.on('connection', (spark: Spark) => spark.on('data', () => block(10)));
    const connection = await webSocket(port);
    await text(connection);
    const packets = Array.from({ length: 20 }, (_, index) => `4${index}`);
    connection.send(...packets.map((packet) => frame(TEXT, packet)), frame(CLOSE, closing(1000)));
    for (const packet of packets) expect(await text(connection)).toBe(packet);
    await until(() => primus.connected === 0);
  });

  it.each(['abc', '9', ''])('closes the session for the malformed packet %j', async (packet) => {
    const { port, primus } = await start();
    const { sid } = await handshake(port);
    await until(() => primus.connected === 1);
    await ask(port, 'POST', `&sid=${sid}`, packet);
    expect((await ask(port, 'GET', `&sid=${sid}`)).status).toBe(400);
    const connection = await webSocket(port);
    connection.send(frame(TEXT, packet));
    await connection.rest();
    await until(() => primus.connected === 0);
  });

  it('pings, and closes the session of a client that does not answer', async () => {
    const { port, primus } = await start({ pingInterval: 50, pingTimeout: 500 });
    const { sid } = await handshake(port);
    const connection = await webSocket(port);
    await text(connection);
    for (let count = 0; count < 3; count++) {
      expect((await ask(port, 'GET', `&sid=${sid}`)).body).toBe('2');
      expect((await ask(port, 'POST', `&sid=${sid}`, '3')).status).toBe(200);
      expect(await text(connection)).toBe('2');
      connection.send(frame(TEXT, '3'));
    }
    expect(await text(connection)).toBe('2');
    await connection.rest();
    await until(() => primus.connected === 0);
    expect((await ask(port, 'POST', `&sid=${sid}`, '3')).status).toBe(400);
  });

  it('ends a session whose client pings', async () => {
    const { port, primus } = await start();
    const connection = await webSocket(port);
    connection.send(frame(TEXT, '2'));
    await connection.rest();
    await until(() => primus.connected === 0);
    expect(primus.connected).toBe(0);
  });

  it('closes a session with the packet for that', async () => {
    const { port, primus, server } = await start();
    const { sid } = await handshake(port);
    const poll = ask(port, 'GET', `&sid=${sid}`);
    await requested(server);
    await ask(port, 'POST', `&sid=${sid}`, '1');
    expect(await poll).toMatchObject({ status: 200, body: '6' });
    expect((await ask(port, 'GET', `&sid=${sid}`)).status).toBe(400);
    expect(primus.connected).toBe(0);
  });

  it('upgrades a session, ending the poll under way, and loses nothing', async () => {
    const { port } = await start();
    const { sid } = await handshake(port);
    await ask(port, 'POST', `&sid=${sid}`, '4before');
    expect((await ask(port, 'GET', `&sid=${sid}`)).body).toBe('4before');
    const connection = await webSocket(port, `&sid=${sid}`);
    connection.send(frame(TEXT, '2probe'));
    expect(await text(connection)).toBe('3probe');
    expect((await ask(port, 'GET', `&sid=${sid}`)).body).toBe('6');
    await ask(port, 'POST', `&sid=${sid}`, '4during');
    connection.send(frame(TEXT, '5'), frame(TEXT, '4after'));
    expect(await text(connection)).toBe('4during');
    expect(await text(connection)).toBe('4after');
  });

  it('goes on polling when a WebSocket breaks off before it has taken over', async () => {
    const { port } = await start();
    const { sid } = await handshake(port);
    for (const words of [[], ['2probe'], ['4x']]) {
      const connection = await webSocket(port, `&sid=${sid}`);
      for (const word of words) connection.send(frame(TEXT, word));
      connection.socket.end();
      await connection.rest();
    }
    await ask(port, 'POST', `&sid=${sid}`, '4hello');
    expect((await ask(port, 'GET', `&sid=${sid}`)).body).toBe('4hello');
  });
});

describe('the protocol of Socket.IO', () => {
  watchForCrashes();

  const start = (transport: object = {}) => echo({ transformer: 'socket.io', transport });

  /** A WebSocket whose client has joined the namespace, and its spark. */
  async function joined(transport?: object) {
    const served = await start(transport);
    const announced = event(served.primus, 'connection');
    const client = await webSocket(served.port);
    await text(client);
    client.send(frame(TEXT, '40'));
    const answer = await text(client);
    const [spark] = (await announced) as [Spark];
    return { ...served, client, spark, answer };
  }

  it('joins the namespace, and gets its id', async () => {
    const { answer, spark } = await joined();
    expect(answer.slice(0, 2)).toBe('40');
    expect(JSON.parse(answer.slice(2))).toEqual({ sid: spark.id });
  });

  it('rejects another namespace, and goes on', async () => {
    const { port, primus } = await start();
    const client = await webSocket(port);
    await text(client);
    client.send(frame(TEXT, '40/random'));
    expect(await text(client)).toBe('44/random,{"message":"Invalid namespace"}');
    client.send(frame(TEXT, '40/__proto__,{"a":1}'));
    expect(await text(client)).toBe('44/__proto__,{"message":"Invalid namespace"}');
    client.send(frame(TEXT, '40'), frame(TEXT, '42["message","x"]'));
    expect(await text(client)).toMatch(/^40\{/);
    expect(await text(client)).toBe('42["message","x"]');
    expect(primus.connected).toBe(1);
  });

  it('ends the spark of a client that leaves the namespace, and then its connection', async () => {
    const { client, spark, primus } = await joined({ pingInterval: 50 });
    const errors: unknown[] = [];
    spark.on('error', (error) => errors.push(error));
    const ended = event(spark, 'end');
    client.send(frame(TEXT, '41'));
    await ended;
    expect(primus.connected).toBe(0);
    expect(await text(client)).toBe('2');
    await client.rest();
    expect(errors).toEqual([]);
  });

  it('closes the connection of a client that leaves the namespace and joins it again', async () => {
    const { client, primus } = await joined();
    let sparks = 0;
    primus.on('connection', () => sparks++);
    client.send(frame(TEXT, '41'), frame(TEXT, '40'));
    await client.rest();
    expect([sparks, primus.connected]).toEqual([0, 0]);
  });

  it.each([
    ['an event without joining', ['42["message","x"]']],
    ['an unknown type of packet', ['4abc']],
    ['leaving without joining', ['41']],
    ['the answer to a question that was not asked', ['430["x"]']],
    ['a rejection', ['44{"message":"no"}']],
    ['bytes without joining', [Buffer.from([1])]],
    ['no list', ['40', '42{}']],
    ['no name', ['40', '42[{}]']],
    ['a number that is none', ['40', '42abc["message","x"]']],
    ['bytes that belong nowhere', ['40', Buffer.from([1])]],
    ['text in place of bytes', ['40', '451-["message",{"_placeholder":true,"num":0}]', '42["message","x"]']],
    ['bytes that do not exist', ['40', '451-["message",{"_placeholder":true,"num":7}]', Buffer.from([1])]],
    ['more bytes than are possible', ['40', `45${'9'.repeat(400)}-["message",{"_placeholder":true,"num":0}]`, Buffer.from([1])]],
    ['a negative number of bytes', ['40', '45-1-["message",{"_placeholder":true,"num":0}]']],
    ['another namespace that was not joined', ['40', '42/x,["message","x"]']],
  ])('closes the connection of a client that sends %s', async (_what, packets) => {
    const { port, primus, connect } = await start();
    const errors: unknown[] = [];
    primus.on('connection', (spark: Spark) => spark.on('error', (error) => errors.push(error)));
    const client = await webSocket(port);
    await text(client);
    for (const packet of packets) {
      client.send(typeof packet === 'string' ? frame(TEXT, packet) : frame(BINARY, packet));
      if (packet === '40') await text(client);
    }
    await client.rest();
    await until(() => primus.connected === 0);
    await event(connect(), 'open');
    expect(errors.length).toBeLessThanOrEqual(1);
  });

  it.each([
    ['an answer to no question', '430["x"]'],
    ['an answer with the number of no question', '43999999999999999999[]'],
    ['a reserved event', '42["disconnect","x"]'],
    ['an event that throws without a listener', '42["error","x"]'],
    ['an event with the name of a property', '42["__proto__","x"]'],
    ['an event whose name is a number', '42[1,"x"]'],
    ['an event whose name is no finite number', '42[1e999,"x"]'],
    ['another event', '42["hasOwnProperty"]'],
  ])('ignores, or closes for, %s', async (_what, packet) => {
    const { client, spark, connect } = await joined();
    const received: unknown[] = [];
    spark.on('data', (data) => received.push(data));
    client.send(frame(TEXT, packet));
    await event(connect(), 'open');
    expect(received).toEqual([]);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it.each([
    ['deeply nested lists', `42["message",${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}]`],
    ['deeply nested objects', `42["message",${'{"a":'.repeat(500_000)}1${'}'.repeat(500_000)}]`],
    ['deeply nested lists before it joins', `40{"a":${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}}`],
    ['a million keys', `42["message",{${Array.from({ length: 400_000 }, (_, key) => `"${key.toString(36)}":1`).join()}}]`],
    ['a deeply nested message with bytes', `451-["message",${'['.repeat(2_000)}{"_placeholder":true,"num":0}${']'.repeat(2_000)}]`],
  ])('ends with 1008 for a packet with %s', async (_what, packet) => {
    const { port, primus, connect } = await start();
    const client = await webSocket(port);
    await text(client);
    if (!packet.startsWith('40')) {
      client.send(frame(TEXT, '40'));
      await text(client);
    }
    client.send(frame(TEXT, packet));
    expect(await client.closeCode()).toBe(1008);
    await until(() => primus.connected === 0);
    await event(connect(), 'open');
  });

  it('takes a value that is nested as deep as messages may be', async () => {
    const { client } = await joined();
    const value = `${'['.repeat(900)}${']'.repeat(900)}`;
    client.send(frame(TEXT, `42["message",${value}]`));
    expect(await text(client)).toBe(`42["message","${value}"]`);
  });

  it('answers a question of the client, and puts bytes into their places', async () => {
    const { client, spark } = await joined();
    const received: unknown[] = [];
    spark.on('data', (data) => received.push(data));
    client.send(frame(TEXT, '42456["message","x"]'));
    expect([await text(client), await text(client)].sort()).toEqual(['42["message","x"]', '43456[]']);
    client.send(frame(TEXT, '451-["message",{"_placeholder":true,"num":0}]'), frame(BINARY, Buffer.from([1, 2])));
    expect(await text(client)).toBe('451-["message",{"_placeholder":true,"num":0}]');
    expect((await client.frame()).payload).toEqual(Buffer.from([1, 2]));
    expect(received).toEqual(['x', Buffer.from([1, 2])]);
  });

  it('closes the connection of a client that joins nothing', async () => {
    const { port, primus } = await start({ connectTimeout: 50 });
    const client = await webSocket(port);
    await client.rest();
    expect(primus.connected).toBe(0);
  });
});
