import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../../scripts/processes.mjs';
import type { Stage } from './defects/stage.js';

/** Writes the package of a plugin, and returns its path, which `require` takes as it takes a name. 8.0.9 finds names beside itself only. */
export function pluginPackage(stage: Stage): string {
  const home = temporaryFolder('plugin');
  stage.cleanup(() => removeFolder(home));
  const path = join(home, 'primus-greet');
  mkdirSync(path);
  writeFileSync(
    join(path, 'index.js'),
    `exports.server = function (primus) { primus.greeted = true; };
     exports.client = function (client) { client.greet = function () { return 'hello'; }; };`,
  );
  return path;
}
