import { callable } from '../core/callable.js';
import { PrimusError } from '../core/errors.js';

/** Defines a member that is not enumerable. Returns itself, so that calls can be chained. */
export type Define = (name: string, value: unknown, accessors?: boolean) => Define;

type Members = { readonly [name: string]: unknown };

/** A class in the form of Primus 8. */
type Constructor = (abstract new (...args: never[]) => unknown) & { readonly prototype: object };

/**
 * The static members of the constructors of Primus 8, which add members to a prototype. Unlike those of Primus 8, what they add can be
 * defined again.
 */
export interface Definitions {
  /** Adds a member that cannot be assigned; with `accessors`, `value` may be a descriptor with `get` and `set`. */
  readable: Define;
  /** Adds a member that can be assigned. */
  writable: Define;
  /** Adds a getter. */
  get(name: string, getter: () => unknown): Definitions['get'];
  /** Adds a getter and a setter. */
  set(name: string, getter: () => unknown, setter: (value: never) => void): Definitions['set'];
  /** Returns a function like `readable` for any object, with this descriptor as the pattern. */
  predefine(target: object, pattern?: PropertyDescriptor): Define;
  /** Creates a subclass with these members and static members. */
  // biome-ignore lint/suspicious/noExplicitAny: a class that is put together at run time.
  extend(members?: Members, statics?: Members): any;
}

/** Returns a function that defines members of `target` with the flags of `pattern`. */
export function predefine(target: object, pattern?: PropertyDescriptor): Define {
  const define: Define = (name, value, accessors) => {
    const descriptor = accessors ? (isDescriptor(value) ? value : { value }) : { ...pattern, value };
    Object.defineProperty(target, name, { enumerable: false, ...descriptor, configurable: true });
    return define;
  };
  return define;
}

const DESCRIPTOR = ['configurable', 'enumerable', 'get', 'set', 'value', 'writable'];

function isDescriptor(value: unknown): value is PropertyDescriptor {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  return names.length > 0 && names.every((name) => DESCRIPTOR.includes(name));
}

/** Returns the static members of a class whose members may be extended. */
export function definitions(prototype: object): Definitions {
  const readable = predefine(prototype, { writable: false });
  const own: Definitions = {
    readable,
    writable: predefine(prototype, { writable: true }),
    get(name, getter) {
      readable(name, { get: getter }, true);
      return own.get;
    },
    set(name, getter, setter) {
      readable(name, { get: getter, set: setter as (value: unknown) => void }, true);
      return own.set;
    },
    predefine,
    extend(this: Constructor, members?: Members, statics?: Members) {
      return extend(this, members ?? {}, statics ?? {});
    },
  };
  return own;
}

/** Creates a subclass that may also be called without `new`. */
function extend(Base: Constructor, members: Members, statics: Members) {
  if (Object.hasOwn(members, 'constructor'))
    throw new PrimusError(
      'ERR_PRIMUS_OPTION',
      'extend: a class of its own needs `class … extends`, as the constructor of a class cannot be replaced',
    );
  const Child = class extends (Base as new () => object) {};
  Object.assign(Child.prototype, members);
  return Object.assign(callable(Child), { ...definitions(Child.prototype), __super__: Base.prototype }, statics);
}
