import { type Duration, milliseconds } from '../../core/options.js';
import { authorization } from './authorization.js';
import { cors } from './cors.js';
import { forwarded } from './forwarded.js';
import { noCache, xXss } from './headers.js';
import type { MiddlewareFactory } from './layers.js';
import { primusJs } from './primus-js.js';
import { spec } from './spec.js';

/** Returns the layers that a server begins with, in the documented order. */
export function defaultLayers({ authorizationTimeout: limit }: { authorizationTimeout: Duration | false }): [string, MiddlewareFactory][] {
  const deadline = limit === false ? undefined : milliseconds(limit, 'authorizationTimeout');
  return Object.entries({
    forwarded,
    cors,
    'primus.js': primusJs,
    spec,
    'x-xss': xXss,
    'no-cache': noCache,
    authorization: authorization(deadline),
  });
}
