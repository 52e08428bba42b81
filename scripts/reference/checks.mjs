// Checks the docstrings of public names: examples, defaults, and the errors that are thrown.
import { existsSync, readFileSync } from 'node:fs';
import { ts } from 'ts-morph';
import { codes } from '../errors.mjs';

/** The codes of errors that public calls throw. All others are emitted, or reject a promise. */
export const THROWN = ['SERVER', 'OPTION', 'TRANSFORMER', 'PARSER', 'MISSING', 'PLUGIN', 'MIDDLEWARE', 'URL', 'DESTROYED', 'CHANNEL'].map(
  (code) => `ERR_PRIMUS_${code}`,
);

/** Collects the violations of the pages. A member of a type that is not exported needs no example. */
export class Checks {
  violations = [];
  /** The codes that a `@throws` names. */
  thrown = new Set();
  #known = codes();
  #examples = [];
  #called = [];

  /** Notes the docstring of something public. `kind` is what a caller does with it: call, construct, read or pass. */
  note({ name: path, symbol, text, tag, kind }) {
    const { violations } = this;
    const name = located(path, symbol);
    this.#examples.push(...tag('example'));
    if (kind !== 'pass') this.#called.push({ name, word: path.split('.').at(-1), kind, own: tag('example').length > 0 });
    for (const each of tag('throws')) {
      const [code] = /^\w*/.exec(each);
      this.thrown.add(code);
      if (!this.#known.has(code) && !/^[A-Z]\w*Error$/.test(code))
        violations.push(`${name}: \`@throws ${each}\` must begin with a code, or with the class of an error`);
    }
    if (kind === 'pass' || tag('throws').length > 0) return;
    if (/(?<!never |not )\bthrows\b/i.test(text))
      violations.push(`${name}: the docstring says that it throws, without \`@throws ERR_PRIMUS_…\``);
    else if (symbol.declarations.some(throwsItself)) violations.push(`${name}: throws, without \`@throws ERR_PRIMUS_…\``);
  }

  /** An option that may be left out has a default. */
  option({ name, symbol, tag }) {
    const isOptional = (symbol.flags & ts.SymbolFlags.Optional) !== 0;
    if (isOptional && tag('defaultValue').length === 0)
      this.violations.push(`${located(name, symbol)}: an option without \`@defaultValue\``);
  }

  /** Ends a page: everything on it that is called, constructed or read has an example, or stands in one of the page. */
  endPage() {
    const examples = this.#examples.join('\n');
    for (const { name, word, kind, own } of this.#called) {
      if (!own && !usage(word, kind).test(examples)) this.violations.push(`${name}: has no \`@example\`, and stands in none on its page`);
    }
    this.#examples = [];
    this.#called = [];
  }

  /** Ends the reference: each code that is thrown is named somewhere. */
  end() {
    for (const code of THROWN) if (!this.thrown.has(code)) this.violations.push(`${code}: no public name has a \`@throws\` for it`);
  }
}

/** A name with the source file of its declaration. */
function located(name, { declarations: [declaration] }) {
  const [, file] = /\/dist\/(.*)\.d\.ts$/.exec(declaration?.getSourceFile().fileName ?? '') ?? [];
  return file === undefined ? name : `${name} (${file}.ts)`;
}

function usage(name, kind) {
  const word = name.replace('$', '\\$');
  if (kind === 'read') return new RegExp(`\\.${word}(?![\\w$])`);
  return new RegExp(
    kind === 'construct' ? `\\bnew (?:\\w+\\.)?${word}\\b|\\b(?:extends|instanceof) (?:\\w+\\.)?${word}\\b` : `\\b${word}\\(`,
  );
}

/** Whether the source of a declaration has a `throw` of its own that it does not catch. */
function throwsItself(declaration) {
  const { parent } = declaration;
  const path = declaration.getSourceFile().fileName.replace(/\/dist\/(.*)\.d\.ts$/, '/$1.ts');
  if (declaration.name === undefined || !existsSync(path)) return false;
  const owner = ts.isClassDeclaration(parent) ? parent.name?.text : undefined;
  const body = bodyOf(ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022), owner, declaration.name.text);
  return body !== undefined && throws(body);
}

function bodyOf(source, owner, name) {
  const scope =
    owner === undefined
      ? source.statements
      : (source.statements.find((node) => ts.isClassDeclaration(node) && node.name?.text === owner)?.members ?? []);
  return scope.find((node) => node.body !== undefined && node.name?.text === name)?.body;
}

function throws(node) {
  if (ts.isThrowStatement(node)) return true;
  if (ts.isFunctionLike(node)) return false;
  if (ts.isTryStatement(node) && node.catchClause) return throws(node.catchClause);
  return ts.forEachChild(node, throws) ?? false;
}
