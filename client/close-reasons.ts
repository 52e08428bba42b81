import { ACCEPTED, CLOSE_BASE, type CloseReason, REFUSED, refused as refusedWith } from '../src/core/close-reasons.js';
import type { Platform, WebSocketLike } from './platform/platform.js';

/**
 * Returns a platform whose WebSockets learn why a server with `refuseWithClose` refuses them, which a page cannot know otherwise
 * (the protocol is in `src/core/close-reasons.ts`). Do not use it with other servers: a page fails a WebSocket when the server selects none of its subprotocols.
 *
 * @example
 * ```ts
 * import { configure, Primus, platform, withCloseReasons } from 'primus-rx/client';
 *
 * const Client = configure({ ...Primus.parts, platform: withCloseReasons(platform) });
 * ```
 */
export function withCloseReasons(platform: Platform, dial: (url: string, protocols: string[]) => WebSocketLike = dialPage): Platform {
  return {
    ...platform,
    webSocket: (url) => dial(url, [ACCEPTED, REFUSED]),
    refusal(socket, refused) {
      const { onopen, onclose } = socket;
      socket.onopen = (event) => {
        // A refused connection opens only to receive the reason.
        if (socket.protocol !== REFUSED) onopen?.(event);
      };
      socket.onclose = (event) => {
        if (socket.protocol === REFUSED && event.code > CLOSE_BASE) refused(refusedWith(event.code - CLOSE_BASE, parse(event.reason)));
        onclose?.(event);
      };
    },
  };
}

function dialPage(url: string, protocols: string[]): WebSocketLike {
  return new WebSocket(url, protocols) as WebSocketLike;
}

function parse(reason: string): CloseReason {
  try {
    return JSON.parse(reason);
  } catch {
    return {};
  }
}
