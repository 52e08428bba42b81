import { unwatchFile } from 'node:fs';
import { loadFramework } from '../../src/core/load-framework.js';
import { packageRequire } from '../../src/core/package-require.js';
import type { NodeTransformer } from '../../src/server/http/host.js';
import { serve } from '../shared/server/serve.js';
import { BrowserChannelEndpoint } from './server/endpoint.js';
import type { Framework } from './server/framework.js';

export const server: NodeTransformer = {
  listen(host) {
    const browserChannel = loadFramework<Framework>(packageRequire, 'browserchannel/dist/server.js', '^2.1.0');
    // The framework watches the file that it serves: it would check it every five seconds for as long as the process runs.
    unwatchFile(packageRequire.resolve('browserchannel/dist/bcsocket.js'));
    return serve(host, (arrived) => new BrowserChannelEndpoint(host, arrived, browserChannel));
  },
};
