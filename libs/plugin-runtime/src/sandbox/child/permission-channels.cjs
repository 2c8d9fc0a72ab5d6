'use strict';
/*
 * Node publishes each access that its permission model refuses, from its own code in C++. The subscription is made so that a plugin
 * cannot end it: not by the channel, not by the prototype that all channels share, not by the count of subscribers that C++ goes by.
 */
const { subscribe, channel } = require('node:diagnostics_channel');
const { fix } = require('./fixed.cjs');

const PERMISSIONS = ['fs', 'net', 'child', 'worker', 'wasi', 'addon', 'inspector', 'openssl-store'];

const { freeze, preventExtensions, getPrototypeOf, setPrototypeOf, hasOwn } = Object;

/** Without a reference, a channel nobody else holds would be collected. */
const held = [];

/** @param raise told the permission and what it was wanted for */
const hearDenials = (raise) => {
  for (const permission of PERMISSIONS) {
    const name = `node:permission-model:${permission}`;
    // A plugin may have put getters of its own where these fields would be looked for.
    subscribe(name, (denied) => raise(own(denied, 'permission') ?? permission, own(denied, 'resource') ?? 'something that cannot be told'));
    held[held.length] = keep(channel(name));
  }
  keepCounting(getPrototypeOf(held[0]));
};

const own = (object, name) => (hasOwn(object, name) ? object[name] : undefined);

/** Node itself still has to write a number into it, so it cannot be frozen as a whole. */
const keep = (subscribed) => {
  fix(subscribed, '_subscribers', freeze(subscribed._subscribers));
  fix(subscribed, 'publish', subscribed.publish);
  fix(subscribed, 'name', subscribed.name);
  return preventExtensions(subscribed);
};

/**
 * C++ publishes only where a count of subscribers is above zero, and these two lower the count of whatever channel an object says it is.
 * Ours do the same to the channel, and leave the count alone.
 */
const keepCounting = (active) => {
  const inactive = channel('conductor:no-subscribers');
  const { prototype } = inactive.constructor;
  held[held.length] = inactive;
  const rest = (of) => {
    if (of._subscribers.length > 0 || of._stores.size > 0) return;
    setPrototypeOf(of, prototype);
    of._subscribers = of._stores = undefined;
  };
  fix(active, 'unsubscribe', function unsubscribe(subscription) {
    const before = this._subscribers;
    const after = [];
    let found = false;
    for (let at = 0; at < before.length; at++) {
      if (!found && before[at] === subscription) found = true;
      else after[after.length] = before[at];
    }
    if (!found) return false;
    this._subscribers = after;
    rest(this);
    return true;
  });
  fix(active, 'unbindStore', function unbindStore(store) {
    if (!this._stores.has(store)) return false;
    this._stores.delete(store);
    rest(this);
    return true;
  });
};

module.exports = { hearDenials };
