import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Folders of tests that run a browser, proxies, other programs, or all frameworks. `npm run check` leaves them out. */
const integration = [
  'browser',
  'callbacks',
  'cluster/engines',
  'deployment',
  'docs',
  'documented',
  'examples',
  'faults',
  'frameworks',
  'interop',
  'plugins',
  'runtimes',
  'smoke',
  'transformers',
];
const folders = integration.map((folder) => `test/${folder}/**/*.test.ts`);
const types = 'test/types/**/*.test.ts';

export default defineConfig({
  test: {
    reporters: ['default', 'json'],
    // Read by scripts/test.mjs, which counts.
    outputFile: { json: 'dist/reports/vitest.json' },
    // A process a file: tests open servers, patch prototypes and watch for unhandled rejections, and must not share any of it.
    pool: 'forks',
    // Most tests wait for sockets rather than for the processor: two cores have time for three files at once.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // Limits for what hangs, not for what is slow: other programs may have most of the processor. What waits for a condition gives up
    // before, and says for what it has waited (test/support/wait.ts).
    testTimeout: 90_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    // Of one file, where it says so.
    maxConcurrency: 3,
    expect: { requireAssertions: true },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...folders, types],
          // What must compile, and what must not, is for the compiler to say.
          typecheck: { enabled: true, include: [types], tsconfig: 'test/tsconfig.json' },
        },
      },
      {
        extends: true,
        test: { name: 'integration', include: folders, testTimeout: 180_000, globalSetup: 'test/support/chromium-server.ts' },
      },
    ],
  },
});
