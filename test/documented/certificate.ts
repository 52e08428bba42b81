import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificate as common } from '../support/certificate.js';

/** A folder with the files that the example of `createServer` names: certificate and key share one. */
export function certificate(): string {
  const folder = common();
  if (folder === undefined) throw new Error('openssl makes no certificate here');
  const cert = readFileSync(join(folder, 'cert.pem'));
  writeFileSync(join(folder, 'myfilename.cert'), Buffer.concat([cert, readFileSync(join(folder, 'key.pem'))]));
  writeFileSync(join(folder, 'myfilename.ca'), cert);
  const names = ['-inkey', 'key.pem', '-in', 'cert.pem', '-out', 'filename.pfx', '-passout', 'pass:my super sweet password'];
  execFileSync('openssl', ['pkcs12', '-export', ...names], { cwd: folder, stdio: 'ignore' });
  return folder;
}
