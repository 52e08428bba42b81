import { type } from 'arktype';
import { firstValueFrom, of, timer } from 'rxjs';
import * as v from 'valibot';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { type Contract, contract, events, type StandardSchema, withContract } from '../../src/contract.js';
import type { PrimusError } from '../../src/index.js';
import { type RequestOptions, requests } from '../../src/request.js';
import { World } from '../support/world.js';

/** The same contract of three libraries. */
const libraries: [string, Contract][] = [
  [
    'Zod',
    contract({
      toServer: {
        messages: events({ say: z.object({ text: z.string() }), move: z.object({ to: z.array(z.object({ x: z.number() })) }) }),
        requests: { add: { input: z.tuple([z.number(), z.number()]), output: z.number() } },
      },
      toClient: { messages: events({ said: z.object({ text: z.string() }) }) },
    }),
  ],
  [
    'Valibot',
    contract({
      toServer: {
        messages: events({ say: v.object({ text: v.string() }), move: v.object({ to: v.array(v.object({ x: v.number() })) }) }),
        requests: { add: { input: v.tuple([v.number(), v.number()]), output: v.number() } },
      },
      toClient: { messages: events({ said: v.object({ text: v.string() }) }) },
    }),
  ],
  [
    'ArkType',
    contract({
      toServer: {
        messages: events({ say: type({ text: 'string' }), move: type({ to: type({ x: 'number' }).array() }) }),
        requests: { add: { input: type(['number', 'number']), output: type('number') } },
      },
      toClient: { messages: events({ said: type({ text: 'string' }) }) },
    }),
  ],
];

/** A server and a client, each with a contract or without one. */
async function start(onServer?: Contract, onClient?: Contract, options: RequestOptions = {}) {
  const world = new World({ latency: 1, server: { pingInterval: false } });
  onTestFinished(() => world.destroy());
  const peer = world.connect();
  const { client } = peer;
  if (onServer) withContract(world.primus, onServer);
  if (onClient) withContract(client, onClient);
  const asking = requests(client, { ...options, ...(onClient && { contract: onClient }) } as RequestOptions);
  const answering = requests(world.primus, { ...options, ...(onServer && { contract: onServer }) } as RequestOptions);
  const up: unknown[] = [];
  const down: unknown[] = [];
  const errors = { up: [] as PrimusError[], down: [] as PrimusError[] };
  client.on('data', (data) => down.push(data));
  client.error$.subscribe((error) => errors.down.push(error as PrimusError));
  world.primus.on('connection', (spark) => {
    spark.on('data', (data) => up.push(data));
    spark.error$.subscribe((error) => errors.up.push(error as PrimusError));
  });
  await world.pass(5);
  const [spark] = Object.values(world.primus.connections);
  if (spark === undefined) throw new Error('There is no connection');
  return { world, client, spark, up, down, errors, asking, answering };
}

const messagesOf = (errors: PrimusError[]) => errors.map(({ message }) => message);

describe.each(libraries)('a contract of %s', (_library, shared) => {
  it('lets messages pass that satisfy it, in both directions', async () => {
    const { world, client, spark, up, down, errors } = await start(shared, shared);
    client.write({ type: 'say', text: 'hello' });
    client.write({ type: 'move', to: [{ x: 1 }] });
    spark.write({ type: 'said', text: 'hello' });
    world.primus.write({ type: 'said', text: 'all' });
    await world.pass(5);
    expect([up, down]).toEqual([
      [
        { type: 'say', text: 'hello' },
        { type: 'move', to: [{ x: 1 }] },
      ],
      [
        { type: 'said', text: 'hello' },
        { type: 'said', text: 'all' },
      ],
    ]);
    expect(errors).toEqual({ up: [], down: [] });
  });

  it('drops what does not, on its way out and on its way in, as an error with the path', async () => {
    for (const ends of [
      [shared, undefined],
      [undefined, shared],
    ] as const) {
      const { world, client, spark, up, down, errors } = await start(...ends);
      const wrong = { type: 'move', to: [{ x: 1 }, { x: 'no' }] };
      client.write(wrong);
      client.write({ type: 'say', text: 'still open' });
      spark.write({ type: 'said', text: 1 });
      spark.write({ type: 'said', text: 'still open' });
      await world.pass(5);
      expect([up, down]).toEqual([[{ type: 'say', text: 'still open' }], [{ type: 'said', text: 'still open' }]]);
      const [toServer, toClient] = ends[0] ? [errors.up[0], errors.up[1]] : [errors.down[0], errors.down[1]];
      const both = [toServer, toClient].sort((a, b) => (a?.message.includes('[1]') ? -1 : b ? 1 : 0));
      expect(both[0]).toMatchObject({ code: 'ERR_PRIMUS_CONTRACT', message: expect.stringContaining('to[1].x'), data: wrong });
      expect(both[0]?.issues).toMatchObject([{ message: expect.any(String), path: ['to', 1, 'x'] }]);
      expect(both[1]).toMatchObject({ code: 'ERR_PRIMUS_CONTRACT', message: expect.stringContaining('text') });
      expect(client.readyState).toBe(3);
    }
  });

  it('rejects messages of an unknown type, and what is no object', async () => {
    const { world, client, up, errors } = await start(shared);
    const odd = [{ type: 'shout' }, { type: '__proto__' }, { type: 1 }, {}, null, 'say', 1, [], ['say']];
    for (const data of odd) client.write(data);
    await world.pass(5);
    expect(up).toEqual([]);
    expect(errors.up).toHaveLength(odd.length);
    expect(messagesOf(errors.up)[0]).toBe('A message that was received does not satisfy the contract: type: Expected one of say, move');
    expect(messagesOf(errors.up)[4]).toBe('A message that was received does not satisfy the contract: Expected an object');
  });

  it('checks requests and answers on both ends', async () => {
    const { world, asking, answering, errors } = await start(shared, shared);
    let answer: unknown;
    answering.handle('add', ([a, b]: [number, number]) => answer ?? a + b);
    const ask = (data: unknown) => asking.call('add', data).catch((error) => error);
    const good = ask([1, 2]);
    const bad = ask([1, 'no']);
    await world.pass(5);
    expect(await good).toBe(3);
    expect(await bad).toMatchObject({ code: 'ERR_PRIMUS_CONTRACT', message: expect.stringContaining('[1]') });
    answer = 'three';
    const wrong = ask([1, 2]);
    await world.pass(5);
    expect(await wrong).toMatchObject({ code: 'ERR_PRIMUS_HANDLER' });
    expect(errors.up).toEqual([expect.objectContaining({ code: 'ERR_PRIMUS_CONTRACT' })]);
  });

  it('is kept by the end that has it', async () => {
    const { world, asking, answering, errors } = await start(shared);
    answering.handle('add', ([a, b]: [number, number]) => a + b);
    const wrong = asking.call('add', ['x', 2]).catch((error: unknown) => error);
    await world.pass(5);
    expect(await wrong).toMatchObject({
      code: 'ERR_PRIMUS_CONTRACT',
      message: expect.stringMatching(/The data of the request "add".*\[0\]/),
    });
    expect(errors.up).toEqual([]);
    const other = await start(undefined, shared);
    other.answering.handle('add', () => 'three');
    const late = other.asking.call('add', [1, 2]).catch((error: unknown) => error);
    await other.world.pass(5);
    expect(await late).toMatchObject({ code: 'ERR_PRIMUS_CONTRACT', message: expect.stringContaining('An answer to the request "add"') });
  });

  it('has no other requests', async () => {
    const { asking, answering } = await start(shared, shared);
    const wrong = expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' });
    for (const name of ['sub', 'toString', '__proto__']) {
      expect(() => asking.call(name as never, 1 as never)).toThrow(wrong);
      expect(() => answering.handle(name as never, (() => 1) as never)).toThrow(wrong);
    }
  });
});

describe('a validator', () => {
  it('changes what is received, and not what is sent', async () => {
    const upper = z.string().transform((text) => text.toUpperCase());
    const both = contract({ toServer: { messages: z.object({ text: upper, at: z.coerce.date() }) } });
    const { world, client, up } = await start(both, both);
    const message = { text: 'hello', at: '2026-01-02T00:00:00.000Z' };
    client.write(message);
    await world.pass(5);
    expect(world.network.pairs[0]?.up.at(-1)).toBe(JSON.stringify(message));
    expect(up).toEqual([{ text: 'HELLO', at: new Date(message.at) }]);
  });

  it('may answer later: messages keep their order', async () => {
    let world: World | undefined;
    const slow = z.number().refine(async (n) => {
      await firstValueFrom(timer(20 - n, world?.clock));
      return n !== 3;
    }, 'Not three');
    const numbers = contract({ toServer: { messages: slow }, toClient: { messages: slow } });
    const started = await start(numbers, numbers);
    world = started.world;
    for (let n = 0; n < 6; n++) {
      started.client.write(n);
      started.spark.write(n);
    }
    await world.pass(1_000);
    expect([started.up, started.down]).toEqual([
      [0, 1, 2, 4, 5],
      [0, 1, 2, 4, 5],
    ]);
    expect([...messagesOf(started.errors.up), ...messagesOf(started.errors.down)]).toEqual([
      'A message that was written does not satisfy the contract: Not three',
      'A message that was written does not satisfy the contract: Not three',
    ]);
  });

  it('may answer later for requests: streams keep their order', async () => {
    let world: World | undefined;
    const slow = z.number().refine(async (n) => {
      await firstValueFrom(timer(20 - n, world?.clock));
      return n !== 9;
    });
    const numbers = contract({ toServer: { requests: { count: { input: slow, output: slow } } } });
    const started = await start(numbers, numbers);
    world = started.world;
    const { asking, answering } = started;
    answering.handle('count', (n: number) => of(...Array.from({ length: n }, (_, index) => index)));
    const values: unknown[] = [];
    asking.request('count', 5).subscribe((value) => values.push(value));
    const rejected = asking.call('count', 9).catch(({ code }: PrimusError) => code);
    await world.pass(1_000);
    expect(values).toEqual([0, 1, 2, 3, 4]);
    expect(await rejected).toBe('ERR_PRIMUS_CONTRACT');
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('a mistake');
      },
    ],
    ['rejects', () => Promise.reject(new Error('a mistake'))],
  ])('that %s is an error of the message', async (_what, validate) => {
    const broken: StandardSchema = { '~standard': { version: 1, vendor: 'test', validate } };
    const both = contract({ toServer: { messages: broken, requests: { add: { input: broken } } } });
    const { world, client, up, errors, asking, answering } = await start(both);
    answering.handle('add', () => 1);
    client.write('x');
    const asked = asking.call('add', 1).catch(({ code }: PrimusError) => code);
    await world.pass(5);
    expect(up).toEqual([]);
    expect(await asked).toBe('ERR_PRIMUS_HANDLER');
    expect(errors.up).toEqual([
      expect.objectContaining({ code: 'ERR_PRIMUS_CONTRACT', cause: new Error('a mistake') }),
      expect.objectContaining({ code: 'ERR_PRIMUS_CONTRACT', cause: new Error('a mistake') }),
    ]);
  });

  it('says only so much of a message', async () => {
    const many: StandardSchema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => ({
          issues: Array.from({ length: 1_000 }, (_, index) => ({ message: 'x'.repeat(1_000), path: ['a b', { key: index }] })),
        }),
      },
    };
    const { world, client, errors } = await start(contract({ toServer: { messages: many } }));
    client.write('x');
    await world.pass(5);
    expect(errors.up[0]?.issues).toHaveLength(100);
    expect(errors.up[0]?.message.length).toBeLessThan(800);
    expect(errors.up[0]?.message).toMatch(/contract: \["a b"\]\[0\]: x+; .* and 997 more$/);
  });

  it('of an answer is not asked about the end of a stream', async () => {
    const numbers = contract({ toServer: { requests: { none: { output: z.number() }, nothing: {} } } });
    const { world, asking, answering } = await start(numbers, numbers);
    answering.handle('none', () => of());
    answering.handle('nothing', () => 'ignored');
    const answers = Promise.all([asking.call('none'), asking.call('nothing')]);
    await world.pass(5);
    expect(await answers).toEqual([undefined, undefined]);
  });
});

describe('withContract()', () => {
  const simple = contract({ toServer: { messages: z.string() }, toClient: { messages: z.number() } });

  it('returns the end itself, and adds only message transformers to it, once', async () => {
    const { world, client } = await start();
    const names = [world.primus, client].map((end) => Reflect.ownKeys(end));
    expect(withContract(world.primus, simple)).toBe(world.primus);
    expect(withContract(client, simple)).toBe(client);
    withContract(client, simple);
    expect([world.primus, client].map((end) => Reflect.ownKeys(end))).toEqual(names);
    expect(client.transformers.outgoing).toHaveLength(1);
    expect(() => withContract(client, { ...simple })).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });

  it('checks only what is received, with the option `outgoing`', async () => {
    const { world, spark, down, errors } = await start();
    withContract(world.primus, simple, { outgoing: false });
    expect(world.primus.transformers.outgoing).toEqual([]);
    spark.write('no number');
    await world.pass(5);
    expect([down, errors.up]).toEqual([['no number'], []]);
  });

  it('checks what transformers make of a message', async () => {
    const { world, client, up } = await start();
    world.primus.transform('incoming', (packet) => {
      packet.data = packet.data.text;
    });
    withContract(world.primus, simple);
    client.write({ text: 'hello' });
    client.write({ text: 1 });
    await world.pass(5);
    expect(up).toEqual(['hello']);
  });

  it.each([
    undefined,
    null,
    [],
    { toserver: {} },
    { toServer: 1 },
    { toServer: { message: z.string() } },
    { toServer: { messages: {} } },
    { toServer: { messages: () => true } },
    { toClient: { requests: { add: { input: 1 } } } },
    { toClient: { requests: { add: { inptu: z.string() } } } },
    { toClient: { requests: { add: null } } },
    { toClient: { requests: [] } },
  ])('rejects %j, which is no contract', async (wrong) => {
    const { client } = await start();
    const error = expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' });
    expect(() => contract(wrong as never)).toThrow(error);
    expect(() => withContract(client, wrong as never)).toThrow(error);
  });

  it('rejects what is no end, wrong options, and events that are none', async () => {
    const error = expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' });
    const { client } = await start();
    for (const end of [undefined, null, {}, 1]) expect(() => withContract(end as never, simple)).toThrow(error);
    for (const options of [null, 1, [], { outgoing: 1 }]) expect(() => withContract(client, simple, options as never)).toThrow(error);
    for (const args of [[{ say: 1 }], [{}, ''], [{}, 1], [null]]) expect(() => events(...(args as [never]))).toThrow(error);
  });
});
