'use strict';
/*
 * Tells the parent what was tried and refused, so that a person hears of it. None of this holds anything back that the walls would
 * let through: a plugin that gets around a wire has reached nothing but silence. What can be is put in place for good.
 */
const Module = require('node:module');
const { fileURLToPath } = require('node:url');
const { fix } = require('./fixed.cjs');
const { hearDenials } = require('./permission-channels.cjs');

const { registerHooks, syncBuiltinESMExports } = Module;

/** Things of `process` that no plugin has a use for. */
const OF_PROCESS = ['binding', '_linkedBinding', 'dlopen', 'setuid', 'seteuid', 'setgid', 'setegid', 'setgroups', 'initgroups', '_debugProcess', '_debugEnd'];

/** A built-in module that is switched off; `sqlite` without the prefix is a package of npm's. */
const SWITCHED_OFF = 'node:sqlite';

/**
 * @param raise told the permission and what it was wanted for
 * @param kit where `@conductor/platform-kit` lies, as a URL
 */
const layTripwires = (raise, kit, { addons, readable }) => {
  hearDenials(raise);
  const refuse = (name) => () => {
    raise('Process', name);
    throw Object.assign(new Error(`process.${name} is not for plugins`), { code: 'ERR_ACCESS_DENIED' });
  };
  for (const name of OF_PROCESS) {
    if (typeof process[name] === 'function' && !(addons && name === 'dlopen')) fix(process, name, refuse(name));
  }
  const { kill, _kill: signal, pid: own, getBuiltinModule } = process;
  // The one is what programs call, the other what it calls in turn.
  const whom = (pid) => (typeof pid === 'number' ? `kill ${pid}` : 'kill');
  fix(process, 'kill', (pid, name) => (pid === own ? kill.call(process, own, name) : refuse(whom(pid))()));
  fix(process, '_kill', (pid, number) => (pid === own ? signal.call(process, own, number) : refuse(whom(pid))()));
  fix(process, 'getBuiltinModule', (name) => {
    if (name === SWITCHED_OFF) raise('Module', name);
    return getBuiltinModule.call(process, name);
  });
  watchLoader({
    resolve: (specifier, from, next) => {
      if (specifier === '@conductor/platform-kit') return { url: kit, shortCircuit: true };
      if (isForeignModule(specifier, readable)) raise('Module', specifier);
      return next(specifier, from);
    },
  });
  syncBuiltinESMExports();
};

/** The hooks that came last are asked first, and need not ask the others. So ours always come last. */
const watchLoader = (hooks) => {
  let ours = registerHooks(hooks);
  fix(Module, 'registerHooks', (theirs) => {
    const handle = registerHooks(theirs);
    ours.deregister();
    ours = registerHooks(hooks);
    return handle;
  });
};

/** Is this a module that is switched off, or a file that is none of the plugin's? */
const isForeignModule = (specifier, folders) => {
  if (specifier === SWITCHED_OFF) return true;
  const path = specifier.startsWith('file:') ? fileURLToPath(specifier) : specifier;
  return path.startsWith('/') && !folders.some((folder) => path === folder || path.startsWith(`${folder}/`));
};

module.exports = { layTripwires };
