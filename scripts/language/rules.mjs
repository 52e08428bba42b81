// The words this project does not use, and the ones it uses instead: one word for one thing, everywhere.
//
// prose     where it is wrong in comments, messages, titles and pages; a blank in it stands for any white space
// names     where it is wrong in the words of a name: `lineOf` is 'line of'
// exact     names that are wrong as a whole, and only so
// opening   where it is wrong as the beginning of a docstring
// heading   where it is wrong as the heading of a page
// cased     prose is case-sensitive; it is not, else
// say       what to say instead
// except    where it is right: a hit that overlaps with a match of one of these is none; for names, what matches the whole name, or the whole `object.name`
// files     files in which it is right, each with the reason

/** @type {import('../language.mjs').Rule[]} */
export const rules = [
  // --- one word for one thing
  {
    prose: /\blines?\b/,
    names: /\blines?\b/,
    say: 'connection; link (one raw transport connection); socket (the framework’s own)',
    except: [
      /\blines? (?:breaks?|ends?|endings?|feeds?|numbers?|length|width|height|chart|by line|\d+)\b/,
      /\b(?:empty|blank|command|status|request|first|last|header|log|new|code|output|import|stack|straight|dashed|\d+|one|two|three|few|many|of|per) lines? of (?:the |its |a |an |each )?(?:code|file|page|text|output|log|source|script|stack|answer|response|request|head|headers?|standard output)\b/,
      /\blines? of (?:the |its |a |an |each )?(?:code|file|page|text|output|log|source|script|stack|answer|response|request|head|headers?|test|program|prose|comment)s?\b/,
      /\b(?:empty|blank|command|status|request|header|log|code|output|import|stack|CRLF|\d+|per|by|source|comment|off) lines?\b/,
      /\b(?:on|off|multi|in|new|under|out|dead)-?line\b/,
      /\b(?:file|page|path):line\b/,
      // The browser's event and property, drawing, and the standard library.
      /^(?:on|off|in|multi)[lL]ines?\$?$|^--?line-|^polyline$|^line(?:To|Width|Cap|Join|Height|Number|Break)$|^createInterface$|^(?:empty|status|request|header|command)Lines?$|^lineWidth$|^newline$|^END_OF_LINE$/,
    ],
    files: {
      ...of('lines of a program or a page', [
        'scripts/language.mjs',
        'scripts/language.d.mts',
        'scripts/language/segments.mjs',
        'test/docs/blocks.ts',
        'test/docs/check.test.ts',
        'test/docs/check.ts',
        'test/docs/compile.ts',
        'test/docs/execute.ts',
        'test/docs/links.ts',
        'test/docs/prose.ts',
        'test/docs/shell.ts',
        'test/package/coverage.test.ts',
      ]),
      ...of('lines of what a process prints', [
        '.ci/run',
        'bench/lib/report.mjs',
        'scripts/packages.mjs',
        'scripts/test.mjs',
        'test/deployment/backend.ts',
        'test/smoke/examples.test.ts',
        'test/support/processes.test.ts',
      ]),
      ...of('lines of the head of a request or an answer', [
        'src/server/http/close-reasons.ts',
        'src/server/http/reject.ts',
        'transformers/uws/engine/answer.ts',
        'transformers/uws/engine/port.ts',
        'transformers/uws/engine/request.ts',
      ]),
    },
  },
  { prose: /\blife\b/, names: /\blife\b/, say: 'connection; for its proof: activity', except: [/\blife[ -]?(?:cycle|time)s?\b/] },
  {
    prose: /\b(?:a|as|any|no|one|every|another|is|be|,|or) text\b|\btexts\b|\btext (?:or|and) bytes\b|\bbytes (?:or|and) text\b/,
    exact: /^texts$/,
    say: 'string',
    except: [
      /\btexts? (?:frame|message|file|editor|area|node|input|content|field|format|based)s?\b/,
      /\btext of (?:the |a |an |its |each |this )?(?:page|file|button|link|answer|response|license|label|heading|element|program|source)s?\b/,
      /\btext\/[a-z-]+/,
    ],
  },
  {
    prose:
      /\bturn(?:s|ed|ing)? (?:it |them |him |her |everybody |whoever )?away\b|\blet(?:s|ting)? (?:(?:it|them|him|her|nobody|somebody|anybody|everybody|whoever|a client|clients) )?in\b|\bat the door\b/,
    names: /\bturn(?:s|ed)? away\b|\blet in\b/,
    say: 'reject (a request, with a status)',
  },
  {
    prose: /\b(?:cuts?|cutting|cuttable)\b/,
    names: /\b(?:cuts?|cutting|cuttable)\b/,
    say: 'terminate (at once), or close (with a handshake); truncate, split (data)',
    except: [
      /\bcut(?:s|ting)? (?:(?:it|them|a message|messages|frames?|the \w+) )?(?:short|off|into|in (?:two|half|pieces|parts|slices))\b/,
      // The network fault of the memory transformer, a documented name.
      /\b(?:\w+\.)*network(?:\.| )cut\b|\bMemoryNetwork\.cut\b/,
    ],
    files: of('the network fault `cut()`, a documented name', [
      'transformers/memory/network.ts',
      'src/testing.ts',
      'src/testing/network.ts',
      'src/testing/world.ts',
      'docs/testing.md',
      'test/support/world.ts',
      'test/testing/network.test.ts',
      'test/testing/world.test.ts',
    ]),
  },
  { prose: /\bh(?:a|u)ng(?:s|ing)? up\b/, names: /\bh[au]ng up\b/, say: 'terminate or close; unsubscribe' },
  { prose: /\blet(?:s|ting)? (?:\w+ )?go of\b|\blet(?:s|ting)? (?:it|them) go\b/, names: /\blet go\b/, say: 'close, release or remove' },
  {
    prose:
      /\b(?:hold|holds|held|holding|keep|keeps|kept|keeping) (?:\w+ )?back\b|\bholds? up\b|\bheld (?:up|by|for|as|values?|messages?|frames?|writes?|data)\b|\b(?:is|are|was|were|be|been|what it) (?:held|holds)\b|\bholds them\b|\bthe hold\b/,
    exact: /^(?:hold|held|holding)$/,
    files: { 'CHANGELOG.md': 'the old name of an operator' },
    say: 'buffer, queue',
    except: [/\bheld (?:open|in memory)\b/],
  },
  { prose: /\bg(?:ive|ives|ave|iving) way\b/, names: /\bgives? way\b/, say: 'is dropped, is discarded; buffer, queue' },
  {
    prose: /\b(?:come|comes|came|coming) back\b/,
    names: /\b(?:come|comes|came|coming) back\b/,
    say: 'reconnect; return',
    except: [/\bcall(?:s|ed)? back\b/],
  },
  {
    prose: /\bdo(?:es)? not meet\b|\bin one instant\b|\b(?:come back|back|reconnect|connect|clients?) by themselves\b/,
    say: 'jitter; automatically',
  },
  {
    prose:
      /\b(?:peers?|clients?|pages?|readers?|consumers?|others?|one|it) (?:that |who |which )?(?:does|do|did) not read\b|\bpress(?:es|ed|ing)? back\b|\bwho(?:ever)? presses\b/,
    names: /\bpresse?s? back\b/,
    say: 'slow consumer; back-pressure',
  },
  {
    prose: /\b(?:go|goes|went|gone|going) down\b/,
    names: /\b(?:go|goes|going) down\b/,
    say: 'shut down, drain; disconnect (a connection)',
  },
  { prose: /\bpatien(?:ce|t)\b/, names: /\bpatien(?:ce|t)\b/, say: 'time-out, deadline' },
  { prose: /\bblam(?:e|es|ed|ing)\b/, names: /\bblam(?:e|es|ed)\b/, say: 'report (the listener that threw)' },
  { prose: /\bobey(?:s|ed|ing)?\b/, names: /\bobey(?:s|ed)?\b/, say: 'handle (a control message)' },
  {
    prose: /\btold\b|\btell(?:s|ing)?\b/,
    names: /\b(?:tell|tells|told|telling)\b/,
    say: 'emit, transition; report, return, show',
    except: [
      /\b(?:tell|tells|told|telling) (?:\w+ |\w+ \w+ )?apart\b/,
      /\btell(?:s|ing)? (?:\w+ ){1,4}from\b/,
      /\btell(?:s|ing)? (?:you|us|me|(?:the |a |an |your |its )?(?:browser|server|client|proxy|nginx|reader|user|caller|compiler|linter|bundler|npm|TypeScript)s?)\b/,
    ],
  },
  {
    prose: /\b(?:state|machine|lifecycle|client|session) becomes?\b/,
    exact: /^become[sd]?$/,
    say: 'transition',
  },
  { prose: /\bpace[ds]?\b|\bpacing\b/, names: /\bpace[ds]?\b|\bpacing\b/, say: 'rate limit' },
  { prose: /\bwhat (?:ended|ends|has ended)\b|\bends it\b/, names: /\bwhat ended\b/, say: 'cause' },

  // --- names that did not explain themselves
  { names: /\bhost of\b/, say: 'transformer host' },
  { names: /\bpresets?\b/, say: 'builtins', files: { 'biome.json': 'a setting of Biome' } },
  {
    exact: /^(?:explaining|refuse-?[wW]ith-?[cC]lose-?[mM]iddleware)$/,
    say: 'close-reasons',
    files: { 'CHANGELOG.md': 'the old name of an export' },
  },
  { exact: /^(?:Fleet|fleet)$/, say: 'ConnectionRegistry, connections' },
  { exact: /^(?:sparkOf|enrolled|enrol|agreed)$/, say: 'createSpark, register, runConnectionListeners' },
  { exact: /^(?:Signal|[mM]achine)$/, say: 'StateSubject; Lifecycle' },
  { exact: /^heard\$$/, say: 'activity$' },
  {
    exact: /^(?:apart|carriedBy)$/,
    say: 'excludeFromBroadcast, setTransportSocket',
    files: { 'CHANGELOG.md': 'the old name of a member' },
  },
  { prose: /\bmischief\b|\bwitness(?:es|ed)?\b/, names: /\bmischief\b|\bwitness(?:es)?\b/, say: 'faults, invariants' },

  // --- people and things that are not named
  {
    prose: /\b(?:who(?:so)?ever|nobody|somebody|anybody|everybody|whom)\b/,
    names: /\b(?:whoever|nobody|somebody|anybody|everybody|whom)\b/,
    say: 'the one it is: the server, the client, a listener, you; “no listener”, “without listeners”',
  },
  {
    opening: /^(?:what|who|whoever|whatever|whose|whom|which|that which|those who)\b/,
    say: 'a first sentence that says what the thing does or is, with its name or a verb as the subject',
  },
  {
    heading: /^(?:the end|the rest|to (?:one|many)|what is (?:going|wrong)\b.*|who may come in|coming in|going .*|.*without losing .*)$/,
    say: 'what people search for: Options, Events, Broadcasting, Graceful shutdown',
  },
  {
    prose: /\b(?:Who|Whose) (?!(?:is|are|was|did|does|has|may|can) [^.]*\?)/,
    cased: true,
    say: 'If you …; the client that …',
  },
  { prose: /\b(?:vanish|vanishes|vanished)\b/, say: 'was lost, is dead' },
  { prose: /\bloses? (?:nobody|anybody)\b|\b(?:is|be|was) ill\b/, say: 'fail, failure' },
  { prose: /\b(?:be|been) had\b/, say: 'be resolved, be obtained' },
  { prose: /\bcure[ds]?\b/, say: 'Is it installed? Run: npm install X' },
  { prose: /\b(?:above|over) 0\b/, say: 'a positive number' },
  { prose: /\b(?:would|will|is|are) never (?:be )?asked\b/, say: 'is never called' },
  { prose: /\bhears? of\b/, say: 'is notified of, listens to' },
  { prose: /\bcomes? to an end\b|\bthe other end\b/, say: 'ends; the peer' },
  {
    prose: /\bis to (?:come|go|be|do|stop|wait|reconnect|stay|end)\b|\bare to (?:come|go|be|do|stop|wait|reconnect|stay|end)\b/,
    say: 'should, must',
  },
  { prose: /\bhas to call its\b|\byour build's to do\b/, say: 'never answered; do it in your build' },
];

/** Files with one reason. */
function of(reason, files) {
  return Object.fromEntries(files.map((file) => [file, reason]));
}
