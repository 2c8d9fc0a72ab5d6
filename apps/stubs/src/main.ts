import { runPlatformApp } from '@conductor/platform-shell';
import { PLATFORMS } from './platform-names';

void runPlatformApp('stubs', PLATFORMS, () => import('./stubs-app.js'));
