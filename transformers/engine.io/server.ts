import type { ServerOptions } from 'engine.io';
import { map, merge } from 'rxjs';
import { type WebSocket, WebSocketServer, type ServerOptions as WebSocketServerOptions } from 'ws';
import { tooLong } from '../../src/core/close-reasons.js';
import { loadFramework } from '../../src/core/load-framework.js';
import { packageRequire } from '../../src/core/package-require.js';
import type { Host, NodeTransformer } from '../../src/server/http/host.js';
import { CLOSE_TIMEOUT } from '../shared/link-base.js';
import { NO_CONTEXT } from '../shared/ws/deflate.js';
import { MAX_FRAGMENTS } from '../shared/ws/fragments.js';
import { gatherFrames } from '../shared/ws/gathered-frames.js';
import { ServerWebSocket } from '../shared/ws/socket.js';
import type { EngineIOServerTransport } from './options.js';
import { EngineEndpoint } from './server/endpoint.js';
import { EngineLink } from './server/link.js';

export const server: NodeTransformer = {
  listen(host) {
    const { Server } = loadFramework<typeof import('engine.io')>(packageRequire, 'engine.io', '^6.6.7');
    const engine = new Server(settings(host, host.maxLength));
    const endpoint = new EngineEndpoint(host, engine, (socket) => new EngineLink(socket, host));
    return merge(endpoint.opened$.pipe(map((link) => endpoint.arrival(link))), endpoint.served$);
  },
};

/** Returns the engine's options. A packet of `longest` bytes passes, by whatever transport. */
export function settings({ compression, maxLength, transport }: Host, longest: number): ServerOptions {
  // CORS is the business of our middleware.
  const { sessions: _, cors: __, ...given } = transport as EngineIOServerTransport & { cors?: unknown };
  class EngineWebSocket extends ServerWebSocket {
    override setSocket(...args: Parameters<ServerWebSocket['setSocket']>): void {
      super.setSocket(...args);
      gatherFrames(this._sender);
    }

    /** The first listener for messages is that of the engine: it calls `toString()` of a long text, whose bytes are freed as soon as there is a string. */
    override on(event: string | symbol, listener: Parameters<ServerWebSocket['on']>[1]): this {
      const isEngine = event === 'message' && this.listenerCount('message') === 0;
      return super.on(event, isEngine ? withText(listener) : listener);
    }

    // A packet may be longer than its message.
    override get tooLong(): string {
      return tooLong(maxLength);
    }
  }
  return {
    perMessageDeflate: compression && NO_CONTEXT,
    httpCompression: compression && { threshold: 1024 },
    // A WebSocket has a limit of its own: over HTTP a packet may be in base64, which is longer.
    wsEngine: class extends WebSocketServer {
      constructor(options: WebSocketServerOptions) {
        super({
          ...options,
          maxPayload: longest + 1,
          closeTimeout: CLOSE_TIMEOUT,
          maxFragments: MAX_FRAGMENTS,
          maxBufferedChunks: 0,
          WebSocket: EngineWebSocket,
        } as WebSocketServerOptions);
      }

      // The engine listens to a new session later in this turn, and would lose what came with the request. The link reads on.
      override handleUpgrade(...[request, socket, head, upgraded]: Parameters<WebSocketServer['handleUpgrade']>): void {
        super.handleUpgrade(request, socket, head, (webSocket, ...rest) => {
          if (!(request as { _query?: { sid?: string } })._query?.sid) webSocket.pause();
          // It has no link until it has taken over from the polls, and sends only a probe before that.
          else
            (webSocket as ServerWebSocket)._receiver.link = {
              incomplete: 0,
              reportIncomplete: (bytes) => bytes > 0 && webSocket.terminate(),
            };
          upgraded(webSocket, ...rest);
        });
      }
    },
    ...given,
    maxHttpBufferSize: Math.ceil(longest / 3) * 4 + 2,
  };
}

type MessageListener = (this: WebSocket, data: Buffer | string, isBinary: boolean) => void;

function withText(listener: MessageListener): MessageListener {
  return function (data, isBinary) {
    listener.call(this, isBinary ? data : (this as ServerWebSocket).decode(data as Buffer), isBinary);
  };
}
