import { join } from 'node:path';
import { runPlatformApp } from '@conductor/platform-shell';

/** A process that runs one platform, which takes as much memory as it is told; a thin shell while it is not wanted. */
void runPlatformApp('stubs', () => import(join(__dirname, 'hog-app')), [process.argv[2] ?? '']);
