import { request, type Stage, upgrade } from '../defects/stage.js';
import { compare, type Scenario } from './compare.js';

/** The status of an answer and its CORS headers, with lists in one form. */
function answered(answer: string): unknown[] {
  const [head = ''] = answer.split('\r\n\r\n');
  const [status = '', ...fields] = head.split('\r\n');
  const cors = fields.filter((field) => /^access-control-/i.test(field)).map((field) => field.toLowerCase().replaceAll(', ', ','));
  return [Number(status.split(' ')[1]), ...cors.sort()];
}

/** Returns what pages of two origins are answered: a preflight and a GET of one, a GET of the other, and the status of the upgrades of both. */
const pages = (options: object) => async (stage: Stage) => {
  const { port } = await stage.serve(options);
  const [own, other] = ['Origin: http://a.example\r\n', 'Origin: http://other.example\r\n'];
  const preflight = `${own}Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-a\r\n`;
  const status = async (headers: string) => {
    const socket = await stage.raw(port, upgrade('/primus', headers));
    return new Promise((resolve) => socket.once('data', (data) => resolve(answered(String(data))[0])));
  };
  return {
    preflight: answered(await stage.answer(port, request('/primus/spec', preflight).replace('GET', 'OPTIONS'))),
    own: answered(await stage.answer(port, request('/primus/spec', own))),
    other: answered(await stage.answer(port, request('/primus/spec', other))),
    upgrades: [await status(own), await status(other)],
  };
};

const CREDENTIALS = 'access-control-allow-credentials: true';
const OWN = 'access-control-allow-origin: http://a.example';
const OTHER = 'access-control-allow-origin: http://other.example';
const MAX_AGE = 'access-control-max-age: 2592000';

const allowed = (methods = 'get,head,put,post,delete,options') => [
  200,
  CREDENTIALS,
  'access-control-allow-headers: x-a',
  `access-control-allow-methods: ${methods}`,
  OWN,
  MAX_AGE,
];

const same: object[] = [
  {},
  { origins: '*' },
  { maxAge: '1 day' },
  { maxAge: 1_000 },
  { credentials: false },
  { headers: 'x-a, x-b' },
  { headers: 'x-a,x-b' },
  { headers: ['x-a'] },
  { exposed: 'x-c' },
  { exposed: ['x-c', 'x-d'] },
  { methods: 'GET, OPTIONS' },
  { methods: ['GET', 'OPTIONS'] },
];

compare('pages of other origins, with the options', [
  ...same.map((options): Scenario => ({ name: JSON.stringify(options), run: pages(options) })),
  ...[{ origins: 'http://a.example' }, { origins: 'http://b.example, http://a.example' }, { origins: ['http://a.example'] }].map(
    (options): Scenario => {
      const plain = { preflight: allowed(), own: [200, CREDENTIALS, OWN], other: [403] };
      return {
        name: JSON.stringify(options),
        run: pages(options),
        differs: { ours: { ...plain, upgrades: [101, 403] }, original: { ...plain, upgrades: [101, 101] }, row: '`origins`' },
      };
    },
  ),
  ...[{ methods: 'GET' }, { methods: ['GET'] }].map((options): Scenario => {
    const rest = { own: [200, CREDENTIALS, OWN], other: [200, CREDENTIALS, OTHER], upgrades: [101, 101] };
    return {
      name: JSON.stringify(options),
      run: pages(options),
      differs: {
        ours: { preflight: allowed('get'), ...rest },
        original: { preflight: [403], ...rest },
        row: 'a preflight, where `methods` has no `OPTIONS`',
      },
    };
  }),
  {
    name: 'origins, and the body of a rejection',
    async run(stage) {
      const { port } = await stage.serve({ origins: 'http://a.example' });
      const answer = await stage.answer(port, request('/primus/spec', 'Origin: http://other.example\r\n'));
      return answer.includes('{"error":');
    },
    differs: { ours: true, original: false, row: 'a request of an origin that is not in `origins`' },
  },
]);
