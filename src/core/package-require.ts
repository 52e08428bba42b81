import type { Require } from './load-framework.js';

/** The part of Node.js that is used. It is not imported: a bundle of ES modules has no `require` for an import in CommonJS. */
declare const process: {
  readonly argv: readonly string[];
  cwd(): string;
  getBuiltinModule(id: 'node:module'): { createRequire(path: string): Require };
};

/**
 * Finds optional peers and the files of this package: from this package and, when that is bundled into an application, from the
 * application's main script and from the working directory. Bundlers do not see what it loads.
 */
export const packageRequire: Require = Object.assign((id: string) => requireFor(id)(id), {
  resolve: (id: string) => requireFor(id).resolve(id),
});

/** Returns the `require` that finds the module. */
function requireFor(id: string): Require {
  let missing: unknown;
  for (const path of [here(), process.argv[1], `${process.cwd()}/index.js`]) {
    if (path === undefined || !/^(?:file:|\/|[a-z]:|\\\\)/i.test(path)) continue;
    const require = process.getBuiltinModule('node:module').createRequire(path);
    try {
      require.resolve(id);
      return require;
    } catch (cause) {
      // A package that is there but does not export the module has another code, and must be reported.
      if ((cause as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw cause;
      missing ??= cause;
    }
  }
  throw missing;
}

/** Returns this module. In the CommonJS build it is `__filename`, which does not exist in a bundle of ES modules. */
function here(): string | undefined {
  try {
    return (import.meta as { url?: string }).url;
  } catch {
    return undefined;
  }
}
