import type { TransportCtor } from 'engine.io-client';
import type { WebSocketLike } from '../../../client/platform/platform.js';
import type { Dial } from './dial.js';

/** The engine's transports, by their names. */
export type Transports = Record<'polling' | 'websocket' | 'webtransport', TransportCtor>;

/** The part of engine.io-client that is used. Its build for browsers has their polling under the same name. */
export type Framework = Pick<typeof import('engine.io-client'), 'Socket' | 'NodeXHR' | 'WebSocket' | 'WebTransport'>;

/**
 * Binds the engine's transports to our platform: the platform creates WebSockets, a poll waits while the link is paused, and
 * the query of the address stays as it was written (the engine would drop repeated keys).
 */
export function bindTransports({ NodeXHR, WebSocket, WebTransport }: Omit<Framework, 'Socket'>): Transports {
  const dialOf = (transport: unknown) => (transport as { opts: { dial: Dial } }).opts.dial;
  const withSearch = (transport: unknown, uri: string) => {
    const { search } = dialOf(transport);
    // Not a string: it could have a pattern of replacements in it.
    return search ? uri.replace('?', () => `?${search}&`) : uri;
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
      const socket = target.platform.webSocket(uri, { ...target, transport: { ...transport, maxPayload } });
      // Rejecting an upgrade is no failure: the engine goes on polling.
      if (this.socket.readyState === 'opening') target.platform.refusal?.(socket, (error) => dial.rejected?.(error));
      dial.websocket = socket;
      return socket;
    }
  }

  return { polling: Polling, websocket: Native, webtransport: WebTransport };
}
