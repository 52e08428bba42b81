import { type } from 'arktype';
import type { Observable } from 'rxjs';
import * as v from 'valibot';
import { describe, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import type { Primus as Client } from '../../src/client-node.js';
import { contract, events, type InputOf, type MessageInput, type MessageOutput, type OutputOf, withContract } from '../../src/contract.js';
import type { Primus, Spark } from '../../src/index.js';
import {
  type ClientRequests,
  type ContractClientRequests,
  type Reply,
  type RequestContext,
  requests,
  type SparkRequestContext,
} from '../../src/request.js';
import { anything } from './anything.js';

type User = { name: string };

const primus: Primus = anything;
const withUsers: Primus<unknown, unknown, User> = anything;
const client: Client = anything;

const chat = contract({
  toServer: {
    messages: events({ say: z.object({ text: z.string() }), leave: z.object({ at: z.coerce.date<string>() }) }),
    requests: { user: { input: z.number(), output: z.object({ name: z.string() }) }, ping: {}, ticks: { output: z.number() } },
  },
  toClient: {
    messages: events({ said: v.object({ by: v.string() }), left: type({ by: 'string' }) }, 'event'),
    requests: { confirm: { input: v.string(), output: v.boolean() } },
  },
});

type ToServer = { readonly type: 'say'; text: string } | { readonly type: 'leave'; at: Date };
type FromClient = { readonly type: 'say'; text: string } | { readonly type: 'leave'; at: string };
type ToClient = { readonly event: 'said'; by: string } | { readonly event: 'left'; by: string };

// The compiler checks these tests.
describe('a contract', () => {
  it('types the messages of both ends', () => {
    expectTypeOf<MessageOutput<typeof chat, 'toServer'>>().toEqualTypeOf<ToServer>();
    expectTypeOf<MessageInput<typeof chat, 'toServer'>>().toEqualTypeOf<FromClient>();
    expectTypeOf<MessageInput<typeof chat, 'toClient'>>().toEqualTypeOf<ToClient>();
    const server = withContract(primus, chat);
    const page = withContract(client, chat);
    expectTypeOf(server).toEqualTypeOf<Primus<ToServer, ToClient>>();
    expectTypeOf(page).toEqualTypeOf<Client<ToClient, FromClient>>();
    expectTypeOf(page.data$).toEqualTypeOf<Observable<ToClient>>();
    () => server.on('connection', (spark) => expectTypeOf(spark).toEqualTypeOf<Spark<ToServer, ToClient>>());
    () => server.write({ event: 'said', by: 'ada' });
    () => page.write({ type: 'leave', at: '2026' });
    // @ts-expect-error There is no such type of message.
    () => server.write({ event: 'shouted', by: 'ada' });
    // @ts-expect-error It has a property `text`.
    () => page.write({ type: 'say' });
    // @ts-expect-error What is sent is the input of the validator.
    () => page.write({ type: 'leave', at: new Date() });
    // @ts-expect-error A client sends what goes to the server.
    () => page.write({ event: 'said', by: 'ada' });
  });

  it('narrows messages by their type', () => {
    () =>
      withContract(primus, chat).on('connection', (spark) => {
        spark.on('data', (message) => {
          if (message.type === 'say') expectTypeOf(message.text).toEqualTypeOf<string>();
          else expectTypeOf(message.at).toEqualTypeOf<Date>();
          // @ts-expect-error Not every message has this property.
          message.text;
        });
      });
  });

  it('keeps the type of what authorization finds', () => {
    expectTypeOf(withContract(withUsers, chat)).toEqualTypeOf<Primus<ToServer, ToClient, User>>();
  });

  it('is what it says', () => {
    // @ts-expect-error There are two directions.
    () => contract({ toserver: {} });
    // @ts-expect-error A validator is needed.
    () => contract({ toServer: { messages: (value: unknown) => value === 1 } });
    // @ts-expect-error As well for each type of message.
    () => events({ say: 'string' });
    // @ts-expect-error A server, or a client, is needed.
    () => withContract({}, chat);
    expectTypeOf<InputOf<z.ZodString>>().toEqualTypeOf<string>();
    expectTypeOf<OutputOf<z.ZodNumber>>().toEqualTypeOf<number>();
  });
});

describe('requests', () => {
  it('of a contract have its types', () => {
    const asking = requests(client, { contract: chat });
    const answering = requests(primus, { contract: chat, timeout: '5 s' });
    expectTypeOf(asking).toEqualTypeOf<ContractClientRequests<typeof chat>>();
    expectTypeOf(asking.request('user', 1)).toEqualTypeOf<Reply<{ name: string }>>();
    async () => expectTypeOf(await asking.request('user', 1)).toEqualTypeOf<{ name: string }>();
    async () => expectTypeOf(await asking.request('ticks')).toEqualTypeOf<number>();
    expectTypeOf(asking.call('user', 1, { timeout: 5 })).toEqualTypeOf<Promise<{ name: string }>>();
    expectTypeOf(asking.call('ping')).toEqualTypeOf<Promise<undefined>>();
    () =>
      answering.handle('user', (id, { spark, signal }) => {
        expectTypeOf(id).toEqualTypeOf<number>();
        expectTypeOf(spark).toEqualTypeOf<Spark>();
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
        return { name: 'ada' };
      });
    () => answering.handle('user', async () => ({ name: 'ada' }));
    () =>
      answering.handle('ticks', async function* () {
        yield 1;
      });
    () => answering.handle('ticks', () => anything as Observable<number>);
    () => asking.handle('confirm', (question) => question === 'Sure?');
    expectTypeOf(answering.call(anything as Spark, 'confirm', 'Sure?')).toEqualTypeOf<Promise<boolean>>();
    // @ts-expect-error It has data.
    () => asking.call('user');
    // @ts-expect-error Of a type.
    () => asking.call('user', 'ada');
    // @ts-expect-error It has none.
    () => asking.call('ping', 1);
    // @ts-expect-error There is no such request.
    () => asking.call('users', 1);
    // @ts-expect-error That is a request of the server.
    () => asking.call('confirm', 'Sure?');
    // @ts-expect-error A user has a name.
    () => answering.handle('user', () => ({}));
    // @ts-expect-error As one of a stream has.
    () => answering.handle('ticks', () => anything as Observable<string>);
    // @ts-expect-error The client handles that.
    () => answering.handle('confirm', () => true);
    // @ts-expect-error Only of a spark can be asked.
    () => answering.call('confirm', 'Sure?');
  });

  it('without a contract have the types that they are given', () => {
    const asking = requests(client);
    const answering = requests(withUsers);
    expectTypeOf(asking).toEqualTypeOf<ClientRequests>();
    // biome-ignore lint/suspicious/noExplicitAny: the documented default.
    expectTypeOf(asking.request('x')).toEqualTypeOf<Reply<any>>();
    expectTypeOf(asking.request<User>('x', 1)).toEqualTypeOf<Reply<User>>();
    expectTypeOf(asking.call<User>('x', 1)).toEqualTypeOf<Promise<User>>();
    () =>
      asking.handle('x', (data, context) => {
        expectTypeOf(data).toBeAny();
        expectTypeOf(context).toEqualTypeOf<RequestContext>();
      });
    () =>
      answering.handle('x', (id: number, context) => {
        expectTypeOf(context).toEqualTypeOf<SparkRequestContext<Spark<unknown, unknown, User>>>();
        return context.spark.data.name + id;
      });
    // @ts-expect-error A name is a string.
    () => asking.request(1);
    // @ts-expect-error There is no such option.
    () => asking.request('x', 1, { timeOut: 1 });
    // @ts-expect-error Nor here.
    () => requests(client, { maxRequest: 1 });
    // @ts-expect-error A server, or a client, is needed.
    () => requests({});
    async () => expectTypeOf(await asking.request<User>('x')).toEqualTypeOf<User>();
    // @ts-expect-error A request may be awaited, and is no promise: `call` makes one.
    () => asking.request('x').catch(() => {});
  });
});

describe('spark.data', () => {
  it('has the type that the server says', () => {
    () => withUsers.authorize((_request, done) => done(null, { name: 'ada' }));
    () => withUsers.on('connection', (spark) => expectTypeOf(spark.data).toEqualTypeOf<User>());
    () => withUsers.connection$.subscribe((spark) => expectTypeOf(spark.data.name).toEqualTypeOf<string>());
    () => primus.on('connection', (spark) => expectTypeOf(spark.data).toBeAny());
    // @ts-expect-error A user has a name.
    () => withUsers.authorize((_request, done) => done(null, { id: 1 }));
  });
});
