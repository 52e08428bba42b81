import { Script } from 'node:vm';
import { PrimusError } from '../core/errors.js';

/** The ways to make an expression of the source of a function: one for functions and arrows, one for methods. */
const FORMS: readonly ((text: string) => string)[] = [
  (text) => `(${text})`,
  (text) => `(function (object) { return object[Object.keys(object)[0]]; })({ ${text} })`,
];

/**
 * Returns the source of a function as an expression. The variables around the function are not a part of it.
 *
 * @throws ERR_PRIMUS_PLUGIN when the function has no source
 */
export function sourceOf(fn: unknown, what: string): string {
  const text = Function.prototype.toString.call(fn);
  const form = FORMS.find((candidate) => compiles(candidate(text)));
  if (form !== undefined) return form(text);
  throw new PrimusError(
    'ERR_PRIMUS_PLUGIN',
    `${what} cannot be sent to clients, as a bound or native function has no source. Pass a plain function`,
  );
}

function compiles(source: string): boolean {
  try {
    new Script(source);
    return true;
  } catch {
    return false;
  }
}
