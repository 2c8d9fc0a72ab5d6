'use strict';
/*
 * Tells the parent what was tried and refused, so that a person hears of it. None of this holds anything back that the walls would
 * let through: a plugin that gets around a wire has reached nothing but silence.
 */
const { subscribe } = require('node:diagnostics_channel');
const { fileURLToPath } = require('node:url');

const PERMISSIONS = ['fs', 'child', 'worker', 'wasi', 'addon', 'inspector', 'openssl-store'];
/** Things of `process` that no plugin has a use for. */
const OF_PROCESS = ['binding', '_linkedBinding', 'dlopen', 'setuid', 'seteuid', 'setgid', 'setegid', 'setgroups', 'initgroups', '_debugProcess', '_debugEnd'];
/** Built-in modules that are switched off. */
const SWITCHED_OFF = /^(node:)?sqlite$/;

/** @param report told the permission and what it was wanted for */
const layTripwires = (report, { addons }) => {
  for (const permission of PERMISSIONS) {
    subscribe(`node:permission-model:${permission}`, (denied) => report(String(denied.permission), String(denied.resource).slice(0, 500)));
  }
  const refuse = (name) => () => {
    report('Process', name);
    throw Object.assign(new Error(`process.${name} is not for plugins`), { code: 'ERR_ACCESS_DENIED' });
  };
  for (const name of OF_PROCESS) {
    if (typeof process[name] === 'function' && !(addons && name === 'dlopen')) process[name] = refuse(name);
  }
  const { kill } = process;
  process.kill = (pid, signal) => {
    if (pid === process.pid) return kill.call(process, pid, signal);
    return refuse(`kill ${pid} ${signal ?? ''}`.trim())();
  };
};

/** For the loader's hook: is this a module that is switched off, or a file that is none of the plugin's? */
const isForeignModule = (specifier, folders) => {
  if (SWITCHED_OFF.test(specifier)) return true;
  const path = specifier.startsWith('file:') ? fileURLToPath(specifier) : specifier;
  return path.startsWith('/') && !folders.some((folder) => path === folder || path.startsWith(`${folder}/`));
};

module.exports = { isForeignModule, layTripwires };
