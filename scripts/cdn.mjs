// Writes dist/cdn: for each transformer the library that a server with the defaults serves, minified, for the CDNs that have every npm package.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundled } from './bundle.mjs';
import { root } from './run.mjs';

const folder = join(root, 'dist/cdn');

/** The page of the reference that says which files there are, each with its hash for the attribute `integrity`. */
export function cdnPage() {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const address = `https://cdn.jsdelivr.net/npm/${name}@${version}/dist/cdn`;
  const files = readdirSync(folder).sort();
  const rows = files.map((file) => `| \`${file}\` | \`${integrity(file)}\` |`);
  return `# CDN

The libraries that a server with the default options serves, minified: the file of each transformer, at \`dist/cdn/\` in the package. With \`integrity\`, a page runs nothing else, whatever the CDN sends.

\`\`\`html
<script
  src="${address}/websockets.js"
  integrity="${integrity('websockets.js')}"
  crossorigin="anonymous"
></script>
<script>
  const client = new Primus('https://example.com');
  client.on('data', (message) => console.log(message));
</script>
\`\`\`

Any CDN of npm packages has them, such as \`https://unpkg.com/${name}@${version}/dist/cdn/websockets.js\`. The hashes are those of version ${version}.

| file | \`integrity\` |
|---|---|
${rows.join('\n')}

A server with other options, another parser, plugins, sessions, channels or requests serves a library of its own: load its \`/primus/primus.js\`, or what \`primus.save()\` has written.
`;
}

function integrity(file) {
  return `sha384-${createHash('sha384')
    .update(readFileSync(join(folder, file)))
    .digest('base64')}`;
}

async function write() {
  // As built just now.
  const { default: Primus } = await import('primus-rx');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const transformer of bundled()) {
    const primus = new Primus(createServer(), { transformer });
    writeFileSync(join(folder, `${transformer}.js`), primus.library({ minify: true }));
    await primus.destroy();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await write();
