import { runPlatformApp } from '@conductor/platform-shell';

void runPlatformApp('brain', () => import('./brain-app.js'));
