import type { Platform } from '../../client/platform.js';
import { dialWebSocket } from '../../client/websocket-link.js';
import type { ClientTransformer } from '../../src/core/transformer.js';

/** The native WebSocket in browsers, ws in Node: the same on the wire as faye-websocket's own client. */
export const client: ClientTransformer<Platform> = { protocol: 'ws', connect: dialWebSocket };
