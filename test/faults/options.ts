import { parseArgs } from 'node:util';

import { ENGINES } from './cluster/engine.js';

export const TRANSFORMERS = ['websockets', 'faye', 'uws', 'engine.io', 'socket.io', 'sockjs', 'browserchannel'] as const;
export const PARSERS = ['json', 'jsonh', 'ejson', 'msgpack', 'binary'] as const;

const HELP = `npm run faults -- [options]

Without --faults, --sessions and --attacks: sends mutated requests, frames and messages to a server, and stops when it crashes, hangs,
or stalls. --seed and --index repeat a case.

  --faults                  breaks connections in many ways instead, and compares memory and descriptors
  --sessions                breaks the network of one client while numbered messages go in both directions, and counts
                            those that are lost, doubled or reordered
  --attacks                 measures what one attacker costs instead; status 1 over the limits
  cluster                   breaks the engine, the nodes and the network of a cluster of four processes instead, while
                            numbered messages go through channels and rooms
  --longest 9               with cluster: how long a black hole, a stop or a split lasts at most, in seconds
  --engine redis            with cluster: this one only. Default: redis,nats
  --transformer websockets  this one only, or several: websockets,uws. Default: all
  --parser json             the parser of the server, or several
  --seed 1                  of every random number. Default: another one each time
  --inputs 100000           the number of inputs, or faults, per transformer
  --minutes 10              the time for everything, instead of a number
  --index 123               repeats this case only
  --until 130               with --index: and those up to this one
  --only bombs              only attacks, or kinds of cases or faults, whose name contains this
  --messages 100000         with --sessions: the number of messages in each direction
  --resume on               with --sessions: the option resume of both ends: on, off, or JSON. Default: on
  --seconds 4               the duration of an attack
  --tries 3                 how often an attack that seems to be over the limits is measured; the best counts
  --compression on          of attacks: on or off only
  --write docs/table.md     writes the table of the attacks to a file as well`;

/** The options of the program. */
export function parseOptions(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      faults: { type: 'boolean', default: false },
      sessions: { type: 'boolean', default: false },
      attacks: { type: 'boolean', default: false },
      engine: { type: 'string' },
      longest: { type: 'string' },
      transformer: { type: 'string' },
      parser: { type: 'string' },
      seed: { type: 'string' },
      inputs: { type: 'string' },
      minutes: { type: 'string' },
      index: { type: 'string' },
      until: { type: 'string' },
      only: { type: 'string', default: '' },
      messages: { type: 'string' },
      resume: { type: 'string', default: 'on' },
      seconds: { type: 'string', default: '4' },
      tries: { type: 'string', default: '3' },
      compression: { type: 'string' },
      write: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit();
  }
  const number = (name: 'seed' | 'inputs' | 'minutes' | 'longest' | 'index' | 'until' | 'messages' | 'seconds' | 'tries') => {
    const value = values[name];
    if (value === undefined) return undefined;
    if (!/^\d+(\.\d+)?$/.test(value)) throw new Error(`--${name} takes a number, not ${value}`);
    return Number(value);
  };
  return {
    mode: modeOf(values, positionals),
    engines: chosen(values.engine, ENGINES),
    transformers: chosen(values.transformer, TRANSFORMERS),
    parsers: values.parser === undefined ? undefined : chosen(values.parser, PARSERS),
    seed: number('seed') ?? Math.floor(Math.random() * 2 ** 31),
    inputs: number('inputs'),
    minutes: number('minutes'),
    longest: number('longest'),
    index: number('index'),
    until: number('until'),
    only: values.only,
    messages: number('messages'),
    resume: resumeOf(values.resume),
    seconds: number('seconds') ?? 4,
    tries: number('tries') ?? 3,
    compression: values.compression === undefined ? [false, true] : [values.compression === 'on'],
    write: values.write,
  };
}

export type ProgramOptions = ReturnType<typeof parseOptions>;

const MODES = ['attacks', 'cluster', 'faults', 'sessions'] as const;

/** The mode, which is a word or, for those that are older, an option. */
function modeOf(values: object, words: readonly string[]): (typeof MODES)[number] | 'fuzz' {
  const [mode] = chosen(words[0], MODES);
  if (words.length > 0) return mode as (typeof MODES)[number];
  return MODES.find((name) => (values as Record<string, unknown>)[name] === true) ?? 'fuzz';
}

function resumeOf(value: string): boolean | object {
  return value === 'on' || value === 'off' ? value === 'on' : JSON.parse(value);
}

function chosen<Name extends string>(list: string | undefined, all: readonly Name[]): readonly Name[] {
  const names = list?.split(',') ?? all;
  for (const name of names) if (!all.includes(name as Name)) throw new Error(`There is no ${name}; there are ${all.join(', ')}`);
  return names as readonly Name[];
}
