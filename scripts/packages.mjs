import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

/**
 * Packages in a folder with a lockfile of its own, which some tests need and nothing else does: installed when they are missing, and never a reason
 * to fail.
 */
export class Packages {
  /** @param what names them in a sentence. @param script installs them. */
  constructor(folder, what, script) {
    this.folder = join(root, folder);
    this.what = what;
    this.script = script;
    this.stamp = join(this.folder, 'node_modules/.installed');
    this.why = join(this.folder, 'node_modules/.failed');
  }

  /** Returns the reason why they cannot be used; `undefined` when they are installed as the lockfile has them. */
  missing() {
    if (existsSync(this.stamp) && readFileSync(this.stamp, 'utf8') === this.#lockfile()) return undefined;
    return existsSync(this.why) ? readFileSync(this.why, 'utf8') : `${this.what} are not installed; node ${this.script} installs them`;
  }

  install() {
    const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=1', '--fetch-timeout=60000'];
    const { status, stderr, error } = spawnSync('npm', ['ci', ...options], { cwd: this.folder, encoding: 'utf8', timeout: 240_000 });
    if (status === 0) {
      rmSync(this.why, { force: true });
      writeFileSync(this.stamp, this.#lockfile());
      return;
    }
    const reason = error?.message ?? stderr.split('\n').find((line) => /npm error (?!code)/.test(line)) ?? `npm ended with ${status}`;
    if (existsSync(join(this.folder, 'node_modules'))) writeFileSync(this.why, `${this.what} could not be installed: ${reason.trim()}`);
  }

  #lockfile() {
    return readFileSync(join(this.folder, 'package-lock.json'), 'utf8');
  }
}
