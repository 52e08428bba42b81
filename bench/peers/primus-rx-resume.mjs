// This package, built, with sessions: each client has asked for one.
import * as peer from './primus-rx.mjs';

export { wrap } from './primus-rx.mjs';

// The first frame has the token of the session.
export const wire = { path: '/primus/?_primus_session=0', greetings: 1, hasSession: true };

export const serve = (server, app) => peer.serve(server, app, { resume: true });
