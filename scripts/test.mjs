// Runs all steps, or those that are named. Goes on after a failure, so that one run shows everything that needs fixing.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './run.mjs';

const reports = join(root, 'dist/reports');
const suites = ['unit', 'integration'];
/** The steps in order. Those in one list run side by side. */
const stages = [['build'], ['lint', 'language', 'typecheck', 'size', 'package'], ['unit'], ['integration']];
const wanted = process.argv.slice(2);
const outcome = {};
let passed = 0;
let failed = 0;

const unknown = wanted.filter((step) => !stages.flat().includes(step));
if (unknown.length > 0) throw new Error(`No step ${unknown.join(', ')}: there are ${stages.flat().join(', ')}`);

rmSync(reports, { recursive: true, force: true });
if (isWanted('integration'))
  for (const program of ['chromium', 'engines', 'plugins', 'proxies', 'runtimes']) await run('node', [`scripts/${program}.mjs`]);

for (const stage of stages) {
  const steps = stage.filter((step) => isWanted(step));
  await Promise.all(steps.map((step) => play(step, { keep: steps.length > 1 })));
  // Nothing after it means anything without it.
  if (outcome.build?.outcome === 'FAILED') break;
}

console.table(outcome);
// A step that fails without a failing test (a lint error, an unhandled rejection) must not read as a pass.
const broken = Object.values(outcome).filter((step) => step.outcome !== 'ok').length;
if (broken > 0) process.exitCode = 1;
if (failed === 0) failed = broken;
const summary = `${passed} passed, ${failed} failed`;
console.log(summary);
// For .ci/run, whose last line it is: npm says more after this script when it fails.
mkdirSync(reports, { recursive: true });
writeFileSync(join(reports, 'summary'), `${summary}\n`);

function isWanted(step) {
  return wanted.length === 0 || wanted.includes(step);
}

/** Runs a step and records its outcome. Steps that run side by side print their output when they end. */
async function play(step, { keep }) {
  const report = join(reports, `${step}.json`);
  const begin = Date.now();
  if (!keep) console.log(`\n=== ${step}`);
  const more = suites.includes(step) ? ['--', `--outputFile.json=${report}`] : [];
  const { ok, output } = await run('npm', ['run', '--silent', step, ...more], { keep });
  if (keep) console.log(`\n=== ${step}\n${output.trim()}`);
  outcome[step] = { outcome: ok ? 'ok' : 'FAILED', seconds: Math.round((Date.now() - begin) / 100) / 10 };
  if (suites.includes(step)) count(report);
}

/** Adds what a report of vitest says; a file that could not even be loaded has no tests, and counts as one that failed. */
function count(report) {
  if (!existsSync(report)) return;
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  passed += numPassedTests;
  failed += numFailedTests + testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
}
