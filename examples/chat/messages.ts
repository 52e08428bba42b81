/** A person in the room. */
export interface Person {
  who: string;
  name: string;
}

/** A message as all pages get it. `at` is its time, in ms since the epoch, and its position: it strictly increases. */
export interface Said extends Person {
  id: string;
  text: string;
  at: number;
}

/** A message from a page. */
export type FromPage =
  /** `id` is chosen by the page: two messages with one id are one message. */
  { type: 'say'; id: string; text: string } | { type: 'rename'; name: string };

/** A message to a page. */
export type ToPage =
  /** `window`: how long the page may be away and still resume its session, in ms. */
  | { type: 'welcome'; who: string; history: readonly Said[]; window: number }
  | ({ type: 'said' } & Said)
  | { type: 'people'; people: readonly Person[] }
  /** The person did not reconnect in time. */
  | { type: 'left'; who: string }
  | { type: 'latency'; ms: number }
  /** Sent under `npm run dev` only: a page that gets another id than before is out of date. */
  | { type: 'build'; id: string };

export const LIMITS = { text: 1000, name: 24, id: 64 };

/** Validates a message from a page. Returns `undefined` for anything that is not one. */
export function read(data: unknown): FromPage | undefined {
  const { type, id, text, name } = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>;
  if (type === 'rename') return { type, name: nameOf(name) };
  if (type !== 'say' || typeof id !== 'string' || id === '' || id.length > LIMITS.id) return undefined;
  const words = tidy(text, LIMITS.text);
  return words === '' ? undefined : { type, id, text: words };
}

/** The name to show for any value. */
export function nameOf(value: unknown): string {
  return tidy(value, LIMITS.name).replace(/\s+/g, ' ') || 'Anonymous';
}

/** Removes invisible and half characters, and shortens the text to the limit. */
function tidy(value: unknown, limit: number): string {
  if (typeof value !== 'string') return '';
  // `\p{C}` has control, format and unassigned characters; joiners stay, for emoji and the scripts that need them.
  const seen = value.slice(0, limit).replace(/[^\P{C}\n\u200c\u200d]/gu, '');
  return seen.trim();
}
