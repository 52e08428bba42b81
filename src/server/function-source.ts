import { Script } from 'node:vm';
import { PrimusError } from '../core/errors.js';

/** Ways to write what `toString()` gives as an expression: a function or an arrow as it stands, a method in an object. */
const FORMS: readonly ((text: string) => string)[] = [
  (text) => `(${text})`,
  (text) => `(function (object) { return object[Object.keys(object)[0]]; })({ ${text} })`,
];

/** A function as an expression in JavaScript. What it refers to outside itself is lost. */
export function sourceOf(fn: unknown, what: string): string {
  const text = Function.prototype.toString.call(fn);
  const form = FORMS.find((candidate) => compiles(candidate(text)));
  if (form !== undefined) return form(text);
  throw new PrimusError('ERR_PRIMUS_PLUGIN', `${what} cannot be sent to clients: it has no source (a bound or native function has none)`);
}

function compiles(source: string): boolean {
  try {
    new Script(source);
    return true;
  } catch {
    return false;
  }
}
