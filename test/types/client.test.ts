import type { Observable } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';
import ClientByDefault, {
  type ClientEvents,
  type ClientOptions,
  type ClientState,
  configure,
  type LinkError,
  Primus,
  PrimusError,
  type ReconnectAttempt,
  type ReconnectEvent,
} from '../../src/client-node.js';
import { type ErrorCode, Primus as Server } from '../../src/index.js';
import { anything } from './anything.js';

type Question = { ask: string };
type Answer = { say: string };

// The compiler checks these tests.
const client: Primus<Answer, Question> = anything;

describe('the client', () => {
  it('is the default export and the named one', () => {
    expectTypeOf(ClientByDefault).toEqualTypeOf(Primus);
  });

  it('takes an address and options, both optional', () => {
    expectTypeOf(Primus).toBeConstructibleWith();
    expectTypeOf(Primus).toBeConstructibleWith('http://localhost');
    expectTypeOf(Primus).toBeConstructibleWith(new URL('http://localhost'), { timeout: '2 s', strategy: false, anyPlugin: {} });
    expectTypeOf(Primus).toBeConstructibleWith('', { credentials: async () => ({ token: 'x', count: 1, none: undefined }) });
    expectTypeOf(Primus).toBeConstructibleWith('', { credentials: { token: 'x' }, headers: Promise.resolve({ authorization: 'x' }) });
    expectTypeOf(Primus).toBeConstructibleWith({ manual: true });
    // @ts-expect-error A port is no address.
    () => new Primus(8080);
    // @ts-expect-error A timeout is a number or a string.
    () => new Primus('http://localhost', { timeout: true });
    // @ts-expect-error Either the oldest message is dropped or the newest.
    () => new Primus('http://localhost', { queueDrop: 'middle' });
    // @ts-expect-error There is no such setting.
    () => new Primus('http://localhost', { reconnect: { maximum: 1 } });
    expectTypeOf<(attempt: number, cause?: unknown) => number | false>().toExtend<NonNullable<ClientOptions['reconnect']>>();
  });

  it('sends and receives its declared types', () => {
    expectTypeOf(client.write).toEqualTypeOf<(data: Question) => boolean>();
    expectTypeOf(client.end).parameters.toEqualTypeOf<[data?: Question | undefined]>();
    expectTypeOf(client.data$).toEqualTypeOf<Observable<Answer>>();
    expectTypeOf(client.buffer).toEqualTypeOf<Question[]>();
    // @ts-expect-error Answers come in.
    () => client.write({ say: 'x' });
  });

  it('types its events', () => {
    () => {
      client.on('data', (data) => expectTypeOf(data).toEqualTypeOf<Answer>());
      client.on('reconnect scheduled', (attempt) => {
        expectTypeOf(attempt).toEqualTypeOf<ReconnectAttempt>();
        expectTypeOf(attempt['reconnect timeout']).toEqualTypeOf<number>();
      });
      client.on('reconnect timeout', (error, attempt) => {
        expectTypeOf(error).toEqualTypeOf<Error>();
        expectTypeOf(attempt).toEqualTypeOf<ReconnectAttempt>();
      });
      client.on('outgoing::url', (options) => {
        options.query += '&token=1';
      });
      // @ts-expect-error There is no such event.
      client.on('connect', () => {});
      // @ts-expect-error `open` has no arguments.
      client.on('open', (spark: object) => spark);
      // @ts-expect-error There is no such event.
      client.emit('message', 'x');
    };
    expectTypeOf<ClientEvents<Answer>['data']>().toEqualTypeOf<[data: Answer, raw: string | Uint8Array]>();
  });

  it('has a state that is a discriminated union', () => {
    expectTypeOf(client.state$).toEqualTypeOf<Observable<ClientState>>();
    expectTypeOf(client.reconnect$).toEqualTypeOf<Observable<ReconnectEvent>>();
    expectTypeOf(client.online$).toEqualTypeOf<Observable<boolean>>();
    () => {
      const { state } = client;
      if (state.name === 'waiting') {
        expectTypeOf(state.until).toEqualTypeOf<number | null>();
        expectTypeOf(state.cause).toEqualTypeOf<PrimusError>();
      } else if (state.name === 'closed') expectTypeOf(state.by).toEqualTypeOf<'client' | 'server' | 'failure' | 'destroy'>();
      // @ts-expect-error Only the state `waiting` has `until`.
      else state.until;
      // @ts-expect-error There is no such state.
      if (state.name === 'disconnected') return;
    };
    // @ts-expect-error The state is read-only.
    client.state = { name: 'open' };
  });

  it('is configured with all of its parts', () => {
    // @ts-expect-error A platform and a parser are needed as well.
    () => configure({ transformer: { connect: () => null } });
  });
});

describe('createSocket', () => {
  it('takes the options of a client and those that must match the server', () => {
    () => {
      const Socket = Server.createSocket({ transformer: 'websockets', parser: 'json', pathname: '/x', timeout: 1 });
      expectTypeOf(new Socket('http://localhost').write).parameter(0).toBeAny();
      // @ts-expect-error A pathname is a string.
      Server.createSocket({ pathname: 1 });
    };
  });
});

describe('errors', () => {
  it('have a code of the table, and link errors the details of the close', () => {
    const error = new PrimusError('ERR_PRIMUS_URL', 'x');
    expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();
    expectTypeOf<LinkError>().toExtend<PrimusError>();
    expectTypeOf<LinkError['closeCode']>().toEqualTypeOf<number | undefined>();
    // @ts-expect-error There is no such code.
    new PrimusError('ERR_OTHER', 'x');
    // @ts-expect-error A code is one of the table.
    () => error.code === 'ERR_SOMETHING';
  });
});
