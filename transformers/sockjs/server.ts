import { loadFramework } from '../../src/core/load-framework.js';
import { packageRequire } from '../../src/core/package-require.js';
import type { NodeTransformer } from '../../src/server/http/host.js';
import { serve } from '../shared/server/serve.js';
import { SockJSEndpoint } from './server/endpoint.js';
import type { SockJS } from './server/framework.js';

export const server: NodeTransformer = {
  listen(host) {
    const sockjs = loadFramework<SockJS>(packageRequire, 'sockjs', '^0.3.20');
    return serve(host, (arrived) => new SockJSEndpoint(host, arrived, sockjs));
  },
};
