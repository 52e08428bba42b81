/** Fewer bytes than this are not reported. */
export const MANY = 65_536;

/** A link whose framework collects the bytes of a message until it is complete. */
export interface ReceivingLink {
  /** The bytes of an incomplete message that were reported last. */
  incomplete: number;
  /** Takes the number of bytes that have arrived of an incomplete message, where it is large; 0 when it is complete. */
  reportIncomplete(bytes: number): void;
  /** Sends what was written while bytes were read. */
  flush?(): void;
}

/** Reports to a link how many bytes its framework has collected of a message, unless they are few, and were before. */
export function reportIncomplete(link: ReceivingLink, bytes: number): void {
  if (bytes < MANY && link.incomplete === 0) return;
  link.incomplete = bytes < MANY ? 0 : bytes;
  link.reportIncomplete(link.incomplete);
}
