import { writeFile, writeFileSync } from 'node:fs';
import type { Configuration } from '../core/configuration.js';
import { describe, PrimusError } from '../core/errors.js';
import type { Parser } from '../core/parser.js';
import type { Plugins } from '../core/plugin.js';
import type { Transformer } from '../core/transformer.js';
import type { Builtins } from './builtins.js';
import { sourceOf } from './function-source.js';
import { librarySource } from './plugins.js';

/** The server that a client library is made for. */
export interface Served {
  readonly configuration: Configuration;
  readonly parser: Parser;
  readonly transformer: Transformer;
  readonly ark: Plugins;
  readonly options: { readonly refuseWithClose?: boolean | undefined };
}

/**
 * Returns the source of the client library: prebuilt bundles, the configuration, and the sources of the application's parser and plugins,
 * in sloppy mode and with `Primus` in scope. With `refuseWithClose` the client reports why it was rejected. The library loads as a
 * plain script (a global), as an AMD module and as CommonJS.
 */
export function library(served: Served, { bundle, parsers }: Pick<Builtins, 'bundle' | 'parsers'>): string {
  const { global, parser, transformer, ...configuration } = served.configuration;
  const part = (name: string) => bundle({ name, bundle: name });
  return `// primus-rx: ${json([transformer, parser])}
(function () {
${bundle(served.transformer)}
var Primus = PrimusClient.configure(${json(configuration)});
${served.options.refuseWithClose ? withReasons(part('close-reasons')) : ''}${parserSource(served.parser, [...parsers.values()], part)}${pluginSource(served, part)}if (typeof define == 'function' && define.amd) define(function () { return Primus; });
else if (typeof module == 'object' && module.exports) module.exports = Primus;
else globalThis[${json(global)}] = Primus;
})();
`;
}

function withReasons(bundle: string): string {
  return `${bundle}\nPrimus.parts.platform = PrimusCloseReasons.withCloseReasons(Primus.parts.platform);\n`;
}

/** Returns the source of the parser: its bundle, or the functions of an application's own parser. */
function parserSource(parser: Parser, known: readonly Parser[], part: (name: string) => string): string {
  if (parser.bundle !== undefined) {
    return `${part(parser.bundle)}\nPrimus.parts = Object.assign({}, Primus.parts, { parser: PrimusParser[${json(parser.name)}] });\n`;
  }
  if (known.includes(parser)) return '';
  return `Primus.parts = Object.assign({}, Primus.parts, { parser: (function (Primus) {
${parser.library ?? ''}
return {
  encoder: ${sourceOf(parser.encoder, 'The encoder of the parser')},
  decoder: ${sourceOf(parser.decoder, 'The decoder of the parser')}
};
})(Primus) });
`;
}

/** Returns the source of the plugins: first that of the transformer, then those of the server. */
function pluginSource({ ark, transformer }: Served, part: (name: string) => string): string {
  const all = transformer.plugin === undefined ? ark : { [transformer.name]: transformer.plugin, ...ark };
  const list = Object.entries(all).filter(([, { client, library }]) => client ?? library);
  if (list.length === 0) return '';
  const libraries = list.map(([, plugin]) => librarySource(plugin)).filter(Boolean);
  const clients = list.filter(([, { client }]) => client);
  return `Primus = (function () {
${part('edge')}
return PrimusEdge.edge(Primus, ${transformer.plugin !== undefined});
})();
${libraries.map((source) => `(function (Primus) {\n${source}\n})(Primus);\n`).join('')}Primus.configuration.options.plugin = {
${clients.map(([name, { client }]) => `[${json(name)}]: { client: ${sourceOf(client, `The client of the plugin '${name}'`)} }`).join(',\n')}
};
`;
}

/** Prints JSON that is valid JavaScript, also within a script element of a page. */
function json(value: unknown): string {
  return JSON.stringify(value).replace(/[<\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * Writes the library to a file: asynchronously with a callback, else synchronously.
 *
 * @throws ERR_PRIMUS_OPTION when the path is missing
 */
export function save(path: unknown, source: string, done?: (error: Error | null) => void): void {
  if (typeof path !== 'string' || path === '')
    throw new PrimusError('ERR_PRIMUS_OPTION', `save: \`path\` must be the path of the file to write, got ${describe(path)}`);
  if (done) writeFile(path, source, 'utf8', done);
  else writeFileSync(path, source, 'utf8');
}
