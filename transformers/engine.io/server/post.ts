import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Transport } from 'engine.io';
import { tooLong } from '../../../src/core/close-reasons.js';
import type { Host } from '../../../src/server/http/host.js';
import { reject } from '../../../src/server/http/reject.js';
import type { BodyBuffer } from '../../shared/server/body-buffer.js';
import { readBody } from '../../shared/server/read-body.js';

/** The part of a transport by polling that is used; it is missing from the types. */
interface Polling {
  dataReq: IncomingMessage | null;
  onDataRequest(request: IncomingMessage, response: ServerResponse): void;
  onError(reason: string): void;
}

/** How a transport reads bodies. */
export interface BodyLimits {
  /** The longest body, in bytes. */
  readonly limit: number;
  /** Ends the session. */
  terminate(): void;
}

/**
 * Makes a transport by polling get the body of a request with data at once. The engine would join its chunks: that takes several times the
 * memory.
 */
export function readBodies(transport: Transport, host: Pick<Host, 'maxLength' | 'memory'>, { limit, terminate }: BodyLimits): void {
  const polling = transport as unknown as Polling;
  const { onDataRequest } = polling;
  polling.onDataRequest = (request, response) => {
    if (polling.dataReq) return onDataRequest.call(polling, request, response);
    // The engine aborts it when the session ends.
    polling.dataReq = request;
    const aborted = () => {
      polling.dataReq = null;
      polling.onError('data request connection closed prematurely');
    };
    request.once('close', aborted);
    readBody({ kind: 'request', request, response }, host, {
      limit,
      terminate,
      done(body) {
        request.removeListener('close', aborted);
        polling.dataReq = null;
        if (body === null) {
          reject(response, { status: 413, message: tooLong(host.maxLength), headers: { Connection: 'close' } });
          return;
        }
        onDataRequest.call(polling, withBody(request, body), response);
      },
    });
  };
}

/**
 * Creates a request for the engine that emits its body as soon as the engine listens to its end, after which nothing else happens: as a string if
 * the engine has set an encoding, which versions before 6.6.13 do.
 */
function withBody(request: IncomingMessage, body: BodyBuffer): IncomingMessage {
  let isString = false;
  let data: ((chunk: string | Buffer) => void) | undefined;
  const alias: IncomingMessage = Object.create(request, {
    setEncoding: {
      value: () => {
        isString = true;
        return alias;
      },
    },
    removeListener: { value: () => alias },
    on: {
      value(event: string, listener: (chunk?: string | Buffer) => void) {
        if (event === 'data') data = listener;
        else if (event === 'end') {
          const chunk = isString ? body.bytes().toString() : Buffer.from(body.bytes());
          body.release();
          data?.(chunk);
          listener();
        }
        return alias;
      },
    },
  });
  return alias;
}
