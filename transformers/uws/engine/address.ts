/** Prints an address of 4 or 16 bytes as Node.js does. */
export function printAddress(bytes: Uint8Array): string {
  if (bytes.length !== 16) return bytes.join('.');
  const mapped = bytes.every((byte, index) => index >= 12 || byte === (index < 10 ? 0 : 0xff));
  if (mapped) return `::ffff:${bytes.subarray(12).join('.')}`;
  const groups = Array.from({ length: 8 }, (_, group) =>
    (((bytes[group * 2] as number) << 8) | (bytes[group * 2 + 1] as number)).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
