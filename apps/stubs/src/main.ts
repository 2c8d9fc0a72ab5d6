import { runPlatformApp } from '@conductor/platform-shell';

void runPlatformApp('stubs', () => import('./stubs-app.js'));
