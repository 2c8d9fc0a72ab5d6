import { runPlatformApp } from '@conductor/platform-shell';

void runPlatformApp('android', () => import('./android-app.js'));
