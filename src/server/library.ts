import { writeFile, writeFileSync } from 'node:fs';
import type { Configuration } from '../core/configuration.js';
import { describe, PrimusError } from '../core/errors.js';
import { boolean, check, invalid, type Kind, object } from '../core/options.js';
import type { Parser } from '../core/parser.js';
import type { Plugin, Plugins } from '../core/plugin.js';
import { servesRequests } from '../core/served-requests.js';
import type { Transformer } from '../core/transformer.js';
import type { Builtins } from './builtins.js';
import { sourceOf } from './function-source.js';
import { librarySource } from './plugins.js';

/** The part of a server that its client library is made from. */
export interface Served {
  readonly configuration: Configuration;
  readonly parser: Parser;
  readonly transformer: Transformer;
  readonly ark: Plugins;
  readonly options: { readonly refuseWithClose?: boolean | undefined; readonly minify?: boolean | undefined };
}

/** The options of `primus.library()` and `primus.save()`. */
export interface LibraryOptions {
  /**
   * Whether the client library is minified. Your own code in it, plugins and a custom parser, stays as it is.
   *
   * @defaultValue the server's option `minify`
   */
  minify?: boolean;
  /**
   * `'module'` for an ES module that exports the class, as `Primus` and as its default. All code in it is strict, that of plugins too.
   * `'script'` for a script that sets a global, and is an AMD and a CommonJS module as well.
   *
   * @defaultValue `'module'` when `primus.save()` writes a file that ends with `.mjs`, else `'script'`
   */
  format?: 'script' | 'module';
}

const format: Kind = ["'script' or 'module'", (value) => value === 'script' || value === 'module'];

/** The servers whose library has channels. */
const withChannels = new WeakSet<Served>();

/** Adds `Primus.channels` to the library of a server. */
export function serveChannels(served: Served): void {
  withChannels.add(served);
}

type Parts = Pick<Builtins, 'bundle' | 'parsers'>;

/** Returns a function that creates the library of a server on the first call, and again when a part of it has changed. */
export function libraryOf(served: Served, parts: Parts): (options?: LibraryOptions) => string {
  const made = new Map<string, { source: string; ingredients: readonly unknown[] }>();
  return (options) => {
    if (options != null && !object[1](options)) throw invalid('options', object[0], options);
    check(options ?? {}, { minify: boolean, format });
    const minify = options?.minify ?? served.options.minify ?? false;
    const kind = options?.format ?? 'script';
    const key = `${kind} ${minify}`;
    const ingredients = ingredientsOf(served);
    const last = made.get(key);
    if (last?.ingredients.length === ingredients.length && ingredients.every((value, index) => value === last.ingredients[index]))
      return last.source;
    const source = library(served, parts, minify, kind);
    made.set(key, { source, ingredients });
    return source;
  };
}

/** Returns all parts of a library. Those that are not strings are compared by identity. */
function ingredientsOf(served: Served): unknown[] {
  const { configuration, parser, transformer, options } = served;
  const plugins = pluginsOf(served).flatMap(([name, plugin]) => [name, plugin.client, librarySource(plugin)]);
  return [
    json(configuration),
    options.refuseWithClose,
    withChannels.has(served),
    servesRequests(served),
    transformer,
    parser,
    parser.encoder,
    parser.decoder,
    parser.library,
    ...plugins,
  ];
}

/** Returns the plugins with a client or a library: first that of the transformer. */
function pluginsOf({ ark, transformer }: Served): [string, Plugin][] {
  const all = transformer.plugin === undefined ? ark : { [transformer.name]: transformer.plugin, ...ark };
  return Object.entries(all).filter(([, { client, library }]) => client ?? library);
}

/**
 * For a saved library that Node.js loads: the client is a Stream, and its WebSocket is that of the package ws, unless there is a page as
 * in Electron and in jsdom. Bundlers do not see what it loads. The clients of other frameworks, and minified ones, are made for pages.
 */
function inNode(path: string, isThere: string): string {
  return `if (${isThere}typeof process == 'object' && process.getBuiltinModule) (function (platform, load) {
Primus.prototype.__proto__.__proto__.__proto__ = load('stream').prototype;
if (typeof addEventListener == 'function') return;
platform.network$ = new platform.network$.constructor();
platform.webSocket = function (url) { return new (load('ws'))(url); };
})(Primus.parts.platform, process.getBuiltinModule('module').createRequire(${path}));
`;
}

const IN_NODE = {
  script: inNode('__filename', "typeof __filename == 'string' && "),
  module: inNode('import.meta.url', ''),
};

/**
 * Returns the source of the client library: prebuilt bundles, the configuration, and the sources of the application's parser and plugins,
 * in sloppy mode unless it is an ES module, and with `Primus` in scope. With `refuseWithClose` the client reports why it was rejected; with
 * `resume` it has sessions; and channels and requests, if the server has any. A script loads as an AMD module and as CommonJS too; in a page it
 * is a global as well, whatever else loads it. Its conditions are written as a minifier writes them: so they compress with the bundle.
 */
function library(served: Served, { bundle, parsers }: Parts, minify: boolean, kind: 'script' | 'module'): string {
  const { global, parser, transformer, ...configuration } = served.configuration;
  const part = (name: string) => bundle({ name, bundle: name }, minify);
  const head = `// primus-rx: ${json([transformer, parser])}\n`;
  const body = `${bundle(served.transformer, minify)}
var Primus = PrimusClient.configure(${json(configuration)});
${served.transformer.client.protocol === 'ws' && !minify ? IN_NODE[kind] : ''}${served.options.refuseWithClose ? withReasons(part('close-reasons')) : ''}${configuration.options.resume ? withSessions(part('sessions')) : ''}${withChannels.has(served) ? channelSource(part('channels')) : ''}${servesRequests(served) ? requestSource(part('requests')) : ''}${parserSource(served.parser, [...parsers.values()], part)}${pluginSource(served, part)}`;
  if (kind === 'module') return `${head}${body}export { Primus, Primus as default };\n`;
  return `${head}(function (root) {
${body}root[${json(global)}] = Primus;
if ("object"==typeof module && module.exports) module.exports = Primus;
else if ("function"==typeof define && define.amd) define(() => Primus);
})(this || globalThis);
`;
}

function withReasons(bundle: string): string {
  return `${bundle}\nPrimus.parts.platform = PrimusCloseReasons.withCloseReasons(Primus.parts.platform);\n`;
}

function withSessions(bundle: string): string {
  return `${bundle}\nPrimus.parts.session=PrimusSessions.resumable;\n`;
}

function channelSource(bundle: string): string {
  return `${bundle}\nPrimus.channels = PrimusChannels.channels;\n`;
}

function requestSource(bundle: string): string {
  return `${bundle}\nPrimus.requests = PrimusRequests.requests;\nPrimus.RequestError = PrimusRequests.RequestError;\n`;
}

/** Returns the source of the parser: its bundle, or the functions of an application's own parser. */
function parserSource(parser: Parser, known: readonly Parser[], part: (name: string) => string): string {
  if (parser.bundle !== undefined) {
    return `${part(parser.bundle)}\nPrimus.parts.parser = PrimusParser[${json(parser.name)}];\n`;
  }
  if (known.includes(parser)) return '';
  return `Primus.parts.parser = (function (Primus) {
${parser.library ?? ''}
return {
  encoder: ${sourceOf(parser.encoder, 'The encoder of the parser')},
  decoder: ${sourceOf(parser.decoder, 'The decoder of the parser')}
};
})(Primus);
`;
}

/** Returns the source of the plugins: first that of the transformer, then those of the server. */
function pluginSource(served: Served, part: (name: string) => string): string {
  const list = pluginsOf(served);
  if (list.length === 0) return '';
  const libraries = list.map(([, plugin]) => librarySource(plugin)).filter(Boolean);
  const clients = list.filter(([, { client }]) => client);
  return `Primus = (function () {
${part('edge')}
return PrimusEdge.edge(Primus, ${served.transformer.plugin !== undefined});
})();
${libraries.map((source) => `(function (Primus) {\n${source}\n})(Primus);\n`).join('')}Primus.prototype.ark = {
${clients.map(([name, { client }]) => `[${json(name)}]: ${sourceOf(client, `The client of the plugin '${name}'`)}`).join(',\n')}
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
