import { writeFile, writeFileSync } from 'node:fs';
import type { Configuration } from '../core/configuration.js';
import { PrimusError } from '../core/errors.js';

/**
 * The client library: a bundle made ahead, and one line of configuration.
 * With `explaining`, another bundle, it learns why it is refused. Loads as a plain script (a global), as an AMD module and as CommonJS.
 */
export function library(bundle: string, { global, parser, transformer, ...configuration }: Configuration, explaining?: string): string {
  const explained = explaining && `${explaining}\nPrimus.parts.platform = PrimusExplaining.explaining(Primus.parts.platform);\n`;
  return `// primus-rx: ${json([transformer, parser])}
(function () {
${bundle}
var Primus = PrimusClient.configure(${json(configuration)});
${explained ?? ''}if (typeof define == 'function' && define.amd) define(function () { return Primus; });
else if (typeof module == 'object' && module.exports) module.exports = Primus;
else globalThis[${json(global)}] = Primus;
})();
`;
}

/** JSON that is also JavaScript and may stand in a page's script element. */
function json(value: unknown): string {
  return JSON.stringify(value).replace(/[<\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Writes the library to a file; calls back when asked to, else returns when it is written. */
export function save(path: unknown, source: string, done?: (error: Error | null) => void): void {
  if (typeof path !== 'string' || path === '') throw new PrimusError('ERR_PRIMUS_OPTION', 'save(path) needs the path of the file to write');
  if (done) writeFile(path, source, 'utf8', done);
  else writeFileSync(path, source, 'utf8');
}
