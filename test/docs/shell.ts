import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Block, root } from './blocks.js';

interface Manifest {
  name: string;
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

const { name, scripts, dependencies, peerDependencies, devDependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as Manifest;

const packages: Record<string, string> = { [name]: '*', ...devDependencies, ...dependencies, ...peerDependencies };

/** The problems of the commands of a block. `files` are those that the page tells the reader to save. */
export function checkShell({ code }: Pick<Block, 'code'>, files: readonly string[]): string[] {
  const lines = code.replace(/\\\n/g, ' ').split('\n');
  const commands = lines.flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/&&|;|\|/)).map((command) => command.trim());
  return commands.filter(Boolean).flatMap((command) => {
    const [program, ...args] = command.split(/\s+/) as [string, ...string[]];
    if (program === 'npm') return checkNpm(args);
    if (program === 'node') return checkFile(args.find((arg) => !arg.startsWith('-')) ?? '', files);
    return [`There is no check for '${program}'; name the reason with: unchecked: reason`];
  });
}

function checkNpm([command = '', ...args]: string[]): string[] {
  const operands = args.filter((arg) => !arg.startsWith('-'));
  switch (command) {
    case 'ci':
      return [];
    case 'test':
    case 'start':
      return Object.hasOwn(scripts, command) ? [] : [`There is no script ${command}`];
    case 'run':
      return Object.hasOwn(scripts, operands[0] ?? '') ? [] : [`There is no script ${operands[0]}`];
    case 'install':
      return operands.flatMap(checkPackage);
    default:
      return [`There is no check for 'npm ${command}'; name the reason with: unchecked: reason`];
  }
}

/** Only packages the tests use, in the versions the package asks for. */
function checkPackage(operand: string): string[] {
  // `owner/name#tag` is on GitHub.
  const [, wanted = '', range] = /^[\w-]+\/([^#]+)#/.exec(operand) ?? /^(@?[^@]+)(?:@(.+))?$/.exec(operand) ?? [];
  const known = Object.hasOwn(packages, wanted) ? packages[wanted] : undefined;
  if (known === undefined) return [`The package ${wanted} is none that the tests use`];
  return range === undefined || range === known ? [] : [`The package asks for ${wanted}@${known}, not for ${range}`];
}

function checkFile(file: string, files: readonly string[]): string[] {
  return files.includes(file) || existsSync(join(root, file)) ? [] : [`There is no file ${file}`];
}
