// The name and the key of this page, and the looks of the others.

const adjectives = ['Quiet', 'Swift', 'Amber', 'Clever', 'Gentle', 'Bright', 'Wild', 'Lucky', 'Brave', 'Misty', 'Curious', 'Merry'];
const animals = ['Otter', 'Heron', 'Lynx', 'Finch', 'Badger', 'Fox', 'Raven', 'Seal', 'Moth', 'Hare', 'Owl', 'Newt'];

export function someName() {
  return `${pick(adjectives)} ${pick(animals)}`;
}

/** A unique id. (`randomUUID` needs a secure context, which a page from another machine without TLS is not.) */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Returns the stored value, or makes one and stores it.
 * @param {Storage} storage
 * @param {string} key
 * @param {() => string} make
 */
export function stored(storage, key, make) {
  const value = storage.getItem(key) || make();
  storage.setItem(key, value);
  return value;
}

/**
 * The colour of a person, as a hue in degrees.
 * @param {string} who
 */
export function hueOf(who) {
  let hash = 0x811c9dc5;
  for (const character of who) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return ((hash >>> 4) % 24) * 15;
}

/**
 * One or two letters for a picture.
 * @param {string} name
 */
export function initials(name) {
  const words = name.split(' ').filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [name];
  return letters
    .map((word) => [...(word ?? '')][0] ?? '')
    .join('')
    .toUpperCase();
}

/** @param {string[]} list */
function pick(list) {
  return list[Math.floor(Math.random() * list.length)] ?? '';
}
