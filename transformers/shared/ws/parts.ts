import type { Duplex } from 'node:stream';

/** Prints neighbours into one buffer, except for long items, whose bytes `long` returns, and which stay as they are. */
export function joinShort<Item>(
  items: readonly Item[],
  long: (item: Item) => Buffer | undefined,
  print: (short: readonly Item[]) => Buffer,
): Buffer[] {
  const joined: Buffer[] = [];
  let begin = 0;
  for (let index = 0; index < items.length; index++) {
    const bytes = long(items[index] as Item);
    if (bytes === undefined) continue;
    if (begin < index) joined.push(print(items.slice(begin, index)));
    joined.push(bytes);
    begin = index + 1;
  }
  if (begin < items.length) joined.push(print(begin === 0 ? items : items.slice(begin)));
  return joined;
}

/** Writes parts to a socket in one write, and calls back when they were written. */
export function writeTogether(socket: Duplex, parts: readonly Buffer[], written?: (error?: Error | null) => void): void {
  const last = parts.length - 1;
  if (last > 0) socket.cork();
  for (let index = 0; index < last; index++) socket.write(parts[index]);
  socket.write(parts[last], written);
  if (last > 0) socket.uncork();
}
