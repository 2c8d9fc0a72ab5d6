'use strict';
const { defineProperty } = Object;

/** Puts a value in its place for good: it can be neither changed nor taken away, and nothing else put there. */
const fix = (object, name, value) => defineProperty(object, name, { __proto__: null, value, writable: false, configurable: false, enumerable: true });

module.exports = { fix };
