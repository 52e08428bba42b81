import type { Platform } from '../../client/platform.js';
import { dialWebSocket } from '../../client/websocket-link.js';
import type { ClientTransformer } from '../../src/core/transformer.js';

/** The native WebSocket in browsers, ws in Node: the engine is for servers only. */
export const client: ClientTransformer<Platform> = { protocol: 'ws', connect: dialWebSocket };
