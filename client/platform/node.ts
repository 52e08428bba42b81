import { Agent, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { Stream } from 'node:stream';
import { asyncScheduler, NEVER } from 'rxjs';
import WebSocket, { type ClientOptions } from 'ws';
import { refused as refusedWith } from '../../src/core/close-reasons.js';
import { asError, LinkError } from '../../src/core/errors.js';
import { Emitter } from '../emitter.js';
import type { Platform, WebSocketLike } from './platform.js';

// In Node a client is a Stream, as documented: `pipe` works, and `instanceof Stream` holds.
Object.setPrototypeOf(Emitter.prototype, Stream.prototype);

/** How long the peer may take to answer a close frame, in ms, before the connection is terminated. */
const CLOSE_TIMEOUT = 2_000;

/** How much of a rejection's body is read for its message, in bytes. */
const BODY_LIMIT = 16_384;

/** The functions to call when the process exits. One listener of the process serves all clients. */
const exiting = new Set<() => void>();

/** Node.js. */
export const node: Platform = {
  webSocket(url, { maxLength, compression, transport, headers }) {
    const given = transport as ClientOptions;
    const options = {
      perMessageDeflate: compression,
      closeTimeout: CLOSE_TIMEOUT,
      ...given,
      headers: { ...given.headers, ...headers },
      maxPayload: maxLength,
    };
    return new WebSocket(url, options as ClientOptions) as unknown as WebSocketLike;
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
      exiting.delete(flush);
      if (exiting.size === 0) process.off('exit', exit);
    };
  },
  network$: NEVER,
  origin: undefined,
  scheduler: asyncScheduler,
  random: Math.random,
  report: (error) => process.emitWarning(error instanceof Error ? error : String(error), 'PrimusListenerWarning'),
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
  const error = await messageOf(response);
  const { 'retry-after': retry, 'www-authenticate': authenticate } = response.headers;
  const after = Number(retry);
  return refusedWith(response.statusCode ?? 0, { error, authenticate, retryAfter: after > 0 ? after * 1000 : undefined });
}

/** The `error` of a JSON body, if it is one and not too long. */
async function messageOf(response: IncomingMessage): Promise<string | undefined> {
  try {
    let body = '';
    for await (const chunk of response) {
      body += String(chunk);
      if (body.length > BODY_LIMIT) return undefined;
    }
    const { error } = JSON.parse(body) as { error?: unknown };
    return error === undefined || typeof error === 'string' ? error : JSON.stringify(error);
  } catch {
    return undefined;
  }
}
