import { runApp } from '@conductor/http';
import { PluginHostModule } from './plugin-host.module';
import { openWebhooks } from './webhooks';

void runApp('plugin-host', (context) => PluginHostModule.register(context), { configure: openWebhooks });
