// The public members of an object, its prototypes included, as a program sees them.
import { EventEmitter } from 'node:events';
import { Stream } from 'node:stream';

/** Members of Node's emitters: of these only the names count. */
const NODE = new Set([...Object.getOwnPropertyNames(EventEmitter.prototype), ...Object.getOwnPropertyNames(Stream.prototype)]);
/** Members of every object and function, and the state of Node's emitters. */
const COMMON = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  ...['prototype', 'arguments', 'caller', 'apply', 'bind', 'call', '_events', '_eventsCount', '_maxListeners', 'domain'],
]);
/** Values that are different each time, or with each package. */
const VOLATILE = new Set(['id', 'version', 'host', 'port', 'href', 'origin', 'query', 'name']);

/**
 * A member: its type, its value where that is always the same, the number of parameters of a function, and whether `for … in` finds it and
 * an assignment changes it.
 * @typedef {{ type: string; value?: string; length?: number; enumerable: boolean; assignable: boolean }} Member
 */

/** The type of a value, with words for the objects that `typeof` cannot tell apart. */
export function typeOf(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Error) return 'error';
  return typeof value === 'object' && Object.getPrototypeOf(value) === null ? 'dictionary' : typeof value;
}

/** Prints a value that options can have. */
export function print(value) {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(print).join(', ')}]`;
  return ['object', 'dictionary', 'function', 'error'].includes(typeOf(value)) ? typeOf(value) : String(value);
}

function descriptorOf(object, name) {
  for (let at = object; at !== null; at = Object.getPrototypeOf(at)) {
    const descriptor = Object.getOwnPropertyDescriptor(at, name);
    if (descriptor !== undefined) return descriptor;
  }
  return undefined;
}

/** Where the chain of prototypes is left: behind them there is nothing that a package adds. */
const ROOTS = new Set([null, Object.prototype, Function.prototype, EventEmitter, Stream]);

/** @returns {Record<string, Member>} */
export function membersOf(object) {
  const names = new Set();
  for (let at = object; !ROOTS.has(at); at = Object.getPrototypeOf(at))
    for (const name of Object.getOwnPropertyNames(at)) {
      const ofFunction = typeof at === 'function' && ['length', 'name'].includes(name);
      if (!ofFunction && !COMMON.has(name) && !NODE.has(name)) names.add(name);
    }
  return Object.fromEntries([...names].sort().map((name) => [name, memberOf(object, name)]));
}

function memberOf(object, name) {
  const { enumerable, writable, set } = descriptorOf(object, name);
  const value = object[name];
  const type = typeOf(value);
  const member = { type };
  if (type === 'function') member.length = value.length;
  // A long string is source, which the table must not copy.
  else if (!VOLATILE.has(name) && Object(value) !== value && String(value).length < 50) member.value = print(value);
  return { ...member, enumerable, assignable: writable ?? set !== undefined };
}

/** The names of the members of Node's emitters that an object has. */
export function emitterNames(object) {
  return [...NODE].filter((name) => !COMMON.has(name) && !name.startsWith('_') && typeof object[name] === 'function').sort();
}
