import { createRequire } from 'node:module';
import { createContext, runInContext } from 'node:vm';
import { codeOf } from './blocks.js';

// biome-ignore lint/suspicious/noExplicitAny: the original has no types, and the examples run with both.
export type Any = any;

const require = createRequire(import.meta.url);

/** A package whose users copy the examples: this one, as built, and 8.0.9. */
export type Name = 'primus-rx' | 'primus';

export const packages: readonly Name[] = ['primus-rx', 'primus'];

export function load(name: Name): Any {
  return require(name);
}

/** A program that consists of examples and of what they leave to their reader: a script in sloppy mode with `require`. */
export class Program {
  /** The variables of the script: those given to it, and those it declares with `var`. */
  readonly globals: Any;
  /** The arguments of each call of the console. */
  readonly logged: unknown[][] = [];

  constructor(name: Name, given: Record<string, unknown> = {}, modules: Record<string, unknown> = {}) {
    const log = (...args: unknown[]) => this.logged.push(args);
    this.globals = createContext({
      console: { log, error: log },
      require: (wanted: string) => (wanted in modules ? modules[wanted] : require(wanted === 'primus' ? name : wanted)),
      ...given,
    });
  }

  /** Runs a block as it stands. Returns the value of its last statement. `placeholders` are the words that a reader replaces. */
  run(block: string, placeholders: Record<string, string | number> = {}): Any {
    let code = codeOf(block);
    for (const [word, value] of Object.entries(placeholders)) code = code.replaceAll(word, String(value));
    return runInContext(code, this.globals, { filename: block });
  }

  /** Runs code of the test as a further script. */
  evaluate(code: string): Any {
    return runInContext(code, this.globals);
  }
}
