import { runPlatformApp } from '@conductor/platform-shell';
import { PLATFORMS } from './platform-names';

void runPlatformApp('brain', PLATFORMS, () => import('./brain-app.js'));
