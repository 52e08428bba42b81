// Writes the declarations of the CommonJS entries. They refer to those of the ES modules: a class is one type, however it is loaded.
import { join, relative } from 'node:path';
// The compiler that builds the package has no API; the one in ts-morph has.
import { ts } from 'ts-morph';
import { root } from './run.mjs';

const { SymbolFlags } = ts;

/** Returns the declarations of some entries, with the names of their values. */
export function declarations(entries, folder) {
  const options = { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, types: ['node'], skipLibCheck: true, noEmit: true };
  const fileOf = ({ source }) => join(root, 'dist', `${source}.d.ts`);
  const program = ts.createProgram(Object.values(entries).map(fileOf), options);
  const checker = program.getTypeChecker();
  return Object.entries(entries).map(([entry, { source, main }]) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(fileOf({ source })));
    const symbols = checker.getExportsOfModule(module);
    const exported = symbols.map((symbol) => describe(symbol, checker));
    const mainSymbol = symbols.find(({ name }) => name === main);
    const statics = mainSymbol && checker.getTypeOfSymbol(mainSymbol).getProperties();
    const from = relative(join(folder, entry, '..'), join(root, 'dist', `${source}.js`)).replaceAll('\\', '/');
    return {
      entry,
      main,
      values: exported.filter(({ isValue }) => isValue).map(({ name }) => name),
      text: declaration(from, exported, main, statics),
    };
  });
}

/** Returns the name of an export, whether it is a value, and its type parameters if it is a type. */
function describe(symbol, checker) {
  const target = symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const type = target.declarations.find(
    (node) => ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node),
  );
  // A class may be exported as a type only.
  const isType = symbol.declarations.some((node) => ts.isExportSpecifier(node) && ts.isTypeOnlyExportDeclaration(node));
  const isValue = !isType && Boolean(target.flags & SymbolFlags.Value);
  return { name: symbol.name, isValue, parameters: type && [...(type.typeParameters ?? [])] };
}

function declaration(from, exported, main, statics) {
  const values = exported.filter(({ isValue }) => isValue).map(({ name }) => name);
  const types = exported.filter(({ name, parameters }) => parameters && name !== 'default').map(alias);
  const head = `import type * as esm from '${from}' with { 'resolution-mode': 'import' };\n\n`;
  if (!main) {
    const constants = values.map((name) => `declare const ${name}: typeof esm.${name};`);
    return head + [...constants, ...types].map((exported) => `export ${exported}\n`).join('');
  }
  // One that is there twice has no declaration of its own, and the compiler cannot merge it with the type of that name.
  const more = values.filter((name) => !statics.some((member) => member.name === name));
  const members = more.map((name) => `  readonly ${name}: typeof esm.${name};\n`).join('');
  return `${head}declare const ${main}: typeof esm.${main} & {
${members}};
declare ${alias(exported.find(({ name }) => name === main))}
declare namespace ${main} {
${types.map((type) => `  ${type}\n`).join('')}}
export = ${main};
`;
}

function alias({ name, parameters }) {
  const list = (parts) => (parts.length > 0 ? `<${parts.join(', ')}>` : '');
  const declared = list(parameters.map((parameter) => parameter.getText()));
  return `type ${name}${declared} = esm.${name}${list(parameters.map((parameter) => parameter.name.text))};`;
}
