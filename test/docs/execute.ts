import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { freePort } from '../../scripts/ports.mjs';
import { kill, start } from '../../scripts/processes.mjs';
import { LIMIT } from '../support/wait.js';
import type { Block, Problem } from './blocks.js';
import type { Compiled } from './compile.js';

/** The port that examples name; each run gets a free one in its place. */
const PORT = /\b8080\b/g;

/** Runs the blocks of one page that are marked so, in their order. What one prints is what its `// =>` comments say. */
export async function execute(blocks: readonly Block[], { output }: Pick<Compiled, 'output'>): Promise<Problem[]> {
  const problems: Problem[] = [];
  const port = await freePort();
  const background: Program[] = [];
  for (const block of blocks.filter(({ run }) => run)) {
    const file = output(block);
    writeFileSync(file, readFileSync(file, 'utf8').replace(PORT, String(port)));
    const program = new Program(block, file);
    if (block.background) {
      background.push(program);
      problems.push(...(await program.answers(port)));
      continue;
    }
    problems.push(...(await program.ends()));
    for (const server of background.splice(0)) problems.push(...(await server.stop()));
  }
  for (const server of background.splice(0))
    problems.push({ ...server.place, message: 'Nothing runs against it: there is no other block to run' }, ...(await server.stop()));
  return problems;
}

/** The output that a block announces, line by line. */
export function expected(code: string): string[] {
  return [...code.matchAll(/\/\/ => (.*)$/gm)].map(([, text = '']) => text.trim());
}

class Program {
  readonly place: { page: string; line: number };
  private readonly block: Block;
  private readonly child: ChildProcess;
  private readonly exit: Promise<unknown[]>;
  private stdout = '';
  private stderr = '';

  constructor(block: Block, file: string) {
    this.block = block;
    this.place = { page: block.page, line: block.line };
    this.child = start(process.execPath, [file], { cwd: dirname(file), stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout?.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.exit = once(this.child, 'close');
  }

  /** Waits until it has ended by itself. */
  async ends(): Promise<Problem[]> {
    const timer = setTimeout(() => kill(this.child), LIMIT);
    const [code, signal] = await this.exit;
    clearTimeout(timer);
    if (signal !== null) return [this.problem(`It did not end within ${LIMIT} ms`)];
    if (code !== 0) return [this.problem(`It ended with ${code}`)];
    if (expected(this.block.code).length === 0 && !/node:assert/.test(this.block.code))
      return [this.problem('It neither asserts nor says with // => what it prints')];
    return this.printed();
  }

  /** Waits until it serves. */
  async answers(port: number): Promise<Problem[]> {
    const deadline = Date.now() + LIMIT;
    while (Date.now() < deadline && this.child.exitCode === null) {
      const socket = connect(port, '127.0.0.1');
      const answered = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'close').then(() => false)]).catch(
        () => false,
      );
      socket.destroy();
      if (answered) return [];
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return [this.problem('It does not listen on 8080')];
  }

  async stop(): Promise<Problem[]> {
    await kill(this.child);
    await this.exit;
    return this.printed();
  }

  private printed(): Problem[] {
    const lines = expected(this.block.code);
    const said = this.stdout.split('\n').filter(Boolean);
    if (lines.length === 0 || lines.join('\n') === said.join('\n')) return [];
    return [this.problem(`It says that it prints\n  ${lines.join('\n  ')}\nbut it does not`)];
  }

  private problem(message: string): Problem {
    return { ...this.place, message: `${message}; it printed\n${this.stdout}${this.stderr}` };
  }
}
