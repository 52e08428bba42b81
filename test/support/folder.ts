import { removeFolder, temporaryFolder } from '../../scripts/processes.mjs';
import { cleanup } from './serve.js';

/** An empty folder, removed after the test. */
export function testFolder(name: string): string {
  const folder = temporaryFolder(name);
  cleanup(() => removeFolder(folder));
  return folder;
}
