import { Agent, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { Stream } from 'node:stream';
import { asyncScheduler, NEVER } from 'rxjs';
import WebSocket, { type ClientOptions } from 'ws';
import { refused as refusedWith } from '../../src/core/close-reasons.js';
import { closeWithLimit } from '../../src/core/close-with-limit.js';
import { normalizePathname } from '../../src/core/configuration.js';
import { asError, LinkError } from '../../src/core/errors.js';
import { misspelledMessage, misspelledOptions } from '../../src/core/option-names.js';
import { check, invalid, object, scheduler } from '../../src/core/options.js';
import { Emitter } from '../emitter.js';
import { pathnameOf } from '../url.js';
import { jsonBody } from './json-body.js';
import type { Platform, WebSocketLike } from './platform.js';

// In Node a client is a Stream, as documented: `pipe` works, and `instanceof Stream` holds.
Object.setPrototypeOf(Emitter.prototype, Stream.prototype);

/** How long the peer may take to answer a close frame, in ms, before the connection is terminated. */
const CLOSE_TIMEOUT = 2_000;

/** The functions to call when the process exits. One listener of the process serves all clients. */
const exiting = new Set<() => void>();

/** Node.js. */
export const node: Platform = {
  webSocket(url, { maxLength, compression, transport, headers }) {
    const given = transport as ClientOptions;
    const options = {
      perMessageDeflate: compression,
      closeTimeout: CLOSE_TIMEOUT,
      maxPayload: maxLength,
      ...given,
      headers: { ...given.headers, ...headers },
    };
    const Limited = closeWithLimit(WebSocket, maxLength);
    return new Limited(url, options as ClientOptions) as unknown as WebSocketLike;
  },
  messages(socket, receive) {
    // `onmessage` would create an event object for each message.
    (socket as unknown as WebSocket).on('message', receive);
  },
  refusal(socket, refused) {
    const websocket = socket as unknown as WebSocket;
    websocket.on('unexpected-response', (request, response) => {
      // The user listens as well, as the documentation shows: then the response is theirs, and so is the error.
      if (websocket.listenerCount('unexpected-response') > 1) {
        websocket.once('error', (cause: unknown) => refused(refusedBy(response, cause)));
        return;
      }
      void refusalOf(response).then((error) => {
        refused(error);
        request.destroy();
      });
    });
  },
  agent: (secure) => (secure ? new SecureAgent() : new Agent()),
  onExit(flush) {
    if (exiting.size === 0) process.on('exit', exit);
    exiting.add(flush);
    return () => {
      flush();
      exiting.delete(flush);
      if (exiting.size === 0) process.off('exit', exit);
    };
  },
  inspect(options, address) {
    // Without this check `new Primus(8080)` would silently use the defaults.
    if (options) {
      check({ options }, { options: object });
      check(options, { scheduler });
    }
    const { pathname: given } = (options ?? {}) as { pathname?: unknown };
    const path = address && pathnameOf(address, undefined, '');
    if (path && path !== '/' && typeof given === 'string' && normalizePathname(given) !== path)
      throw invalid('pathname', `${path}, as in the address`, given);
    for (const option of misspelledOptions(options ?? {}))
      process.emitWarning(misspelledMessage(option), { type: 'PrimusWarning', code: 'PRIMUS_OPTION' });
  },
  network$: NEVER,
  origin: 'http://127.0.0.1',
  scheduler: asyncScheduler,
  random: Math.random,
  report: (error) => process.emitWarning(asError(error), 'PrimusListenerWarning'),
};

function exit(): void {
  for (const flush of exiting) flush();
}

/** Creates the error of a rejection that the user handles. */
function refusedBy({ statusCode: status }: IncomingMessage, cause: unknown): LinkError {
  const { message } = asError(cause);
  return new LinkError('ERR_PRIMUS_UNEXPECTED_RESPONSE', message, { status, reason: message, cause });
}

async function refusalOf(response: IncomingMessage): Promise<LinkError> {
  const { error: said } = await jsonBody(response);
  const error = said === undefined || typeof said === 'string' ? said : JSON.stringify(said);
  const { 'retry-after': retry, 'www-authenticate': authenticate } = response.headers;
  const after = Number(retry);
  return refusedWith(response.statusCode ?? 0, { error, authenticate, retryAfter: after > 0 ? after * 1000 : undefined });
}
