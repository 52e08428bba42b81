// This package, built, on uWebSockets.js.
import * as peer from './primus-rx.mjs';

export { wire, wrap } from './primus-rx.mjs';

export const serve = (server, app) => peer.serve(server, app, { transformer: 'uws' });
