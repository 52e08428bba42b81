import { ACCEPTED, CLOSE_BASE, type CloseReason, REFUSED, refused as refusedWith } from '../src/core/close-reasons.js';
import type { Platform, WebSocketLike } from './platform/platform.js';

/**
 * A platform whose WebSockets learn why a server with `refuseWithClose` refuses them, which a page is not told otherwise
 * (the protocol is in `src/core/refusal.ts`). Not for other servers: a page gives up a WebSocket for which none of the subprotocols it offers is taken.
 */
export function withCloseReasons(platform: Platform, dial: (url: string, protocols: string[]) => WebSocketLike = dialPage): Platform {
  return {
    ...platform,
    webSocket: (url) => dial(url, [ACCEPTED, REFUSED]),
    refusal(socket, refused) {
      const { onopen, onclose } = socket;
      socket.onopen = (event) => {
        // One that is open only to be told that it is refused is not.
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
