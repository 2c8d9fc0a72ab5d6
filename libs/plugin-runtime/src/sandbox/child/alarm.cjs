'use strict';
/*
 * Tells the parent what was tried and refused, on a pipe of its own. It is written to at once and by the file system's own function:
 * no buffer, stream or event loop stands between, which a plugin could change, fill, or end before the report is out. All that is used
 * was taken hold of before any plugin code ran.
 */
const { writeSync } = require('node:fs');
const { uncurried } = require('./channel.cjs');

const { stringify } = JSON;
const text = String;
const slice = uncurried(String.prototype.slice);

const ALARM = 4;
const LONGEST = 500;
/** A plugin may have made the pipe one that does not wait. The parent reads it all the time, so there soon is room. */
const MOST_TRIES = 10_000;

const shown = (value, longest) => {
  try {
    return slice(text(value), 0, longest);
  } catch {
    return 'something that cannot be shown';
  }
};

/** Whatever is given, and whatever the plugin has done, this throws nothing. */
const raise = (permission, resource) => write(`${stringify({ __proto__: null, permission: shown(permission, 60), resource: shown(resource, LONGEST) })}\n`);

/** Shows that what is written here still gets there. @param id of the ping that asks for it */
const beat = (id) => write(`{"beat":${id}}\n`);

const write = (line) => {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    try {
      writeSync(ALARM, line);
      return;
    } catch {
      // Full, or closed: the parent sees that.
    }
  }
};

module.exports = { beat, raise };
