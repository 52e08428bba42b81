// Writes docs/reference from the docstrings in the built declarations.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
// The compiler that builds the package has no API; the one in ts-morph has.
import { ts } from 'ts-morph';
import { cdnPage } from './cdn.mjs';
import { Checks } from './reference/checks.mjs';
import { indent, printExport, printMember, tagsOf } from './reference/docstrings.mjs';
import { root } from './run.mjs';

export const folder = join(root, 'docs/reference');

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** The pages: one for each first segment of the export paths, so that `primus-rx/transformers/engine.io` is on `transformers`. */
function pagesOf() {
  const found = new Map();
  for (const [path, conditions] of Object.entries(exports)) {
    const { types } = (conditions.browser ?? conditions).default ?? {};
    // The clients of the transformers have the exports of `primus-rx/client`.
    if (types === undefined || path === './client/*') continue;
    const [, name = 'primus-rx'] = path.split('/');
    const entries = types.includes('*') ? expand(types) : [types];
    const title = path.split('/').length > 2 ? `primus-rx/${name}/*` : `primus-rx${path.slice(1)}`;
    found.set(name, { name, title, entries: [...(found.get(name)?.entries ?? []), ...entries.map((entry) => join(root, entry))] });
  }
  return [...found.values()];
}

/** The files that match a pattern of the exports, from the names of the sources: the build may be older. */
function expand(pattern) {
  const [folder, rest] = pattern.replace('./dist/', '').split('*');
  const names = readdirSync(join(root, folder)).filter((name) => existsSync(join(root, folder, name, 'index.ts')));
  return names.map((name) => `dist/${folder}${name}${rest}`);
}

/**
 * Returns the content of the pages, the public names without a docstring, and what else the docstrings lack. A name that is exported twice
 * is described on the first page. Declarations outside `home` are not described.
 */
export function reference(pages = pagesOf(), home = join(root, 'dist/')) {
  const options = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
    types: ['node'],
  };
  const program = ts.createProgram(
    pages.flatMap(({ entries }) => entries),
    { ...options, strict: true, skipLibCheck: true, noEmit: true },
  );
  const writer = new Writer(program, home);
  const contents = pages.map((page) => [`${page.name}.md`, writer.page(page)]);
  writer.checks.end();
  const { undocumented, checks } = writer;
  const others = [
    ['README.md', index(pages)],
    ['cdn.md', cdnPage()],
  ];
  return { pages: new Map([...others, ...contents]), undocumented, violations: checks.violations };
}

function index(pages) {
  const rows = pages.map(({ name, title }) => `- [\`${title}\`](${name}.md)`);
  return `# Reference\n\nThe exports of the package, generated from the docstrings by \`scripts/reference.mjs\`. The [guides](../README.md) show how to use them.\n\n${rows.join('\n')}
- [CDN](cdn.md): the files for pages without a bundler or a server of their own, with their hashes

Servers, sparks and clients are EventEmitters as well. Their events, with the arguments, are \`PrimusEvents\`, \`SparkEvents\` and \`ClientEvents\`.
`;
}

class Writer {
  undocumented = [];
  checks = new Checks();
  described = new Map();
  /** The types that declarations name; `aside` is true while these are described. */
  met = new Map();
  aside = false;

  constructor(program, home) {
    this.program = program;
    this.home = home;
    this.checker = program.getTypeChecker();
  }

  page({ name, title, entries }) {
    const sections = entries.flatMap((entry) => {
      const module = this.checker.getSymbolAtLocation(this.program.getSourceFile(entry));
      return this.checker
        .getExportsOfModule(module)
        .filter((symbol) => /^\w+$/.test(symbol.name) && symbol.name !== 'default')
        .map((symbol) => this.symbol(symbol, name));
    });
    const met = [];
    this.aside = true;
    for (const [declaration, symbol] of this.met) if (!this.described.has(declaration)) met.push(this.symbol(symbol, name));
    this.met.clear();
    this.aside = false;
    this.checks.endPage();
    const rest = met.length > 0 ? `# Related types\n\nThese types are not exported.\n\n${met.sort(byHeading).join('')}` : '';
    return `# ${title}\n\n${sections.sort(byHeading).join('')}${rest}`.replace(/\n+$/, '\n');
  }

  symbol(exported, page) {
    const { name } = exported;
    const symbol = exported.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(exported) : exported;
    const [declaration] = symbol.declarations;
    const heading = `## ${name}\n\n`;
    const there = this.described.get(declaration);
    if (there !== undefined) return `${heading}See ${there}.\n\n`;
    this.described.set(declaration, `[${name}](${page}.md#${name.toLowerCase()})`);
    const kind = ts.isFunctionDeclaration(declaration)
      ? 'call'
      : this.constructorsOf(symbol, declaration).length > 0
        ? 'construct'
        : 'pass';
    const { text, tag } = this.docstring(symbol, name, kind);
    return heading + printExport(text, tag) + this.body(symbol, declaration, name);
  }

  body(symbol, declaration, name) {
    const [construct] = this.constructorsOf(symbol, declaration);
    if (construct !== undefined) {
      const statics = this.checker.getPropertiesOfType(this.checker.getTypeOfSymbol(symbol)).filter(({ name }) => name !== 'prototype');
      const type = ts.isClassDeclaration(declaration) ? this.checker.getDeclaredTypeOfSymbol(symbol) : construct.getReturnType();
      const errors = this.construction(construct, name);
      const members = this.list(errors && 'Members', this.checker.getPropertiesOfType(type), name, 'read');
      return errors + members + this.list('Static members', statics, name, 'read');
    }
    if (ts.isInterfaceDeclaration(declaration)) {
      const type = this.checker.getDeclaredTypeOfSymbol(symbol);
      const calls = type.getCallSignatures().map((signature) => signature.declaration);
      return (
        (calls.length > 0 ? code(calls.map((call) => this.text(call)).join('\n')) : '') +
        this.list('', this.checker.getPropertiesOfType(type), name, 'pass')
      );
    }
    const text = symbol.declarations.map((each) => this.text(each)).join('\n');
    return code(text.replace(symbol.name, name));
  }

  constructorsOf(symbol, declaration) {
    if (!ts.isClassDeclaration(declaration) && !ts.isVariableDeclaration(declaration)) return [];
    return this.checker.getTypeOfSymbol(symbol).getConstructSignatures();
  }

  /** The errors that a constructor throws. */
  construction(signature, name) {
    const tag = tagsOf(signature);
    if (tag('throws').length === 0) return '';
    this.checks.note({ name: `new ${name}`, symbol: { declarations: [] }, text: '', tag, kind: 'pass' });
    return `The constructor:\n\n${printExport('', tag)}`;
  }

  list(heading, symbols, owner, kind) {
    const rows = symbols.filter((symbol) => this.isOurs(symbol)).flatMap((symbol) => this.member(symbol, owner, kind));
    if (rows.length === 0) return '';
    return `${heading && `${heading}:\n\n`}${rows.join('\n')}\n\n`;
  }

  /** Whether a member is public, documented and our own. Events may be several words, and internal ones have a prefix. */
  isOurs({ name, declarations = [] }) {
    return declarations.some((declaration) => {
      const hidden = ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected);
      return /^[a-z]\w*(?: \w+)*\$?$/i.test(name) && !hidden && this.isDocumented({ declarations: [declaration] });
    });
  }

  /** Whether a symbol is our own and not internal. The members of the emitter are left out. */
  isDocumented({ declarations }) {
    return declarations.every((declaration) => {
      const path = declaration.getSourceFile().fileName;
      return !isInternal(declaration) && path.startsWith(this.home) && !/\/src\/(core\/events|server\/node-emitter)\.d\.ts$/.test(path);
    });
  }

  member(symbol, owner, kind) {
    const name = `${owner}.${symbol.name}`;
    const { text, tag } = this.docstring(symbol, name, kind);
    if (/(?:Options|Transport|Settings)$/.test(owner)) this.checks.option({ name, symbol, tag });
    const { said, examples } = printMember(text, tag);
    const below = `${said && `  \n${indent(said)}`}${examples.map((example) => `\n\n${indent(example)}\n`).join('')}`;
    const shown = symbol.declarations.filter((declaration) => !ts.isSetAccessor(declaration) && !isInternal(declaration));
    const sources = shown.map((declaration) => this.text(declaration));
    return sources.map((text, index) => `- \`${text.replace(/\s+/g, ' ')}\`${index === 0 ? below : ''}`);
  }

  /** The source of a declaration. Remembers the types that it names. */
  text(declaration) {
    const meet = (node) => {
      if (ts.isTypeReferenceNode(node) && ts.isIdentifier(node.typeName)) {
        const found = this.checker.getSymbolAtLocation(node.typeName);
        const symbol = found && found.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(found) : found;
        const [named] = symbol?.declarations ?? [];
        if (named && (ts.isInterfaceDeclaration(named) || ts.isTypeAliasDeclaration(named)) && this.isDocumented(symbol))
          this.met.set(named, symbol);
      }
      ts.forEachChild(node, meet);
    };
    meet(declaration);
    return textOf(declaration);
  }

  /** The text and the tags of a docstring. Remembers the symbols without one. */
  docstring(symbol, name, kind) {
    const text = ts.displayPartsToString(symbol.getDocumentationComment(this.checker));
    const tag = tagsOf(symbol, this.checker);
    // A type that is not exported needs a docstring; its members do not.
    if (text === '' && !(this.aside && name.includes('.'))) this.undocumented.push(name);
    this.checks.note({ name, symbol, text, tag, kind });
    return { text, tag };
  }
}

/** Whether a declaration is for the package itself: of a method, it may be one overload. */
function isInternal(declaration) {
  return ts.getJSDocTags(declaration).some((tag) => tag.tagName.text === 'internal');
}

/** The source of a declaration, without modifiers such as `export` and `readonly`. */
function textOf(declaration) {
  const statement = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  return statement
    .getText()
    .replace(/^((?:static )?)get (\w+\$?)\(\)/, '$1$2')
    .replace(/^(?:(?:export|declare|static|readonly|get|public|abstract)\s+)+/, '')
    .replace(/import\("[^"]*"\)\./g, '')
    .replace(/^ {4}/gm, '  ')
    .replace(/;$/, '');
}

function code(text) {
  return `\`\`\`ts unchecked: a declaration, which is no program\n${text}\n\`\`\`\n\n`;
}

function byHeading(one, two) {
  return one < two ? -1 : 1;
}

if (process.argv[1] === import.meta.filename) {
  const { pages, undocumented, violations } = reference();
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of pages) writeFileSync(join(folder, file), text);
  if (undocumented.length > 0) console.log(`Without a docstring: ${undocumented.join(', ')}`);
  if (violations.length > 0) console.log(violations.join('\n'));
}
