import type { Platform } from '../../client/platform/platform.js';
import type { ClientTransformer } from '../../src/core/transformer.js';
import { dialWebSocket } from '../shared/client/websocket-link.js';

/** Connects with the native WebSocket in browsers, with ws in Node.js: the engine is for servers only. */
export const client: ClientTransformer<Platform> = { protocol: 'ws', connect: dialWebSocket };
