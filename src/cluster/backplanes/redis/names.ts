/** The channel and the keys of a topic. In a Redis Cluster they are in one slot, by the name of the topic in braces. */
export function channelOf(prefix: string, topic: string): string {
  // A brace within the name would end it.
  return `${prefix}{${topic.replace(/[%}]/g, encodeURIComponent)}}`;
}

/** The key of the state of a topic's history. */
export function stateKey(channel: string): string {
  return `${channel}:state`;
}

/** The key of the entries of a topic's history. */
export function entriesKey(channel: string): string {
  return `${channel}:entries`;
}

/** The number of slots of a Redis Cluster. */
const SLOTS = 16_384;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0);
  return crc;
});

/** The slot of a channel that `channelOf` has returned: the CRC16 (XMODEM) of what is in its braces. */
export function slotOf(channel: string): number {
  let crc = 0;
  for (const byte of Buffer.from(channel.slice(channel.indexOf('{') + 1, channel.indexOf('}')))) {
    crc = ((crc << 8) ^ (TABLE[((crc >> 8) ^ byte) & 0xff] as number)) & 0xffff;
  }
  return crc % SLOTS;
}
