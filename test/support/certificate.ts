import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanup } from './serve.js';

/** A folder with a certificate that lasts a day, or undefined where none can be made. */
export function certificate(): string | undefined {
  const root = mkdtempSync(join(tmpdir(), 'primus-tls-'));
  cleanup(() => rmSync(root, { recursive: true }));
  try {
    const how = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
      '-subj',
      '/CN=localhost',
    ];
    execFileSync('openssl', [...how, '-keyout', 'key.pem', '-out', 'cert.pem'], { cwd: root, stdio: 'ignore' });
    return root;
  } catch {
    return undefined;
  }
}
