import { join } from 'node:path';
import type { AppContext } from '@conductor/http';
import { PluginRegistry, Sandbox, type SandboxWalls } from '@conductor/plugin-runtime';
import { type DynamicModule, Module } from '@nestjs/common';
import { measureListeners } from './listeners';
import { Plugins, warnOfMissing } from './plugins';
import { openRegistry } from './registry/open-registry';
import { SandboxController } from './sandbox.controller';

/** Third-party platforms, each in sandboxed processes of its own. */
@Module({})
export class PluginHostModule {
  /** @param walls those found before, instead of trying them again */
  static async register(context: AppContext, walls?: SandboxWalls): Promise<DynamicModule> {
    const { config, resources, logger, metrics } = context;
    measureListeners(context);
    const { strict, allowMissingIsolation: allowMissing, egressAllowed, idleUnloadMs } = config.plugins;
    const sandbox = resources.hold('sandbox', await Sandbox.open({ folder: join(config.home, 'plugins', 'sandbox'), strict, allowMissing, egressAllowed, idleUnloadMs }, walls), (open) => open.close());
    warnOfMissing(sandbox, logger);
    const { registry, answers } = await openRegistry(context, sandbox);
    const plugins = new Plugins(registry, answers);
    plugins.measure(metrics);
    return { module: PluginHostModule, controllers: [SandboxController], providers: [{ provide: Plugins, useValue: plugins }, { provide: PluginRegistry, useValue: registry }] };
  }
}
