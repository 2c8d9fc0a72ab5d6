import { runApp } from '@conductor/http';
import { conductorApp } from './conductor-app';

const { build, options } = conductorApp();
void runApp('conductor', build, options);
