// One program, and one word that chooses what carries its messages:
//   node dist/examples/switch/main.js [framework [parser]]
// Without a word, every framework takes its turn. Each one does the same work, and what that took is printed.
import { PrimusError } from 'primus-rx';
import { type Figures, measure } from './measure.js';

const frameworks = ['websockets', 'uws', 'engine.io', 'sockjs', 'faye', 'browserchannel', 'socket.io', 'memory'];

const [framework, parser = 'json', ...rest] = process.argv.slice(2);
if (rest.length > 0) refuse('Usage: main.js [framework [parser]]');

let lines = 0;
for (const each of framework === undefined ? frameworks : [framework]) print(each, await attempt(each));

/** The figures of a framework, or why it has none. */
async function attempt(name: string): Promise<string> {
  try {
    return columns(await measure(name, parser));
  } catch (error) {
    if (!(error instanceof PrimusError)) throw error;
    if (error.code === 'ERR_PRIMUS_TRANSFORMER' || error.code === 'ERR_PRIMUS_PARSER') refuse(error.message);
    // One that is not installed says what installs it, and the others have their turn.
    if (framework !== undefined) process.exitCode = 1;
    return `    ${error.message}`;
  }
}

function columns({ connect, median, p99, rate, bytes }: Figures): string {
  return line(connect.toFixed(1), median.toFixed(0), p99.toFixed(0), rate.toFixed(0), bytes?.toFixed(0) ?? '–');
}

function line(...texts: string[]): string {
  return texts.map((text) => text.padStart(12)).join('');
}

function print(name: string, text: string): void {
  if (lines++ === 0) {
    console.log(`The parser is ${parser}. The times are those of round trips, the bytes those of a message and its echo.\n`);
    console.log(' '.repeat(14) + line('connect ms', 'median µs', 'p99 µs', 'messages/s', 'bytes'));
  }
  console.log(name.padEnd(14) + text);
}

function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}
