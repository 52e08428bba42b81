import { join } from 'node:path';
import { Project, ts } from 'ts-morph';

const root = join(import.meta.dirname, '../..');

/** The files of the methods that every emitter has: the maps of events stand for its listeners. */
const EMITTER = /\/(?:core\/events|node-emitter)\.ts$/;

/**
 * Returns every place in the public types of servers, sparks and clients that takes a function of the application: a parameter of a method, a
 * property of an object that is passed, a listener of an event, and a subscriber of a stream.
 */
export function callbacks(): string[] {
  const { ModuleKind, ScriptTarget } = ts;
  const compilerOptions = { module: ModuleKind.NodeNext, target: ScriptTarget.ES2022, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] };
  const project = new Project({ compilerOptions: { ...compilerOptions, strict: true, skipLibCheck: true, types: ['node'] } });
  project.addSourceFilesAtPaths([join(root, 'src/index.ts'), join(root, 'client/primus.ts')]);
  project.resolveSourceFileDependencies();
  const program = project.getProgram().compilerObject;
  return new Surface(program, program.getTypeChecker()).all();
}

class Surface {
  readonly #places = new Set<string>();
  /** The interfaces whose members were listed. */
  readonly #passed = new Set<ts.Symbol>();
  readonly #program: ts.Program;
  readonly #checker: ts.TypeChecker;

  constructor(program: ts.Program, checker: ts.TypeChecker) {
    this.#program = program;
    this.#checker = checker;
  }

  all(): string[] {
    const { Primus, Spark, PrimusEvents, SparkEvents, ClientEvents } = this.#exports('src/index.ts');
    const { Primus: Client } = this.#exports('client/primus.ts');
    this.#class('primus', Primus);
    this.#class('client', Client);
    this.#object('Primus', this.#checker.getTypeOfSymbol(Primus as ts.Symbol));
    this.#object('spark', this.#checker.getDeclaredTypeOfSymbol(Spark as ts.Symbol));
    for (const [label, events] of Object.entries({ primus: PrimusEvents, spark: SparkEvents, client: ClientEvents })) {
      for (const { name } of this.#checker.getDeclaredTypeOfSymbol(events as ts.Symbol).getProperties())
        this.#places.add(`${label}.on('${name}')`);
    }
    return [...this.#places].sort();
  }

  #exports(file: string): { [name: string]: ts.Symbol } {
    const { getSymbolAtLocation, getExportsOfModule, getAliasedSymbol } = this.#checker;
    const module = getSymbolAtLocation(this.#program.getSourceFile(join(root, file)) as ts.SourceFile) as ts.Symbol;
    const resolved = (symbol: ts.Symbol) => (symbol.flags & ts.SymbolFlags.Alias ? getAliasedSymbol(symbol) : symbol);
    return Object.fromEntries(getExportsOfModule(module).map((symbol) => [symbol.name, resolved(symbol)]));
  }

  /** The constructor of a class, and its objects. */
  #class(label: string, symbol: ts.Symbol | undefined): void {
    const [construct] = this.#checker.getTypeOfSymbol(symbol as ts.Symbol).getConstructSignatures();
    for (const parameter of construct?.parameters ?? []) this.#pass(parameter.name, this.#checker.getTypeOfSymbol(parameter));
    this.#object(label, construct?.getReturnType() as ts.Type);
  }

  /** An object of ours: its methods take functions, its streams take subscribers. */
  #object(label: string, type: ts.Type): void {
    for (const member of type.getProperties()) {
      if (!isPublic(member)) continue;
      const memberType = this.#checker.getTypeOfSymbol(member);
      if (memberType.symbol?.name === 'Observable') this.#places.add(`${label}.${member.name}`);
      for (const { parameters } of memberType.getCallSignatures())
        for (const parameter of parameters)
          this.#pass(`${label}.${member.name}(${parameter.name})`, this.#checker.getTypeOfSymbol(parameter));
    }
  }

  /** A value that the application passes: a function, or an object with functions. */
  #pass(label: string, type: ts.Type): void {
    if (type.isUnionOrIntersection()) {
      for (const part of type.types) this.#pass(label, part);
      return;
    }
    const constraint = this.#checker.getBaseConstraintOfType(type) ?? type;
    if (constraint.getCallSignatures().length > 0) this.#places.add(label);
    const symbol = constraint.aliasSymbol ?? constraint.symbol;
    if (symbol === undefined || this.#passed.has(symbol) || !symbol.declarations?.some(isInterface) || !isPublic(symbol)) return;
    this.#passed.add(symbol);
    for (const member of constraint.getProperties())
      if (isPublic(member)) this.#pass(`${ownerOf(member, symbol)}.${member.name}`, this.#checker.getTypeOfSymbol(member));
  }
}

function isInterface(declaration: ts.Declaration): boolean {
  return ts.isInterfaceDeclaration(declaration);
}

/** Returns the name of the interface that declares a member: a derived one inherits it. */
function ownerOf({ declarations }: ts.Symbol, { name }: ts.Symbol): string {
  const parent = declarations?.[0]?.parent;
  return parent && ts.isInterfaceDeclaration(parent) ? parent.name.text : name;
}

/** Whether a symbol is our own, and neither private nor internal. */
function isPublic(symbol: ts.Symbol): boolean {
  const { declarations = [] } = symbol;
  const isOurs = (declaration: ts.Declaration) => {
    const { fileName } = declaration.getSourceFile();
    const hidden = ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected);
    return fileName.startsWith(root) && !fileName.includes('/node_modules/') && !EMITTER.test(fileName) && !hidden;
  };
  return !/^(?:#|__#)/.test(symbol.name) && declarations.some(isOurs) && !symbol.getJsDocTags().some(({ name }) => name === 'internal');
}
