import type { Observable } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';
import { type ChannelGap, type Channels, type ClientChannel, channels, type Recovery } from '../../src/channels.js';
import type { Primus as PageClient } from '../../src/client-browser.js';
import type { Primus } from '../../src/client-node.js';
import type { Primus as Server, Spark } from '../../src/index.js';
import { anything } from './anything.js';

type News = { title: string };

const client: Primus<{ say: string }, { ask: string }> = anything;
const page: PageClient = anything;
const server: Server = anything;
const spark: Spark = anything;

// The compiler checks these tests.
describe('channels', () => {
  it('takes a client, of whatever messages and wherever it is from', () => {
    expectTypeOf(channels(client)).toEqualTypeOf<Channels>();
    expectTypeOf(channels).toBeCallableWith(page);
    expectTypeOf(channels).toBeCallableWith(new server.Socket('http://localhost', { manual: true }));
    // @ts-expect-error A server is no client.
    () => channels(server);
    // @ts-expect-error Neither is a spark.
    () => channels(spark);
    // @ts-expect-error A client is needed.
    () => channels();
  });

  it('has channels of declared messages', () => {
    const news = channels(client).channel<News>('news', { since: 'head', presence: true });
    expectTypeOf(news).toEqualTypeOf<ClientChannel<News>>();
    expectTypeOf(news.data$).toEqualTypeOf<Observable<News>>();
    expectTypeOf(news.recovery$).toEqualTypeOf<Observable<Recovery>>();
    expectTypeOf(news.presence$).toEqualTypeOf<Observable<ReadonlyMap<string, unknown>>>();
    expectTypeOf(news.publish).toEqualTypeOf<(data: News) => boolean>();
    expectTypeOf(channels(client).channel('any').data$).toEqualTypeOf<Observable<unknown>>();
    // @ts-expect-error It has a title.
    () => news.publish({ name: 'x' });
    // @ts-expect-error Its name does not change.
    () => (news.name = 'x');
  });

  it('takes only its options', () => {
    const { channel } = channels(client);
    // @ts-expect-error A name is a string.
    () => channel(1);
    // @ts-expect-error It begins at the head, or with all that is kept.
    () => channel('news', { since: 'tail' });
    // @ts-expect-error There is no such option.
    () => channel('news', { history: 10 });
    // @ts-expect-error Presence is asked for, or not.
    () => channel('news', { presence: 'yes' });
  });

  it('has outcomes that are told apart by their type', () => {
    expectTypeOf<Recovery['type']>().toEqualTypeOf<'live' | 'recovered' | 'gap'>();
    expectTypeOf<Extract<Recovery, { type: 'gap' }>['reason']>().toEqualTypeOf<ChannelGap>();
    () => (recovery: Recovery) => recovery.type === 'recovered' && recovery.count > 0;
    // @ts-expect-error Nothing was recovered live.
    () => (recovery: Recovery) => recovery.type === 'live' && recovery.count;
  });
});
