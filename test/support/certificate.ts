import { execFileSync } from 'node:child_process';
import { testFolder } from './folder.js';

/**
 * A folder with `cert.pem` and `key.pem`, which last a day, and the same as `both.pfx` with the passphrase `secret`; `undefined` where
 * none can be made.
 */
export function certificate(): string | undefined {
  const root = testFolder('tls');
  const openssl = (...how: string[]) => execFileSync('openssl', how, { cwd: root, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key.pem'];
  try {
    openssl('req', '-x509', ...key, '-days', '1', '-subj', '/CN=localhost', '-out', 'cert.pem');
    openssl('pkcs12', '-export', '-in', 'cert.pem', '-inkey', 'key.pem', '-out', 'both.pfx', '-passout', 'pass:secret');
    return root;
  } catch {
    return undefined;
  }
}
