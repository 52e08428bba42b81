/** Somebody in the room. */
export interface Person {
  who: string;
  name: string;
}

/** A message as everybody sees it. `at` is its time and its place: strictly increasing, in ms since the epoch. */
export interface Said extends Person {
  id: string;
  text: string;
  at: number;
}

/** What a page may ask for. */
export type FromPage =
  /** `id` is the page's own: a message that arrives twice is one message. */
  { type: 'say'; id: string; text: string } | { type: 'rename'; name: string } | { type: 'cut' };

/** What a page is told. */
export type ToPage =
  | { type: 'welcome'; who: string; history: readonly Said[] }
  | ({ type: 'said' } & Said)
  | { type: 'people'; people: readonly Person[] }
  /** Not just off the line: gone. */
  | { type: 'went'; who: string }
  | { type: 'latency'; ms: number }
  /** Sent under `npm run dev` only: a page that gets another id than before is out of date. */
  | { type: 'build'; id: string };

export const LIMITS = { text: 1000, name: 24, id: 64 };

/** What of a page's message is understood; anything else is nothing, and nobody has to check twice. */
export function read(data: unknown): FromPage | undefined {
  const { type, id, text, name } = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>;
  if (type === 'cut') return { type };
  if (type === 'rename') return { type, name: nameOf(name) };
  if (type !== 'say' || typeof id !== 'string' || id === '' || id.length > LIMITS.id) return undefined;
  const words = tidy(text, LIMITS.text);
  return words === '' ? undefined : { type, id, text: words };
}

/** A name to show, whatever was given. */
export function nameOf(value: unknown): string {
  return tidy(value, LIMITS.name).replace(/\s+/g, ' ') || 'Somebody';
}

/** Text without what cannot be seen and without half characters, no longer than it may be. */
function tidy(value: unknown, limit: number): string {
  if (typeof value !== 'string') return '';
  // `\p{C}` has control, format and unassigned characters; joiners stay, for emoji and the scripts that need them.
  const seen = value.slice(0, limit).replace(/[^\P{C}\n\u200c\u200d]/gu, '');
  return seen.trim();
}
