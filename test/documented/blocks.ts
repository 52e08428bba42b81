import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The code blocks of both documents, by the document and their name: `newer: spark.write`. */
export const blocks: ReadonlyMap<string, string> = new Map(
  ['newer', 'older'].flatMap((document) => {
    const page = readFileSync(join(import.meta.dirname, `${document}.md`), 'utf8');
    return [...page.matchAll(/^## (.+)\n\n```\w+\n([\s\S]*?)\n```$/gm)].map(
      ([, name, code = '']) => [`${document}: ${name}`, code] as const,
    );
  }),
);

/** Where the copy of the older document has lost a `});`: the number of rows above it. */
const missing: Readonly<Record<string, number>> = {
  'older: connection': 2,
  'older: spark data': 2,
  'older: data': 2,
  'older: open event': 2,
  'older: error event': 2,
  'older: end event': 2,
  'older: backoff': 6,
  'older: echo': 6,
};

/** Returns the text of a block, with the brackets that the copy has lost. */
export function codeOf(name: string): string {
  const code = blocks.get(name);
  if (code === undefined) throw new Error(`No document has the block '${name}'`);
  const above = missing[name];
  if (above === undefined) return code;
  const rows = code.split('\n');
  rows.splice(above, 0, name === 'older: backoff' ? '}});' : '});');
  return rows.join('\n');
}

const command = 'a command of the shell';
const broken = 'the copy has lost parts of it: no JavaScript';
const nameless = 'the copy has lost the name of the framework';

/** The blocks that do not run, with the reason. */
export const skipped: Readonly<Record<string, string>> = {
  'newer: install': command,
  'newer: heartbeat': 'a diagram; test/server/heartbeat.test.ts shows what it says',
  'newer: install browserchannel': command,
  'newer: install engine.io': command,
  'newer: install engine.io-client': command,
  'newer: install faye-websocket': command,
  'newer: install sockjs': command,
  'newer: install sockjs-client': command,
  'newer: install uws': command,
  'newer: install ws for uws': command,
  'newer: install ws': command,
  'older: install': command,
  'older: disconnected': 'misspells `function`: no JavaScript',
  'older: spark.emits': broken,
  'older: a spark': broken,
  'older: reconnecting': broken,
  'older: install engine.io': command,
  'older: engine.io': nameless,
  'older: install engine.io-client': command,
  'older: engine.io client': 'a semicolon before the comma: no JavaScript',
  'older: install ws': command,
  'older: websockets client': 'a semicolon before the comma: no JavaScript',
  'older: install browserchannel': command,
  'older: browserchannel client': 'a semicolon before the comma: no JavaScript',
  'older: install sockjs': command,
  'older: install sockjs-client': command,
  'older: sockjs client': 'a semicolon before the comma: no JavaScript',
  'older: install socket.io': command,
  'older: socket.io': nameless,
  'older: install socket.io-client': command,
  'older: socket.io client': 'a semicolon before the comma: no JavaScript',
};
