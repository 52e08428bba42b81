import { Random } from '../fuzz/random.js';
import type { Direction, Laboratory } from './laboratory.js';

/** A fault of the network. */
export interface NetworkFault {
  name: string;
  /** How long it lasts, in ms: then the laboratory is healed. */
  lasts: number;
  /** Begins it. */
  begin(lab: Laboratory): void;
}

type Make = (random: Random) => Omit<NetworkFault, 'lasts'>;

const DIRECTIONS: readonly Direction[] = ['toServer', 'toClient'];

/** As many bytes as a handshake or some messages have: a break comes in the middle of either. */
const MOST_BYTES = 4_000;

function breakNow(reset: boolean): Make {
  return () => ({ name: reset ? 'RST' : 'FIN', begin: (lab) => lab.break({ reset }) });
}

const refuse: Make = (random) => {
  const reset = random.chance(0.5);
  return {
    name: 'broken and refused',
    begin(lab) {
      lab.refuse();
      lab.break({ reset });
    },
  };
};

function breakAfter(direction: Direction, reset: boolean): Make {
  return (random) => {
    const bytes = random.int(1, MOST_BYTES);
    return { name: `${reset ? 'RST' : 'FIN'} at a byte ${direction}`, begin: (lab) => void lab.breakAfter(direction, bytes, { reset }) };
  };
}

/** Breaks every connection after some bytes, new ones as well, until the laboratory is healed. */
const breakAgain: Make = (random) => {
  const direction = random.pick(DIRECTIONS);
  const bytes = random.int(100, MOST_BYTES);
  const reset = random.chance(0.5);
  return {
    name: 'broken again and again',
    async begin(lab) {
      lab.break({ reset });
      while (await lab.breakAfter(direction, bytes, { reset }));
    },
  };
};

const halfOpen: Make = () => ({ name: 'half-open', begin: (lab) => lab.halfOpen() });

function blackhole(direction?: Direction): Make {
  return () => ({ name: `black hole ${direction ?? 'in both directions'}`, begin: (lab) => lab.blackhole(direction) });
}

/** The client reconnects, and the former connection wakes up afterwards. */
const sleep: Make = (random) => {
  const direction = random.pick([...DIRECTIONS, undefined]);
  return { name: 'sleeping connection', begin: (lab) => lab.blackhole(direction, { present: true }) };
};

const delay: Make = (random) => {
  const [ms, direction] = [random.int(1, 200), random.pick([...DIRECTIONS, undefined])];
  return { name: 'delay', begin: (lab) => lab.delay(ms, direction) };
};

const trickle: Make = (random) => {
  const [bytes, every, direction] = [random.int(1, 200), random.int(1, 10), random.pick([...DIRECTIONS, undefined])];
  return { name: 'trickle', begin: (lab) => lab.trickle(bytes, every, direction) };
};

const KINDS: readonly Make[] = [
  breakNow(false),
  breakNow(true),
  refuse,
  ...DIRECTIONS.flatMap((direction) => [breakAfter(direction, false), breakAfter(direction, true)]),
  breakAgain,
  halfOpen,
  blackhole('toServer'),
  blackhole('toClient'),
  blackhole(),
  sleep,
  delay,
  trickle,
];

/** A fault is short for most, and at times as long as it takes to notice a silent peer. */
function durationOf(random: Random): number {
  return random.chance(0.25) ? random.int(800, 2_000) : random.int(10, 500);
}

/** Yields faults without end, the same for the same seed. `only` selects those whose name contains it. */
export function* faults(seed: number, only = ''): Generator<NetworkFault, never> {
  for (let index = 0; ; ) {
    const random = new Random(seed, index++);
    const fault = { ...random.pick(KINDS)(random), lasts: durationOf(random) };
    if (fault.name.includes(only)) yield fault;
  }
}
