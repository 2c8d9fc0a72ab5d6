import { runPlatformApp } from '@conductor/platform-shell';
import { PLATFORMS } from './platform-names';

void runPlatformApp('android', PLATFORMS, () => import('./android-app.js'));
