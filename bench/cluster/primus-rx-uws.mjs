// The same with the engine of uWebSockets.js.
import { serve as serveWith, wire } from './primus-rx.mjs';

export { wire };

export const serve = (server, redisUrl) => serveWith(server, redisUrl, 'uws');
