// This package, built, through its streams.
import * as events from './primus-rx.mjs';

export { wire, wrap } from './primus-rx.mjs';

const subscribe = (source, next) => source.data$.subscribe(next);

export const serve = (server, app) => events.serve(server, app, { listen: subscribe });
export const connect = (port, receive) => events.connect(port, receive, subscribe);
