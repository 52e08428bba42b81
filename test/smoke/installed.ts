import { once } from 'node:events';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import manifest from '../../package.json' with { type: 'json' };
import { pack } from '../../scripts/pack.mjs';
import { start, temporaryFolder } from '../../scripts/processes.mjs';

/** The outcome of a program: its exit code and what it printed. */
export interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

/** An empty folder outside the repository, so that only the tarball's packages are found. */
export class Installation {
  readonly folder = temporaryFolder('smoke');

  /** Packs the package, and installs it into the folder with its peer, and optional ones. Copies the files of a folder beside this one. */
  async install(files: string, optional: readonly (keyof typeof manifest.devDependencies)[] = []): Promise<void> {
    const { devDependencies } = manifest;
    writeFileSync(join(this.folder, 'package.json'), '{ "private": true }');
    const packages = ['rxjs', '@types/node', ...optional] as const;
    const wanted = [pack(this.folder), ...packages.map((name) => `${name}@${devDependencies[name]}`)];
    await this.add(...wanted);
    cpSync(fileURLToPath(new URL(`./${files}/`, import.meta.url)), this.folder, { recursive: true });
  }

  /** Installs packages beside those that are there, as an application does. */
  async add(...packages: string[]): Promise<void> {
    const options = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
    const { code, output } = await this.run('npm', ['install', ...options, ...packages]);
    if (code !== 0) throw new Error(output);
  }

  /** Runs a script of the folder. */
  node(script: string, ...args: string[]): Promise<Outcome> {
    return this.run(process.execPath, [join(this.folder, script), ...args]);
  }

  /** Runs a tool of this repository in the folder. */
  tool(path: string, ...args: string[]): Promise<Outcome> {
    return this.run(process.execPath, [fileURLToPath(new URL(`../../node_modules/${path}`, import.meta.url)), ...args]);
  }

  async run(command: string, args: string[]): Promise<Outcome> {
    const child = start(command, args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'inherit'] });
    const [[code], output] = await Promise.all([once(child, 'close'), text(child.stdout as Readable)]);
    return { code, output };
  }
}
