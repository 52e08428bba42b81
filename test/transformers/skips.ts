/** Why a rule of the contract does not hold for a transformer, by its title. */
export const skips: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  browserchannel: {
    'gives the spark the headers as they were sent': "the framework's own client for Node sends a Host without the port",
    'sends the headers of each attempt': "the framework's own client cannot send any; the option throws",
    'listens on IPv6': 'the framework cannot write an IPv6 address into a URL; its own tests do with plain requests',
  },
  sockjs: {
    'sends the headers of each attempt': 'sockjs-client cannot send any; the option throws',
  },
  uws: {
    'gives the spark the port of the client': 'the engine does not expose it',
    'answers requests whose target is not a path': 'the engine closes their connections itself, after 10 s',
  },
};
