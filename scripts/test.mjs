// Everything that must hold, step by step. Goes on after a failure, so that one run tells all there is to mend.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './run.mjs';

const reports = join(root, 'dist/reports');
const steps = ['build', 'lint', 'typecheck', 'unit', 'size', 'publint', 'attw', 'smoke'];
const outcome = {};
let passed = 0;
let failed = 0;

rmSync(reports, { recursive: true, force: true });
run('node', ['scripts/chromium.mjs']);
run('node', ['scripts/plugins.mjs']);
run('node', ['scripts/proxies.mjs']);

for (const step of steps) {
  console.log(`\n=== ${step}`);
  const report = join(reports, `${step}.json`);
  const begin = Date.now();
  const ok = run('npm', ['run', '--silent', step, ...(isSuite(step) ? ['--', `--outputFile.json=${report}`] : [])]);
  outcome[step] = { outcome: ok ? 'ok' : 'FAILED', seconds: Math.round((Date.now() - begin) / 100) / 10 };
  if (isSuite(step)) count(report);
  if (!ok) process.exitCode = 1;
  // Nothing after it means anything without it.
  if (!ok && step === 'build') break;
}

console.table(outcome);
// A step that fails without a failing test (a lint error, an unhandled rejection) must not read as a pass.
if (failed === 0) failed = Object.values(outcome).filter((step) => step.outcome !== 'ok').length;
const summary = `${passed} passed, ${failed} failed`;
console.log(summary);
// For .ci/run, whose last line it is: npm says more after this script when it fails.
mkdirSync(reports, { recursive: true });
writeFileSync(join(reports, 'summary'), `${summary}\n`);

function isSuite(step) {
  return step === 'unit' || step === 'smoke';
}

/** Adds what a report of vitest says; a file that could not even be loaded has no tests, and counts as one that failed. */
function count(report) {
  if (!existsSync(report)) return;
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  passed += numPassedTests;
  failed += numFailedTests + testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
}
