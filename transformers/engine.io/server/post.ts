import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Transport } from 'engine.io';
import { tooLong } from '../../../src/core/close-reasons.js';
import type { Host } from '../../../src/server/http/host.js';
import { reject } from '../../../src/server/http/reject.js';
import { readBody } from '../../shared/server/read-body.js';

/** The part of a transport by polling that is used; it is missing from the types. */
interface Polling {
  maxHttpBufferSize: number;
  dataReq: IncomingMessage | null;
  onDataRequest(request: IncomingMessage, response: ServerResponse): void;
  onError(reason: string): void;
}

/**
 * Makes a transport by polling get the body of a request with data at once. The engine would join strings, each of them a chunk: that takes
 * several times the memory. `terminate` ends the session.
 */
export function readBodies(transport: Transport, host: Pick<Host, 'maxLength' | 'memory'>, terminate: () => void): void {
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
      limit: polling.maxHttpBufferSize,
      terminate,
      done(body) {
        request.removeListener('close', aborted);
        polling.dataReq = null;
        if (body === null) {
          reject(response, { status: 413, message: tooLong(host.maxLength), headers: { Connection: 'close' } });
          return;
        }
        const isBinary = request.headers['content-type'] === 'application/octet-stream';
        const data = isBinary ? Buffer.from(body.bytes()) : body.bytes().toString();
        body.release();
        onDataRequest.call(polling, withBody(request, data), response);
      },
    });
  };
}

/** Creates a request for the engine that emits its body as soon as the engine listens to its end, after which nothing else happens. */
function withBody(request: IncomingMessage, body: string | Buffer): IncomingMessage {
  let data: ((body: string | Buffer) => void) | undefined;
  const alias: IncomingMessage = Object.create(request, {
    setEncoding: { value: () => alias },
    removeListener: { value: () => alias },
    on: {
      value(event: string, listener: (body?: string | Buffer) => void) {
        if (event === 'data') data = listener;
        else if (event === 'end') {
          data?.(body);
          listener();
        }
        return alias;
      },
    },
  });
  return alias;
}
