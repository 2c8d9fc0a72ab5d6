import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { inProject } from './project.mjs';

/** `node --import` this: a plugin finds the built `@conductor/platform-kit`, as it will when the Conductor runs it. */
const kit = pathToFileURL(inProject('dist', 'libs', 'platform-kit', 'src', 'author.js')).href;
registerHooks({ resolve: (specifier, context, next) => (specifier === '@conductor/platform-kit' ? { url: kit, shortCircuit: true } : next(specifier, context)) });
