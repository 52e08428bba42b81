import type { Server } from 'socket.io';

/** The part of Socket.IO's packets that is read. */
interface Packet {
  nsp: string;
  type: number;
  data?: unknown;
  id?: number;
}

/** The part of a server that is used; it is missing from the types. */
interface Encoding {
  encoder: { encode(packet: Packet): unknown[] };
}

const EVENT = 2;

/**
 * Makes a server encode a broadcast once: its sockets send the same frame, and would each print it as JSON, and keep the result until their
 * client has received it. What was encoded is kept until the end of the tick.
 */
export function shareEncoding(io: Server): void {
  const { encoder } = io as unknown as Encoding;
  const encode = encoder.encode.bind(encoder);
  let last: { nsp: string; frame: string; packets: unknown[] } | undefined;
  const forget = () => {
    last = undefined;
  };
  encoder.encode = (packet) => {
    const frame = frameIn(packet);
    if (frame === undefined) return encode(packet);
    if (last === undefined) process.nextTick(forget);
    if (last?.frame !== frame || last.nsp !== packet.nsp) last = { nsp: packet.nsp, frame, packets: encode(packet) };
    return last.packets;
  };
}

/** Returns the frame of an event that nothing but its frame makes different from others. */
function frameIn({ type, data, id }: Packet): string | undefined {
  if (type !== EVENT || id !== undefined || !Array.isArray(data) || data.length !== 2 || data[0] !== 'message') return undefined;
  return typeof data[1] === 'string' ? data[1] : undefined;
}
