// One program that runs on any framework and measures it:
//   node dist/examples/switch/main.js [framework [parser]]
// Without a framework it measures all of them, one after the other, with the same work.
import { PrimusError } from 'primus-rx';
import { type Figures, measure } from './measure.js';

const frameworks = ['websockets', 'uws', 'engine.io', 'sockjs', 'faye', 'browserchannel', 'socket.io', 'memory'];

const [framework, parser = 'json', ...rest] = process.argv.slice(2);
if (rest.length > 0) refuse('Usage: main.js [framework [parser]]');

let printed = 0;
for (const each of framework === undefined ? frameworks : [framework]) print(each, await attempt(each));

/** The figures of a framework, or the reason why it has none. */
async function attempt(name: string): Promise<string> {
  try {
    return columns(await measure(name, parser));
  } catch (error) {
    if (!(error instanceof PrimusError)) throw error;
    if (error.code === 'ERR_PRIMUS_TRANSFORMER' || error.code === 'ERR_PRIMUS_PARSER') refuse(error.message);
    // The message has the command that installs it. The other frameworks are measured all the same.
    if (framework !== undefined) process.exitCode = 1;
    return `    ${error.message}`;
  }
}

function columns({ connect, median, p99, rate, bytes }: Figures): string {
  return row(connect.toFixed(1), median.toFixed(0), p99.toFixed(0), rate.toFixed(0), bytes?.toFixed(0) ?? '–');
}

function row(...cells: string[]): string {
  return cells.map((cell) => cell.padStart(12)).join('');
}

function print(name: string, text: string): void {
  if (printed++ === 0) {
    console.log(`The parser is ${parser}. The times are those of round trips, the bytes those of a message and its echo.\n`);
    console.log(' '.repeat(14) + row('connect ms', 'median µs', 'p99 µs', 'messages/s', 'bytes'));
  }
  console.log(name.padEnd(14) + text);
}

function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}
