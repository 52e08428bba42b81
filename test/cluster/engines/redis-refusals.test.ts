import { createServer, type Socket } from 'node:net';
import { createClient } from 'redis';
import { describe, expect, it } from 'vitest';
import { missingEngine } from '../../../scripts/engines.mjs';
import { redisCli } from '../../support/engines.js';
import { cleanup, until } from '../../support/serve.js';
import { bytes, engineFor, KEEP, type Node, open, openWith, up } from './redis-nodes.js';

describe.skipIf(missingEngine('redis-server'))('the Redis backplane at a server that refuses', () => {
  it('drops and counts what others publish to its channels', async () => {
    const engine = await engineFor();
    const node = open(engine);
    await up(node);
    await node.bus.listen(['news']);
    const forged = [
      '',
      'x',
      'garbage',
      'prx',
      'prx1',
      'prx1abc:1',
      'prx1abc:x\ndata',
      'prx1:1\n',
      `prx1${'a'.repeat(5000)}:1\n`,
      'prx2hello',
      '\x00\xff\xfe',
      '{"a":1}',
    ];
    const stranger = await createClient({ url: `redis://127.0.0.1:${engine.port}` }).connect();
    cleanup(() => stranger.destroy());
    for (const message of forged) await stranger.publish('primus:{news}', Buffer.from(message, 'latin1'));
    await until(() => node.lost.length >= forged.length);
    expect(node.lost.map(([topic, count]) => [topic, count])).toEqual(forged.map(() => ['news', 1]));
    expect(node.deliveries).toEqual([]);
    node.bus.publish('news', bytes('real'));
    await until(() => node.deliveries.length === 1);
  });

  it('gives what it can of entries that others have written', async () => {
    const engine = await engineFor();
    const node = open(engine);
    await up(node);
    const position = await node.log.append('news', bytes('a'), KEEP);
    await redisCli(engine, 'RPUSH', 'primus:{news}:entries', 'garbage');
    expect(await node.log.read('news', { ...position, offset: 0 }, 10)).toMatchObject({ whole: false });
    await redisCli(engine, 'SET', 'primus:{other}:state', 'a string');
    await expect(node.log.append('other', bytes('a'), KEEP)).rejects.toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE' });
    await redisCli(engine, 'HSET', 'primus:{third}:state', 'epoch', 'x y', 'offset', '1e99');
    await expect(node.log.append('third', bytes('a'), KEEP)).rejects.toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE' });
    expect(node.state()).toBe('up');
  });

  it('reports a wrong password once, and connects when it is right', async () => {
    const engine = await engineFor({ args: ['--requirepass', 'secret'] });
    const node = open(engine, { password: 'wrong' });
    await until(() => node.errors.length > 0);
    expect(node.errors[0]).toMatchObject({
      code: 'ERR_PRIMUS_BACKPLANE',
      message: expect.stringMatching(/username and password.*WRONGPASS/),
    });
    expect(node.errors[0]?.message).not.toContain('wrong');
    await redisCli(engine, '-a', 'secret', '--no-auth-warning', 'CONFIG', 'SET', 'requirepass', 'wrong');
    await up(node);
    expect(node.errors).toHaveLength(1);
  });

  it('reports a missing password', async () => {
    const engine = await engineFor({ args: ['--requirepass', 'secret'] });
    const node = open(engine);
    await until(() => node.errors.length > 0);
    expect(node.errors[0]?.message).toMatch(/username and password.*NOAUTH/);
  });

  it.each([
    ['no channels', ['+@all', '~*'], ({ bus }: Node) => bus.listen(['news'])],
    ['no keys', ['+@all', '&*'], ({ log }: Node) => log.append('news', bytes('a'), KEEP)],
  ])('reports a user that may use %s', async (_what, rules, use) => {
    const engine = await engineFor();
    await redisCli(engine, 'ACL', 'SETUSER', 'app', 'on', '>secret', ...rules);
    const node = open(engine, { username: 'app', password: 'secret' });
    await up(node);
    await expect(use(node)).rejects.toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringMatching(/permissions.*NOPERM/) });
    expect(node.errors).toMatchObject([{ code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringMatching(/permissions.*NOPERM/) }]);
  });

  it('is not up for a user that may not use what it always needs', async () => {
    const engine = await engineFor();
    await redisCli(engine, 'ACL', 'SETUSER', 'app', 'on', '>secret', '+@all', '-info', '~*', '&*');
    const node = open(engine, { username: 'app', password: 'secret' });
    await until(() => node.errors.length > 0);
    expect(node.errors[0]?.message).toMatch(/permissions.*NOPERM/);
    expect(node.states).toEqual(['down']);
  });

  it('works for a user with the permissions that the documentation names', async () => {
    const engine = await engineFor();
    const commands = ['+info', '+ping', '+publish', '+subscribe', '+unsubscribe', '+eval', '+evalsha', '+script|load'];
    const inScripts = ['+time', '+hmget', '+hset', '+del', '+lindex', '+lpop', '+rpush', '+ltrim', '+lrange', '+llen', '+pexpire'];
    await redisCli(engine, 'ACL', 'SETUSER', 'app', 'on', '>secret', '-@all', ...commands, ...inScripts, '~primus:*', '&primus:*');
    const node = open(engine, { username: 'app', password: 'secret' });
    await node.bus.listen(['news']);
    const at = await node.log.append('news', bytes('a'), { size: 1, ttl: 1000 });
    await until(() => node.deliveries.length === 1);
    node.bus.publish('news', bytes('b'));
    await until(() => node.deliveries.length === 2);
    await node.log.read('news', at, 1);
    expect([node.errors, node.lost]).toEqual([[], []]);
  });

  it('learns the limits of the server', async () => {
    const engine = await engineFor({ args: ['--client-output-buffer-limit', 'pubsub 2mb 1mb 60'] });
    const node = open(engine);
    await up(node);
    await node.bus.listen(['news']);
    node.bus.publish('news', new Uint8Array(2 ** 21));
    expect(node.lost).toEqual([['news', 1, expect.any(String)]]);
    expect(node.errors).toMatchObject([{ code: 'ERR_PRIMUS_TOO_LARGE' }]);
    await expect(node.log.append('news', new Uint8Array(2 ** 21), KEEP)).rejects.toMatchObject({ code: 'ERR_PRIMUS_TOO_LARGE' });
    node.bus.publish('news', new Uint8Array(2 ** 20));
    await until(() => node.deliveries.length === 1);
    expect(node.states).toEqual(['down', 'up']);
  });

  it('reports a Redis without memory', async () => {
    const engine = await engineFor({ args: ['--maxmemory', '2mb', '--maxmemory-policy', 'noeviction'] });
    const node = open(engine);
    await up(node);
    const fill = async () => {
      for (let index = 0; index < 50; index += 1) await node.log.append('news', new Uint8Array(100_000), KEEP);
    };
    await expect(fill()).rejects.toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringMatching(/no memory left/) });
    expect(node.errors).toMatchObject([{ message: expect.stringMatching(/maxmemory/) }]);
  });
});

/** A server that answers every command of RESP 2 as `answer` says. */
async function fakeServer(answer: (command: string) => string): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      // One answer per command: `*N` begins one.
      for (const command of `${data}`.split(/(?=^\*\d+\r$)/m)) socket.write(answer(command));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

it.each([
  [
    'too old',
    (command: string) => (/INFO/.test(command) && !/SETINFO/.test(command) ? '$25\r\nredis_version:4.0.14\r\n   \r\n' : '+OK\r\n'),
    /version 5 or newer, got 4\.0\.14/,
  ],
  ['no Redis', () => 'HTTP/1.1 400 Bad Request\r\n\r\n', /Redis cannot be used/],
])('reports a server that is %s', async (_what, answer, message) => {
  const port = await fakeServer(answer);
  const node = openWith(createClient({ url: `redis://127.0.0.1:${port}`, RESP: 2 }));
  await until(() => node.errors.length > 0);
  expect(node.errors[0]).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringMatching(message) });
});
