/** The value of each character, by its code. */
const VALUES = new Uint8Array(128).fill(64);
for (const [value, character] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries())
  VALUES[character.charCodeAt(0)] = value;

/**
 * Decodes base64, with padding or without.
 *
 * @throws TypeError when it is not base64
 */
export function decodeBase64(text: unknown): Uint8Array {
  if (typeof text !== 'string') throw new TypeError('Bytes must be base64');
  const length = text.length - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let bits = 0;
  let count = 0;
  for (let from = 0, to = 0; from < length; from++) {
    const value = VALUES[text.charCodeAt(from)] ?? 64;
    if (value === 64) throw new TypeError('Bytes must be base64');
    bits = (bits << 6) | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[to++] = bits >> count;
    }
  }
  return bytes;
}
