import type { TransportCtor } from 'engine.io-client';
import type { WebSocketLike } from '../../../client/platform/platform.js';
import type { Dial } from './dial.js';

/** The engine's transports, by their names. */
export type Transports = Record<'polling' | 'websocket' | 'webtransport', TransportCtor>;

/** What is used of engine.io-client; its browser form has a browser's polling under the same name. */
export type Framework = Pick<typeof import('engine.io-client'), 'Socket' | 'NodeXHR' | 'WebSocket' | 'WebTransport'>;

/**
 * The engine's transports, bound to our platform: WebSockets are made by it, a poll waits while the link is paused, and
 * the query of the address stays as it was written (the engine would lose keys that are repeated).
 */
export function transports({ NodeXHR, WebSocket, WebTransport }: Omit<Framework, 'Socket'>): Transports {
  const dialOf = (transport: unknown) => (transport as { opts: { dial: Dial } }).opts.dial;
  const withSearch = (transport: unknown, uri: string) => {
    const { search } = dialOf(transport);
    return search ? uri.replace('?', `?${search}&`) : uri;
  };

  class Polling extends NodeXHR {
    protected override createUri(schema: string, query?: Record<string, unknown>): string {
      return withSearch(this, super.createUri(schema, query));
    }

    override doPoll(): void {
      dialOf(this).begin(() => super.doPoll());
    }

    override request(options?: Record<string, unknown>) {
      const request = super.request(options);
      dialOf(this).track(request);
      return request;
    }
  }

  class Native extends WebSocket {
    protected override createUri(schema: string, query?: Record<string, unknown>): string {
      return withSearch(this, super.createUri(schema, query));
    }

    override createSocket(uri: string, _protocols: unknown, transport: Record<string, unknown>): WebSocketLike {
      const dial = dialOf(this);
      const { target, maxPayload } = dial;
      const socket = target.platform.webSocket(uri, { ...target, transport, maxLength: maxPayload });
      // An upgrade that is refused is none of the user's business: the engine goes on polling.
      if (this.socket.readyState === 'opening') target.platform.refusal?.(socket, (error) => dial.refused?.(error));
      dial.websocket = socket;
      return socket;
    }
  }

  return { polling: Polling, websocket: Native, webtransport: WebTransport };
}
