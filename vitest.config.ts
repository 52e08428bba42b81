import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    reporters: ['default', 'json'],
    // Read by scripts/test.mjs, which counts.
    outputFile: { json: 'dist/reports/vitest.json' },
    // A process a file: tests open servers, patch prototypes and watch for unhandled rejections, and must not share any of it.
    pool: 'forks',
    // Real sockets and a browser share two cores; what waits in virtual time never comes near these.
    testTimeout: 10_000,
    hookTimeout: 20_000,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/smoke/**'] } },
      // Installs the packed tarball, so it needs a build and, at first, the registry.
      { extends: true, test: { name: 'smoke', include: ['test/smoke/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 180_000 } },
    ],
  },
});
