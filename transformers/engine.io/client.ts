import type { SocketOptions } from 'engine.io-client';
import { Observable, type Subscriber } from 'rxjs';
import type { Platform } from '../../client/platform/platform.js';
import { PrimusError } from '../../src/core/errors.js';
import type { Link } from '../../src/core/link.js';
import { lazy } from '../../src/core/load-framework.js';
import type { ClientTransformer, Target } from '../../src/core/transformer.js';
import { Dial } from './client/dial.js';
import { EngineLink } from './client/link.js';
import { bindTransports, type Framework, type Transports } from './client/transports.js';
import type { EngineIOClientTransport } from './options.js';

/** Creates the client: it polls, then upgrades where it can. */
export function client(framework: () => Framework): ClientTransformer<Platform> {
  return onEngine(framework, ({ Socket }, implement, target, subscriber) => {
    const dial = new Dial(target, target.maxLength);
    const socket = new Socket(engineOptions(target, dial, implement));
    const link = new EngineLink(socket, dial);
    socket.on('open', () => dial.opened(link, subscriber));
    return dial.watch(link, subscriber, socket);
  });
}

/** Creates a client whose connections stand on the engine. The framework is loaded once, when it is first needed. */
export function onEngine<F extends Omit<Framework, 'Socket'>>(
  framework: () => F,
  dial: (framework: F, implement: Transports, target: Target<Platform>, subscriber: Subscriber<Link>) => () => void,
): ClientTransformer<Platform> {
  const load = lazy(() => {
    const loaded = framework();
    return { loaded, implement: bindTransports(loaded) };
  });
  return {
    load,
    connect(target) {
      return new Observable((subscriber) => {
        const { loaded, implement } = load();
        return dial(loaded, implement, target, subscriber);
      });
    },
  };
}

/**
 * Returns the engine's options for the address and options of a client.
 * @throws ERR_PRIMUS_URL
 */
export function engineOptions(
  { url, transport, headers, websockets, compression }: Target<Platform>,
  dial: Dial,
  implement: Transports,
): SocketOptions {
  const { protocol, hostname, port, pathname, username, password } = new URL(url);
  if (!/^(http|ws)s?:$/.test(protocol)) {
    throw new PrimusError('ERR_PRIMUS_URL', `The address must be http://host:port, got ${protocol}`);
  }
  const secure = /s:$/.test(protocol);
  const { transports: names = ['polling', 'websocket', 'webtransport'], extraHeaders, ...given } = transport as EngineIOClientTransport;
  const credentials = username && { Authorization: `Basic ${btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)}` };
  return {
    perMessageDeflate: compression,
    agent: dial.agent(secure),
    ...given,
    extraHeaders: { ...credentials, ...extraHeaders, ...headers },
    secure,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: port || (secure ? '443' : '80'),
    // The engine adds the slash that makes it /primus/.
    path: pathname,
    transportImplementations: names.filter((name) => websockets || name !== 'websocket').map((name) => implement[name]),
    dial,
  } as unknown as SocketOptions;
}
