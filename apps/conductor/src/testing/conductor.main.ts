import { loadConfig } from '@conductor/config';
import { startApp } from '@conductor/http';
import { conductorApp } from '../conductor-app';

/** A conductor in a process of its own that a test can kill. */
const { build, options } = conductorApp();
void startApp('conductor', build, loadConfig(), options);
