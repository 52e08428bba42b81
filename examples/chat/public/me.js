// Who we are, and what others look like.

const adjectives = ['Quiet', 'Swift', 'Amber', 'Clever', 'Gentle', 'Bright', 'Wild', 'Lucky', 'Brave', 'Misty', 'Curious', 'Merry'];
const animals = ['Otter', 'Heron', 'Lynx', 'Finch', 'Badger', 'Fox', 'Raven', 'Seal', 'Moth', 'Hare', 'Owl', 'Newt'];

export function someName() {
  return `${pick(adjectives)} ${pick(animals)}`;
}

/** Unique. (`randomUUID` is not there when the page comes from another machine without TLS: a phone in the same room.) */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * What is stored under a key, or something new, which then is.
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
 * A colour of somebody's own, as a hue in degrees.
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
