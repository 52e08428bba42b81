/** Forms of calls whose outcome is another one than with 8.0.9. */
export interface Difference {
  readonly methods: readonly string[];
  /** The names of the forms. */
  readonly forms: RegExp;
  /** The first cell of the row in docs/migrating.md that gives the reason. */
  readonly row: string;
}

const CLIENTS = ['new Socket', 'Socket', 'connect'];

export const DIFFERENCES: readonly Difference[] = [
  { methods: CLIENTS, forms: /^null/, row: 'an address that is `null`, a number or a `URL`' },
  {
    methods: CLIENTS,
    forms: /^\[\]|^'http:.*, (\[\]|function)$/,
    row: '`createSocket(1)`, `new Socket(url, [])`, and other options that are no object',
  },
  {
    methods: ['createSocket'],
    forms: /^(true|1|-1|'x'|\[\]|function)$/,
    row: '`createSocket(1)`, `new Socket(url, [])`, and other options that are no object',
  },
  {
    methods: ['primus.plugin'],
    forms: /^(undefined|null|false|0|'')|, (null|false|0|'')$/,
    row: '`plugin` with an empty name, or an empty plugin',
  },
  {
    methods: ['new Primus', 'Primus'],
    forms: /^server, (\[\]|function)$/,
    row: '`new Primus(server, [])`, and a function for the options',
  },
  { methods: CLIENTS, forms: /^(true|1|-1|function)\b/, row: '`new Socket(true)`, a number or a function for the address' },
  { methods: CLIENTS, forms: /^'x'/, row: "`new Socket('example.com')`" },
  {
    methods: ['new Spark'],
    forms: /^\{\}, \{\}, (\{ a: '1' \}|'mine'), /,
    row: '`new primus.Spark({}, {}, {}, 1)`, and other ids that are not strings',
  },
  { methods: ['primus.write', 'spark.write', 'spark._write'], forms: /^(|undefined|function)$/, row: '`write()` and `write(function)`' },
  { methods: ['spark.end'], forms: /^function/, row: '`write()` and `write(function)`' },
  { methods: ['primus.forEach'], forms: /^(?!\(|function)/, row: '`forEach` without a function' },
  { methods: ['primus.transform', 'client.transform'], forms: /^'(in|out)/, row: '`transform(type)` without a function' },
  { methods: ['client.transform'], forms: /^(?!'(in|out))/, row: '`client.transform` with another type' },
  { methods: ['primus.use'], forms: /^(?!'mine'), \(a, b\)|^\S+, \(a, b\)/, row: '`use` with a name that is not a string' },
  { methods: ['primus.use'], forms: /^\(a, b\) => \{\}, '/, row: '`use` of a function that has no name' },
  { methods: ['primus.library'], forms: /^(0|1|-1|'|\[\]|function)/, row: '`library` with a number, string, list or function' },
  { methods: ['primus.asyncemit', 'primus.listeners'], forms: /^(|undefined.*)$/, row: '`listeners()` without an event' },
  {
    methods: ['primus.destroy', 'primus.end'],
    forms: /, (true|1|-1|'x'|\{\}|\[\])$/,
    row: '`destroy(options, 1)`, and other values that are no function',
  },
  { methods: ['primus.destroy', 'primus.end'], forms: /^/, row: '`primus.ark` after `destroy`' },
  { methods: ['client._write'], forms: /^/, row: '`client._write` while there is no connection' },
  { methods: ['client.end'], forms: /./, row: '`client.end(data)` while there is no connection' },
  { methods: ['client.id'], forms: /^/, row: '`client.id` while there is no connection' },
  { methods: ['client.destroy'], forms: /^/, row: 'the result of `client.destroy`' },
  {
    methods: ['client.querystring', 'client.uri'],
    forms: /^(|undefined|null|true|1|-1|'x')$/,
    row: '`uri()`, and `querystring()` of nothing',
  },
  { methods: ['client.merge'], forms: /^(true|false|0|1|-1|'x?'), /, row: '`client.merge` into a value that is no object' },
];
