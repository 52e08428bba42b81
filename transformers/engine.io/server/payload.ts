import type { ServerResponse } from 'node:http';
import type { Transport } from 'engine.io';
import { inSlices } from '../../../src/server/in-slices.js';

const SEPARATOR = '\u001e';

interface Packet {
  type: string;
  data?: unknown;
}

interface Parser {
  decodePacket(packet: string): Packet;
}

/** The part of a transport by polling that is used; it is missing from the types. */
interface Polling {
  parser: Parser;
}

/** The session to which the payloads belong. */
interface Reader {
  /** Whether packets are accepted now. */
  readonly reads: boolean;
  /** Whether packets will never be accepted any more. */
  readonly closed: boolean;
  /** The response to the request that is being read. */
  readonly response: ServerResponse | undefined;
  /** Calls `proceed` when packets are accepted again, or never will be. */
  wait(proceed: () => void): void;
}

/**
 * Makes a transport hand the packets of a payload over in slices of time, and not while its session is paused: a payload may have millions.
 * The answer follows behind the last one, so that no data overtakes it.
 */
export function readInSlices(transport: Transport, reader: Reader): void {
  const polling = transport as unknown as Polling;
  const { parser } = polling;
  const decode = (payload: string, handle: (packet: Packet) => void): void => {
    const packets = packetsOf(payload);
    let finished = false;
    let answer: (() => void) | undefined;
    function* accepted(): Generator<string> {
      while (reader.reads) {
        const { done, value } = packets.next();
        if (done) {
          finished = true;
          return;
        }
        yield value;
      }
    }
    const read = (): void =>
      inSlices(accepted(), (packet) => handle(parser.decodePacket(packet)), {
        done: () => {
          if (!finished && !reader.closed) return reader.wait(read);
          finished = true;
          answer?.();
        },
      });
    read();
    if (!finished && reader.response) answer = delayEnd(reader.response);
  };
  const decodePayload = (payload: string) => ({ forEach: (handle: (packet: Packet) => void) => decode(payload, handle) });
  polling.parser = Object.create(parser, { decodePayload: { value: decodePayload } }) as Parser;
}

function* packetsOf(payload: string): Generator<string, undefined> {
  let start = 0;
  let end = payload.indexOf(SEPARATOR);
  while (end !== -1) {
    yield payload.slice(start, end);
    start = end + 1;
    end = payload.indexOf(SEPARATOR, start);
  }
  yield payload.slice(start);
  return undefined;
}

/** Delays the end of a response. Returns the function to call in its place. */
function delayEnd(response: ServerResponse): () => void {
  const { end } = response;
  let delayed: Parameters<typeof end> | undefined;
  response.end = ((...args: Parameters<typeof end>) => {
    delayed = args;
    return response;
  }) as typeof end;
  return () => {
    response.end = end;
    if (delayed !== undefined) end.apply(response, delayed);
  };
}
