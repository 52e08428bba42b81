import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerOptions } from 'primus-rx';
import { Child } from './child.js';
import type { InnocentMethods, InnocentSettings } from './innocent.js';
import type { ApplicationSettings } from './server/application.js';
import type { ServerMethods, ServerSettings } from './server/main.js';

export interface TargetSettings {
  transformer: string;
  parser?: string | undefined;
  compression?: boolean;
  options?: ServerOptions;
  application?: ApplicationSettings;
}

/** A server in a process of its own, and a client in another that it has to serve the whole time. */
export class Target {
  readonly settings: TargetSettings;
  readonly server: Child<ServerMethods>;
  readonly innocent: Child<InnocentMethods>;
  readonly port: number;

  private constructor(settings: TargetSettings, server: Child<ServerMethods>, innocent: Child<InnocentMethods>, port: number) {
    this.settings = settings;
    this.server = server;
    this.innocent = innocent;
    this.port = port;
  }

  static async start(settings: TargetSettings): Promise<Target> {
    const { transformer, parser, compression = false, options, application = {} } = settings;
    const common = { transformer, compression, ...(parser !== undefined && { parser }) };
    const serverSettings: ServerSettings = { options: { ...common, ...options }, application };
    const server = new Child<ServerMethods>('./server.js', serverSettings, ['--expose-gc']);
    const port = await server.call('listen');
    const innocentSettings: InnocentSettings = { url: `http://127.0.0.1:${port}`, serves: server.pid, ...common };
    const target = new Target(settings, server, new Child<InnocentMethods>('./innocent.js', innocentSettings), port);
    try {
      await target.serves();
      // The start itself takes a while.
      await server.call('stall');
    } catch (error) {
      await target.stop();
      throw error;
    }
    return target;
  }

  /** Resolves when the innocent client is served; rejects when it is not within 20 s. */
  async serves(): Promise<void> {
    const deadline = performance.now() + 20_000;
    await this.innocent.call('report');
    while ((await this.innocent.call('report')).served === 0) {
      if (this.server.failure !== undefined) throw this.server.failure;
      if (performance.now() > deadline) throw new Error('The innocent client was not served for 20 s');
      await pause(30);
    }
  }

  /** Resident memory of the server in bytes: now, and the peak since the last `resetPeak`. Linux only. */
  memory(): { now: number; peak: number } {
    const status = readFileSync(`/proc/${this.server.pid}/status`, 'utf8');
    const field = (name: string) => Number(new RegExp(`${name}:\\s*(\\d+)`).exec(status)?.[1]) * 1_024;
    return { now: field('VmRSS'), peak: field('VmHWM') };
  }

  resetPeak(): void {
    writeFileSync(`/proc/${this.server.pid}/clear_refs`, '5');
  }

  async stop(): Promise<void> {
    await Promise.all([this.server.stop(), this.innocent.stop()]);
  }
}
