import type { Platform } from '../../client/platform/platform.js';
import { lazy } from '../../src/core/load-framework.js';
import type { ClientTransformer, Target } from '../../src/core/transformer.js';
import { dialOverHttp } from '../shared/client/http-dial.js';
import type { SockJSConstructor } from './client/framework.js';
import { SockJSLink } from './client/link.js';
import type { SockJSClientTransport } from './options.js';

/** Time-out of each transport, in ms. The framework's own rule gives one up after a stall of half a second. */
const TRANSPORT_TIMEOUT = 2_000;

/** The limit of bytes in a frame of the framework beside one message: the server collects the messages that it sends meanwhile. */
const GATHERED = 1_048_576;

/** Creates the client: it uses the first transport that works. The framework is loaded once, when it is first needed. */
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
  const names = websockets ? transports : [transports ?? WITHOUT_WEBSOCKET].flat().filter((name) => name !== 'websocket');
  return { timeout: TRANSPORT_TIMEOUT, ...rest, ...(names && { transports: names }), transportOptions: { ...transportOptions, websocket } };
}

const WITHOUT_WEBSOCKET = ['xhr-streaming', 'eventsource', 'xhr-polling'] as const satisfies SockJSClientTransport['transports'];
