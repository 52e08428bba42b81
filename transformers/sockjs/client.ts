import type { Platform } from '../../client/platform/platform.js';
import { lazy } from '../../src/core/load-framework.js';
import type { ClientTransformer, Target } from '../../src/core/transformer.js';
import { dialOverHttp } from '../shared/client/http-dial.js';
import type { SockJSConstructor } from './client/framework.js';
import { SockJSLink } from './client/link.js';
import type { SockJSClientTransport } from './options.js';

/** How long each way is given to open, in ms. As the framework reckons, a stall of half a second gives one up. */
const PATIENCE = 2_000;

/** What a frame of the framework may carry besides one message, in bytes: what the server gathers meanwhile. */
const GATHERED = 1_048_576;

/** The first way that works. The framework is loaded once, when it is first needed. */
export function client(framework: () => SockJSConstructor): ClientTransformer<Platform> {
  const load = lazy(framework);
  return {
    protocol: 'http',
    load,
    connect: (target) =>
      dialOverHttp(target, 'SockJS', '/info', () => new SockJSLink(new (load())(target.url, null, settings(target)), target)),
  };
}

function settings({ transport, maxLength, websockets }: Target<Platform>): SockJSClientTransport {
  const { transports, transportOptions, ...rest } = transport as SockJSClientTransport;
  const websocket = { maxLength: maxLength * 2 + GATHERED, ...transportOptions?.websocket };
  const ways = websockets ? transports : [transports ?? WITHOUT_WEBSOCKET].flat().filter((name) => name !== 'websocket');
  return { timeout: PATIENCE, ...rest, ...(ways && { transports: ways }), transportOptions: { ...transportOptions, websocket } };
}

const WITHOUT_WEBSOCKET = ['xhr-streaming', 'eventsource', 'xhr-polling'] as const satisfies SockJSClientTransport['transports'];
