import { describe, expect, it } from 'vitest';
import { check, report } from './check.js';
import { expected } from './execute.js';
import { anchors } from './links.js';

/** The problems of a page with just that block. */
async function said(info: string, ...lines: string[]): Promise<string> {
  return report(await check([['docs/page.md', `# Page\n\n\`\`\`${info}\n${lines.join('\n')}\n\`\`\`\n`]]));
}

const echo = [
  "import { createServer } from 'node:http';",
  "import Primus from 'primus-rx';",
  'const server = createServer();',
  'const primus = new Primus(server);',
  "primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));",
  'server.listen(8080);',
];

const ask = [
  "import { Primus } from 'primus-rx/client';",
  "const client = new Primus('http://localhost:8080');",
  "client.write('hello');",
  "client.on('data', (data) => {",
  '  console.log(data); // => hello',
  '  client.end();',
  '});',
];

describe('an example', () => {
  it('passes when it is right', async () => {
    expect(await said('js', ...echo)).toBe('');
    expect(await said('ts', 'const data: number = await Promise.resolve(1);')).toBe('');
    expect(await said('js', "primus.write('by the name that pages share');")).toBe('');
    expect(await said('json', '{ "a": 1 }')).toBe('');
    expect(await said('sh', 'npm ci && npm run build   # twice', 'npm install primus-rx rxjs ws@^8.23.0 \\', '  --save')).toBe('');
    expect(await said('sh', 'npm install uNetworking/uWebSockets.js#v20.30.0')).toBe('');
    expect(await said('text unchecked: a drawing of what happens', 'x')).toBe('');
    expect(await said('js run', "console.log('a'); // => a")).toBe('');
    expect(await said('js run', "import assert from 'node:assert';", 'assert(true);')).toBe('');
    expect(await said('nginx from=../package.json', '"name": "primus-rx",')).toBe('');
  });

  it.each<[string, string, string[], RegExp]>([
    [
      'names an option that has another type',
      'js',
      ["import Primus from 'primus-rx';", 'new Primus(server, { pathname: 1 });'],
      /page\.md:5: TS\d+/,
    ],
    ['names an event that is none', 'ts', ["primus.on('conection', () => {});"], /page\.md:4: TS\d+/],
    ['calls a method that is gone', 'js', ["primus.broadcast('x');"], /page\.md:4: TS2339/],
    ['imports what is not exported', 'ts', ["import { spark } from 'primus-rx';"], /TS2\d+/],
    ['has a page whose script is wrong', 'html', ['<p></p>', '<script>', '  Primus.conect();', '</script>'], /page\.md:6: TS2551/],
    ['does not parse', 'json', ['{ a: 1 }'], /SyntaxError/],
    ['runs a script that is gone', 'sh', ['npm run biuld'], /no script biuld/],
    ['installs a package that no test uses', 'sh', ['npm install primus-xr'], /primus-xr is none/],
    ['installs a version that does not fit', 'sh', ['npm install rxjs@^6.0.0'], /rxjs@\^7/],
    ['runs a file that is gone', 'sh', ['node server.mjs'], /no file server\.mjs/],
    ['runs a command of which nothing is known', 'sh', ['rm -rf /'], /'rm'/],
    ['prints something else', 'js run', ["console.log('b'); // => a"], /it does not.*b/s],
    ['throws', 'js run', ["throw new Error('no'); // => a"], /ended with 1.*Error: no/s],
    ['checks nothing', 'js run', ["console.log('b');"], /neither asserts/],
    ['is alone in the background', 'js run background', echo, /Nothing runs against it/],
    ['does not listen', 'js run background', ["console.log('b'); // => b"], /does not listen/],
    ['is no excerpt any more', 'nginx from=../package.json', ['"name": "primus",'], /does not stand in/],
    ['is in a language without a check', 'yaml', ['a: 1'], /'yaml'/],
    ['is in no language', '', ['a'], /''/],
    ['has a word that is none', 'js rnu', ['1;'], /'js rnu'/],
    ['is unchecked for no reason', 'js unchecked: because', ['x'], /no reason/],
  ])('that %s fails', async (_what, info, lines, message) => {
    expect(await said(info, ...lines)).toMatch(message);
  });

  it('runs against one in the background', async () => {
    const page = (client: string[]) =>
      `\`\`\`js run background\n${echo.join('\n')}\n\`\`\`\n\n\`\`\`js run\n${client.join('\n')}\n\`\`\`\n`;
    expect(report(await check([['docs/page.md', page(ask)]]))).toBe('');
    expect(report(await check([['docs/page.md', page(ask.map((line) => line.replace('=> hello', '=> hullo')))]]))).toMatch(/10: It says/);
  });

  it('may import another one of its page', async () => {
    const page =
      "```ts file=one.ts\nexport const one = 1;\n```\n\n```ts run\nimport { one } from './one.mjs';\nconsole.log(one); // => 1\n```\n";
    expect(report(await check([['docs/page.md', page]]))).toBe('');
    expect(report(await check([['docs/page.md', page.replace('const one', 'const two')]]))).toMatch(/docs\/page\.md:6: TS2305/);
  });
});

describe('inline code', () => {
  it.each([
    ['`maxBuffer`, `spark.write(data)`, `npm run bench`, `src/core/lane.ts`, `primus-rx/client/faye`', ''],
    ['`primus.forEach((spark) => spark.write(data))`, `client.state$`, `await primus.destroy()`', ''],
    ["`primus.on('connection', …)`, `new Primus(server, { maxBuffer: 1 })`, `` `text` ``", ''],
    ['`maxBufer`', 'docs/page.md:3: `maxBufer`: nothing here has this name'],
    ['`brodcast()`', 'docs/page.md:3: `brodcast()`: nothing here has this name'],
    ['`ERR_PRIMUS_NOTHING`', 'docs/page.md:3: `ERR_PRIMUS_NOTHING`: nothing here has this name'],
    ['`npm run biuld`', 'docs/page.md:3: `npm run biuld`: there is no such script'],
    ['`npm run faults -- --seeed 1`', 'docs/page.md:3: `npm run faults -- --seeed 1`: no program has the option --seeed'],
    ['`src/core/gone.ts`', 'docs/page.md:3: `src/core/gone.ts`: there is no such file'],
    ['`primus-rx/gone`', 'docs/page.md:3: `primus-rx/gone`: the package does not export this'],
    ["`flow(client).readable`, `interactive({ max: '1 m' })`, `world.network.delay(5)`, `queueSize: 5`, `{ close: true }`", ''],
    [
      '`flow(client).readible`',
      "docs/page.md:3: TS2551: Property 'readible' does not exist on type 'Flow<any, any>'. Did you mean 'readable'?",
    ],
    [
      '`interactive({ limit: 1 })`',
      "docs/page.md:3: TS2353: Object literal may only specify known properties, and 'limit' does not exist in type 'ExponentialOptions'.",
    ],
    [
      '`quueSize: 5`',
      "docs/page.md:3: TS2353: Object literal may only specify known properties, and 'quueSize' does not exist in type 'Setting'.",
    ],
    ['`spark.brodcast`', "docs/page.md:3: TS2339: Property 'brodcast' does not exist on type 'Spark<any, any, any>'."],
    ['`client.ready({ signl })`', /^docs\/page\.md:3: TS2561: .*'signl'/],
    ['`primus.destroy(1, 2, 3)`', /^docs\/page\.md:3: TS25/],
  ])('%s', async (text, problem) => {
    const found = report(await check([['docs/page.md', `# Page\n\n${text}\n`]]));
    if (typeof problem === 'string') expect(found).toBe(problem);
    else expect(found).toMatch(problem);
  });
});

describe('a link', () => {
  it.each([
    ['[x](../README.md)', ''],
    ['[x](#page)', ''],
    ['[x](https://example.com/gone)', ''],
    ['`[x](gone.md)`', ''],
    ['[x](gone.md)', 'docs/page.md:3: There is no docs/gone.md'],
    ['![x](gone.png)', 'docs/page.md:3: There is no docs/gone.png'],
    ['[x](#gone)', 'docs/page.md:3: docs/page.md has no heading #gone'],
    ['[x](../README.md#gone)', 'docs/page.md:3: README.md has no heading #gone'],
  ])('%s', async (link, problem) => {
    expect(report(await check([['docs/page.md', `# Page\n\n${link}\n`]]))).toBe(problem);
  });

  it('finds headings as they are written', () => {
    expect(anchors('# One, `two`\n\n## [A](b) – c\n## x\n## x\n```sh\n# no\n```\n')).toEqual(['one-two', 'a--c', 'x', 'x-1']);
  });
});

it('reads what is printed from the comments', () => {
  expect(expected("f(); // => a b\n  // => c\n// = > d\n'=> e';")).toEqual(['a b', 'c']);
});
