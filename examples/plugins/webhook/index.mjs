import { definePlugin } from '@conductor/platform-kit';
import { WebhookPlatform } from './webhook.platform.mjs';

export default definePlugin({ platforms: { webhook: { create: () => new WebhookPlatform() } } });
