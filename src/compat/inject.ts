import type { Observable } from 'rxjs';
import type { Platform } from '../../client/platform/platform.js';
import type { Primus } from '../../client/primus.js';
import { asError, LinkError } from '../core/errors.js';
import type { Frame, Link } from '../core/link.js';
import type { ClientTransformer, Fields } from '../core/transformer.js';
import { EventLink, isPrivate } from './event-link.js';

/** The connection of a third-party transformer, or its attempt to connect. */
interface Dial {
  /** Opens the link. Returns false when the attempt has ended, or the link is open already: then the event is emitted. */
  opened(): boolean;
  /** Ends the attempt, or the link, with an error. Returns false when it has ended already. */
  failed(error: unknown): boolean;
  link: EventLink | undefined;
  readonly credentials: Fields;
}

const dials = new WeakMap<object, Dial>();

/** Returns the credentials of an attempt of a third-party transformer, which creates its address itself. */
export function credentialsOf(client: Primus): Fields | undefined {
  return dials.get(client)?.credentials;
}

/** Handles a private event that was injected into a client. Returns true when the event must not be emitted any more. */
export function inject(client: Primus, event: string, [value]: unknown[]): boolean {
  if (!isPrivate(event)) return false;
  const dial = dials.get(client);
  const { link } = client.connection;
  switch (event) {
    case 'incoming::open':
      return dial?.opened() === true;
    case 'incoming::data':
      if (dial?.link !== undefined) dial.link.received(value as Frame);
      else client.connection.receive(value as Frame);
      return true;
    case 'incoming::error':
      if (dial !== undefined) return dial.failed(value);
      link?.destroy();
      return false;
    case 'incoming::end':
      if (dial?.link !== undefined) return dial.link.ended();
      link?.destroy();
      return link !== undefined;
    case 'outgoing::data':
      link?.send(value as Frame);
      return false;
    case 'outgoing::end':
      if (dial === undefined) link?.close();
      return false;
    case 'outgoing::open':
      if (dial === undefined && client.state.name !== 'open') client.open();
      return false;
    default:
      return false;
  }
}

/**
 * Creates the client's half of a third-party transformer, which listens for `outgoing::open` and injects `incoming::open`. Streams are
 * created with the `Observable` of the client: a page that loads two copies of RxJS must not mix them.
 */
export function eventTransformer(Stream: typeof Observable): ClientTransformer<Platform> {
  const connect: ClientTransformer<Platform>['connect'] = ({ client, credentials, dialled }) =>
    new Stream<Link>((subscriber) => {
      const owner = client as Primus;
      const dial: Dial = {
        link: undefined,
        credentials,
        opened() {
          if (dial.link !== undefined || subscriber.closed) return false;
          dial.link = new EventLink(() => {});
          subscriber.next(dial.link);
          return true;
        },
        failed(error) {
          if (subscriber.closed) return false;
          if (dial.link !== undefined) return dial.link.ended(asError(error));
          const over = dials.get(owner) !== dial;
          dials.delete(owner);
          if (!over) subscriber.error(new LinkError('ERR_PRIMUS_CONNECT', asError(error).message, { cause: error }));
          return !over;
        },
      };
      dials.set(owner, dial);
      // A transformer that listens for `outgoing::reconnect` dials already, and must not dial twice.
      const { state } = owner;
      const again = state.name === 'connecting' && state.attempt !== null;
      if (!again || owner.listenerCount('outgoing::reconnect') === 0) dialled(owner.socket);
      return () => {
        if (dials.get(owner) === dial && dial.link === undefined) dials.delete(owner);
      };
    });
  return { connect };
}
